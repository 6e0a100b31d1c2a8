"""Files to be written, looked at before the work for them is done."""

import os
from pathlib import Path
from typing import Optional, Union

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.finding import AUDIO


def check_target(path: Union[str, Path], source: Optional[Union[str, Path]] = None) -> None:
    """Refuse a wav file that cannot be written, before the work that would be lost with it.

    Parameters
    ----------
    path : of the file to be written
    source : path of the recording that it is made of, which must not be the same file

    Raises
    ------
    UserError
        If it is a folder or the source, has the name of another format, or its folder is missing or may not be
        written to.
    """
    path = Path(path)
    if source is not None and path.exists() and Path(source).exists() and path.samefile(source):
        raise UserError(f"{path} is the recording itself, which would be lost: give another file to write to")
    if path.suffix.lower() in AUDIO and path.suffix.lower() != ".wav":
        raise UserError(f"{path}: what is written is wav: call it {path.with_suffix('.wav').name}")
    check_place(path, "song.wav")


def check_place(path: Union[str, Path], example: str) -> None:
    """Refuse a file that cannot be written, before the work that would be lost with it; `example` is a name for it.

    Raises
    ------
    UserError
        If it is a folder, or its folder is missing or may not be written to.
    """
    path = Path(path)
    folder = path.absolute().parent
    if path.is_dir():
        raise UserError(f"{path} is a folder: give the name of a file, e.g. {path / example}")
    if not folder.is_dir():
        raise UserError(f"{path}: there is no folder {path.parent} to write it to")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UserError(f"{path}: {path.parent} may not be written to: check its rights, or give another path")
