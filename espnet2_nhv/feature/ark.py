"""Feature matrices in Kaldi ark files: never half of one."""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Dict, Iterator, Union

import kaldiio
import numpy as np

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.datadir import read_table
from espnet2_nhv.feature.kaldi import load_place
from espnet2_nhv.files import naming, whole_file


class ArkWriter:
    """Write float32 matrices into an ark file that appears under its name when the ``with`` block ends well.

    ::

        with ArkWriter("ark/feats.1.ark") as writer:
            writer["song1"] = mel  # (T, n_mels)
        writer.offsets["song1"]  # where it is: "ark/feats.1.ark:OFFSET" is its place

    Parameters
    ----------
    path : of the file; its folder must exist

    Raises
    ------
    OSError
        With the file's name, e.g. when the disk is full; nothing of the file stays then.
    """

    def __init__(self, path: Union[str, Path]):
        self.path = Path(path)
        self.offsets: Dict[str, int] = {}

    def __enter__(self) -> "ArkWriter":
        with contextlib.ExitStack() as stack:
            part = stack.enter_context(whole_file(self.path))
            with naming(self.path):
                self._file = open(part, "wb")
            stack.callback(self._close)
            self._stack = stack.pop_all()
        return self

    def __setitem__(self, utt: str, matrix: np.ndarray) -> None:
        if matrix.ndim != 2:
            raise ValueError(f"{utt}: a matrix has two dimensions, not the shape {matrix.shape}")
        # Kaldi's place is behind "UTT ", which kaldiio writes first.
        self.offsets[utt] = self._file.tell() + len(f"{utt} ".encode())
        with naming(self.path):
            kaldiio.save_ark(self._file, {utt: np.ascontiguousarray(matrix, dtype=np.float32)})

    def __exit__(self, kind, error, trace) -> None:
        self._stack.__exit__(kind, error, trace)

    def _close(self) -> None:
        with naming(self.path):
            self._file.close()


def read_matrix(utt: str, place: str) -> np.ndarray:
    """Read one matrix.

    Parameters
    ----------
    utt : str, named in errors
    place : str, "FILE.ark:OFFSET", or what else Kaldi allows in an scp

    Returns
    -------
    matrix : ndarray [shape=(T, C)], a copy that may be written to

    Raises
    ------
    UserError
        If the file is missing or cut short, or something else is at that place.
    """
    try:
        matrix = load_place(place)
    except FileNotFoundError as error:
        raise UserError(f"{error.filename}, which holds {utt}, is missing: run stage 3 again") from None
    except UserError:
        matrix = None
    if not isinstance(matrix, np.ndarray) or matrix.ndim != 2:
        raise UserError(
            f"{place}: {utt} cannot be read, the file is cut short or of another run: "
            "run stage 3 again, it makes what is not whole"
        )
    return np.array(matrix)


class ArkTable(Mapping):
    """The matrices of an scp file, each read when it is asked for.

    Parameters
    ----------
    path : of the scp file

    Raises
    ------
    UserError
        If the scp is missing, has two entries of one id, or an entry without a place; on access, as
        :func:`read_matrix`.
    """

    def __init__(self, path: Union[str, Path]):
        self.places = read_table(path)

    def __getitem__(self, utt: str) -> np.ndarray:
        return read_matrix(utt, self.places[utt])

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)
