"""Neural homomorphic vocoders for singing, as a plugin of ESPnet."""

__version__ = "0.1.0"


def load_vocoder(path):
    """A saved vocoder, ready for ``wav = vocoder.inference(mel, f0)``; see :mod:`espnet2_nhv.vocoder.saved`."""
    from espnet2_nhv.vocoder.saved import load_vocoder as load

    return load(path)
