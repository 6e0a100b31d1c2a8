"""Neural homomorphic vocoders for singing, as a plugin of ESPnet."""

__version__ = "0.1.0"


def load_vocoder(path, **options):
    """A saved or exported vocoder, ready for ``wav = vocoder(mel, f0)``; see :mod:`espnet2_nhv.export.load`."""
    from espnet2_nhv.export.load import load_vocoder as load

    return load(path, **options)
