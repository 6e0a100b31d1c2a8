"""What was measured, shown: tables, RESULTS and the listening page."""
