"""Discriminators, and which there are."""
