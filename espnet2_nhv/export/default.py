"""The vocoder that is used when none is named."""

from pathlib import Path
from typing import Optional

import espnet2_nhv
from espnet2_nhv.errors import UserError


def vocoder_path(given: Optional[str]) -> Path:
    """A path as given, or that of the pretrained vocoder that comes with the project."""
    if given is not None:
        return Path(given)
    path = Path(espnet2_nhv.__file__).resolve().parent.parent / "pretrained" / "nhv_pjs"
    if not path.exists():
        raise UserError(f"there is no default vocoder at {path}: give --vocoder DIR, e.g. --vocoder exp/nhv/vocoder")
    return path
