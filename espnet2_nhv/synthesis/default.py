"""The vocoder that is used when none is named."""

from pathlib import Path
from typing import Optional

import espnet2_nhv
from espnet2_nhv.errors import UserError

DEFAULT = Path(espnet2_nhv.__file__).resolve().parent.parent / "pretrained" / "nhv_pjs"


def vocoder_path(given: Optional[str]) -> Path:
    """A path as given, or that of the pretrained vocoder that comes with the project."""
    if given is not None:
        return Path(given)
    if not DEFAULT.exists():
        raise UserError(f"there is no default vocoder at {DEFAULT}: give --vocoder DIR, e.g. --vocoder exp/nhv/vocoder")
    return DEFAULT
