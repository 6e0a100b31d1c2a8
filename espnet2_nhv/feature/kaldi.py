"""Kaldi's files as others have written them, read without running anything."""

import pickle
import struct
from pathlib import Path
from typing import Any, BinaryIO, Iterator, Optional, Tuple, Union

import kaldiio
import kaldiio.matio
import numpy as np

from espnet2_nhv.errors import UserError, in_one_line
from espnet2_nhv.feature.stored import FileArray, HeldArray, StoredArray, explained
from espnet2_nhv.text import existing_path


class _NoPickle:
    """In kaldiio's place for the module: an ark may hold a pickled object, and loading one runs what it says."""

    @staticmethod
    def load(*_: Any, **__: Any) -> None:
        raise ValueError("it holds a pickled object, which could run code and is not read")

    def __getattr__(self, name: str) -> Any:
        return getattr(pickle, name)


kaldiio.matio.pickle = _NoPickle()
_KIND = "Kaldi features"
_PLAIN = {b"\0BFM ": np.dtype("<f4"), b"\0BDM ": np.dtype("<f8")}


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
        raise UserError(f"{place}: not readable as {_KIND} ({in_one_line(error)})") from None


def open_place(place: str) -> StoredArray:
    """As :func:`load_place`; the numbers of a matrix that is not compressed are read when asked for.

    Raises
    ------
    FileNotFoundError, UserError
        As :func:`load_place`.
    ValueError
        If it is sound.
    """
    path, colon, offset = place.strip().rpartition(":")
    if colon and offset.isdecimal() and not Path(place.strip()).exists():
        with explained(place, _KIND), open(existing_path(path), "rb") as file:
            file.seek(int(offset))
            matrix = _plain_matrix(file)
        if matrix is not None:
            return matrix
    return HeldArray(np.asarray(load_place(place)))


def open_archive(path: Union[str, Path]) -> Iterator[Tuple[str, StoredArray]]:
    """The arrays of an ark, one at a time; the numbers of those that are not compressed are read when asked for.

    Raises
    ------
    UserError
        If there is no such file, or where it is damaged.
    """
    if not Path(path).is_file():
        raise UserError(f"{path}: there is no such file")
    with open(path, "rb") as file:
        while True:
            with explained(path, _KIND):
                name = kaldiio.matio.read_token(file)
                if name is None:
                    return
                array: Optional[StoredArray] = _plain_matrix(file)
                if array is None:
                    array = HeldArray(np.asarray(kaldiio.matio.read_kaldi(file)))
            yield name, array


def _plain_matrix(file: BinaryIO) -> Optional[FileArray]:
    """The matrix that begins where the file is, which is then behind it; None, the file left as it is, if none does."""
    start = file.tell()
    header = file.read(15)
    if header[:5] not in _PLAIN or len(header) < 15:
        file.seek(start)
        return None
    first, n_rows, second, n_columns = struct.unpack("<cici", header[5:])
    if (first, second) != (b"\4", b"\4"):
        raise ValueError("the header of a matrix is damaged")
    matrix = FileArray(file.name, start + 15, _PLAIN[header[:5]], (n_rows, n_columns), kind=_KIND)
    file.seek(matrix.end)
    return matrix
