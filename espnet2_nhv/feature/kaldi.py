"""Kaldi's files as others have written them, read without running anything."""

import pickle
from pathlib import Path
from typing import Any, Iterator, Tuple, Union

import kaldiio
import kaldiio.matio
import numpy as np

from espnet2_nhv.errors import UserError, in_one_line
from espnet2_nhv.text import existing_path


class _NoPickle:
    """In kaldiio's place for the module: an ark may hold a pickled object, and loading one runs what it says."""

    @staticmethod
    def load(*_: Any, **__: Any) -> None:
        raise ValueError("it holds a pickled object, which could run code and is not read")

    def __getattr__(self, name: str) -> Any:
        return getattr(pickle, name)


kaldiio.matio.pickle = _NoPickle()


def load_place(place: str) -> Any:
    """What is at a place of an scp, ``FILE.ark:OFFSET`` or a file: an array, or rate and samples of sound.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    UserError
        If nothing can be read there, or it is a command, which is not run for features.
    """
    place = place.strip()
    if place.endswith("|"):
        raise UserError(f"{place}: a command is not run to get features: write them into an ark")
    path, colon, offset = place.rpartition(":")
    named = f"{existing_path(path)}:{offset}" if colon and not Path(place).exists() else existing_path(place)
    try:
        return kaldiio.load_mat(named)
    except FileNotFoundError:
        raise
    except (Exception, SystemError) as error:  # damaged bytes fail in as many ways as there are bytes
        raise UserError(f"{place}: not readable as Kaldi features ({in_one_line(error)})") from None


def load_archive(path: Union[str, Path]) -> Iterator[Tuple[str, np.ndarray]]:
    """The arrays of an ark, one at a time.

    Raises
    ------
    UserError
        If there is no such file, or where it is damaged.
    """
    if not Path(path).is_file():
        raise UserError(f"{path}: there is no such file")
    try:
        for name, array in kaldiio.load_ark(str(path)):
            yield name, np.asarray(array)
    except (Exception, SystemError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path}: not readable as Kaldi features ({in_one_line(error)})") from None
