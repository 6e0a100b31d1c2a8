"""Neural homomorphic vocoders for singing, as a plugin of ESPnet."""

from espnet2_nhv.caches import make_room_for_numba

__version__ = "0.1.0"

make_room_for_numba()  # before anything imports librosa


def load_vocoder(path, **options):
    """A saved or exported vocoder, ready for ``wav = vocoder(mel, f0)``; see :mod:`espnet2_nhv.export.load`."""
    from espnet2_nhv.export.load import load_vocoder as load

    return load(path, **options)
