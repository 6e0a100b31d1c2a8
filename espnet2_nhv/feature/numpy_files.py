"""NumPy files of others: plain numbers, read without running anything."""

import zipfile
from pathlib import Path
from typing import Dict, Union

import numpy as np

from espnet2_nhv.feature.stored import FileArray, StoredArray, ZipArray, explained

MAX_BYTES = 8 << 30  # an hour of 128 bands has a third of a GiB; a file that is packed may be anything
_MAGIC = b"\x93NUMPY"


def open_arrays(path: Union[str, Path]) -> Dict[str, StoredArray]:
    """The arrays of an npz file by name, or that of an npy file as ``arr_0``; their numbers are read when asked for.

    Raises
    ------
    FileNotFoundError
        If there is none.
    UserError
        If it is damaged, or holds objects, which could run code; so does what is read of an array later.
    """
    with explained(path, "a NumPy file"):
        with open(path, "rb") as file:
            first = file.read(len(_MAGIC))
            file.seek(0)
            if first == _MAGIC:
                return {"arr_0": FileArray(path, **_header(file))}
        if first[:1] == b"\x80":
            raise ValueError("it is a pickle")
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            size = sum(member.file_size for member in members)
            if size > MAX_BYTES:
                raise ValueError(f"unpacked it has {size / 2**30:.0f} GiB, more than {MAX_BYTES / 2**30:.0f}")
            arrays = {}
            for member in members:
                with archive.open(member) as file:
                    if member.filename.endswith(".npy"):
                        array = ZipArray(path, member.filename, **_header(file))
                        if array.end > member.file_size:
                            raise ValueError(f"{member.filename} in it is cut short")
                        arrays[member.filename[:-4]] = array
            return arrays


def load_arrays(path: Union[str, Path]) -> Dict[str, np.ndarray]:
    """As :func:`open_arrays`, with all numbers read."""
    return {name: np.asarray(array) for name, array in open_arrays(path).items()}


def _header(file) -> dict:
    """What an npy file says of its numbers; the file is then where they begin."""
    version = np.lib.format.read_magic(file)
    if version > (2, 0):
        raise ValueError("it holds records, not numbers")
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, is_fortran, dtype = read(file)
    return dict(offset=file.tell(), dtype=dtype, shape=shape, is_fortran=is_fortran)
