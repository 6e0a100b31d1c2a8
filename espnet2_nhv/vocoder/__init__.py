"""Generators on one contract, one per file, and how to build, save and load them."""

from espnet2_nhv.vocoder.registry import build_vocoder, vocoder_class  # noqa: F401
from espnet2_nhv.vocoder.saved import load_card, load_vocoder, save_vocoder  # noqa: F401
