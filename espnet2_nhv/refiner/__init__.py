"""Mel spectrograms before a vocoder: what is wrong with them, and mending it."""
