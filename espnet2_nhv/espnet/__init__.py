"""All that touches ESPnet's insides: registration, the drop-in vocoder, joint models."""

import contextlib
import io

from espnet2_nhv.espnet.lazy import import_later

import_later()
with contextlib.redirect_stdout(io.StringIO()):  # it says each time that there is no flash-attn
    import espnet.nets.pytorch_backend.transformer.attention  # noqa: F401

from espnet2_nhv.espnet.registration import register  # noqa: E402, F401
