"""All that touches ESPnet's insides: registration, the drop-in vocoder, joint models."""

from espnet2_nhv.espnet.lazy import import_later

import_later()

from espnet2_nhv.espnet.registration import register  # noqa: E402, F401
