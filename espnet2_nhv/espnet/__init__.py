"""All that touches ESPnet's insides: registration, the drop-in vocoder, joint models."""

from espnet2_nhv.espnet.registration import register  # noqa: F401
