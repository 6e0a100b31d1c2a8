"""Which files others may have read and written."""

from pathlib import Path
from typing import Sequence, Union

from espnet2_nhv.errors import UserError


class Folders:
    """Folders that a list or a program may name files in, and none outside of them.

    A bank's oto.ini is somebody else's file, and may well say ``../../``; links that lead out count as outside too.

    Parameters
    ----------
    banks : paths of folders to read from
    outs : paths of folders to write to

    Raises
    ------
    UserError
        If one of them is not there.
    """

    def __init__(self, banks: Sequence[Union[str, Path]], outs: Sequence[Union[str, Path]]):
        for folder in (*banks, *outs):
            if not Path(folder).is_dir():
                raise UserError(f"{folder}: there is no such folder")
        self._banks, self._outs = ([Path(folder).resolve() for folder in folders] for folders in (banks, outs))

    def check(self, source: Path, target: Path) -> None:
        """Refuse a file to read that is outside of the banks, or one to write outside of the other folders."""
        _check(source, self._banks, "read from a bank", "--bank")
        _check(target, self._outs, "written", "--out")
        if target.suffix.lower() != ".wav":
            raise UserError(f"{target}: what is written ends in .wav")


def _check(path: Path, folders: Sequence[Path], what: str, option: str) -> None:
    real = path.resolve()
    if not any(real.is_relative_to(folder) for folder in folders):
        raise UserError(f"{path}: to be {what}, but it lies outside of the folders that {option} gives")
