"""Vocoders outside of training: on any recording or features, in other runtimes, in other programs."""
