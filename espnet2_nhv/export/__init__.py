"""The vocoder in other formats, and loading any of them."""
