"""Arrays as they lie in files, read piece by piece: one that is long need not be in memory as a whole."""

import contextlib
import copy
import math
import os
import zipfile
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Iterator, Optional, Tuple, Union

import numpy as np

from espnet2_nhv.errors import UserError, in_one_line


class StoredArray(ABC):
    """An array of which shape and type are known; ``np.asarray`` reads it whole.

    Attributes
    ----------
    shape : tuple of int
    dtype : numpy.dtype
    """

    shape: Tuple[int, ...]
    dtype: np.dtype

    @abstractmethod
    def matrix(self) -> "StoredArray":
        """Itself; of shape ``(1, N, M)`` what is in it, ``(N, M)``."""

    @abstractmethod
    def blocks(self, axis: int, size: int) -> Iterator[np.ndarray]:
        """Of an array of two axes, pieces of `size` along one of them, 0 or 1, one after the other.

        Raises
        ------
        UserError
            Where the file turns out to be damaged or cut short.
        """

    @abstractmethod
    def __array__(self, dtype=None, copy=None) -> np.ndarray: ...


class HeldArray(StoredArray):
    """One that had to be read whole; :meth:`blocks` are views of it."""

    def __init__(self, array: np.ndarray):
        self._array = np.asarray(array)
        self.shape, self.dtype = self._array.shape, self._array.dtype

    def matrix(self) -> "HeldArray":
        return HeldArray(self._array[0]) if _is_one_matrix(self.shape) else self

    def blocks(self, axis: int, size: int) -> Iterator[np.ndarray]:
        for begin in range(0, self.shape[axis], size):
            yield self._array[begin : begin + size] if axis == 0 else self._array[:, begin : begin + size]

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return np.asarray(self._array, dtype=dtype)


class _PlainArray(StoredArray):
    """Plain numbers that begin `offset` bytes into something, in C's order or Fortran's."""

    def __init__(self, path, offset: int, dtype: np.dtype, shape: Tuple[int, ...], is_fortran: bool, kind: str):
        self.path, self.shape, self.dtype = path, tuple(shape), np.dtype(dtype)
        self._offset, self._is_fortran, self._kind = offset, is_fortran, kind
        with explained(path, kind):
            if self.dtype.hasobject:
                raise ValueError("Object arrays are not read")
            if any(n < 0 for n in self.shape):
                raise ValueError(f"it has a shape of {self.shape}")

    @property
    def end(self) -> int:
        """The byte after the last number."""
        return self._offset + self.dtype.itemsize * math.prod(self.shape)  # of any length: a header may say anything

    def matrix(self) -> "StoredArray":
        if not _is_one_matrix(self.shape):
            return self
        inner = copy.copy(self)
        inner.shape = self.shape[1:]
        return inner


class FileArray(_PlainArray):
    """Plain numbers from some byte of a file on: an npy file, or a matrix of Kaldi's that is not compressed.

    Parameters
    ----------
    path : of the file
    offset : int, bytes before the first number
    dtype : numpy.dtype, not of objects
    shape : tuple of int
    is_fortran : bool, the first axis is the one whose numbers lie side by side
    kind : str, what the file should be, for errors

    Raises
    ------
    UserError
        If the file is shorter than that.
    """

    def __init__(
        self,
        path: Union[str, Path],
        offset: int,
        dtype: np.dtype,
        shape: Tuple[int, ...],
        is_fortran: bool = False,
        kind: str = "a NumPy file",
    ):
        super().__init__(path, offset, dtype, shape, is_fortran, kind)
        with explained(path, kind):
            if os.path.getsize(path) < self.end:
                raise ValueError(f"it is cut short: {os.path.getsize(path)} of {self.end} bytes")

    def blocks(self, axis: int, size: int) -> Iterator[np.ndarray]:
        # As the file has it: rows of numbers that lie side by side.
        (n_rows, n_columns), is_by_row = _as_stored(self.shape, self._is_fortran), (axis == 0) != self._is_fortran
        row = n_columns * self.dtype.itemsize
        for begin in range(0, self.shape[axis], size):
            end = min(begin + size, self.shape[axis])
            with explained(self.path, self._kind), open(self.path, "rb", buffering=0) as file:
                if is_by_row:
                    piece = _read(file, self._offset + begin * row, self.dtype, (end - begin) * n_columns)
                    piece = piece.reshape(end - begin, n_columns)
                else:
                    starts = (self._offset + number * row + begin * self.dtype.itemsize for number in range(n_rows))
                    piece = np.empty((n_rows, end - begin), self.dtype)
                    for number, start in enumerate(starts):
                        piece[number] = _read(file, start, self.dtype, end - begin)
            yield piece.T if self._is_fortran else piece

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        with explained(self.path, self._kind), open(self.path, "rb") as file:
            array = _read(file, self._offset, self.dtype, math.prod(self.shape))
        return np.asarray(_shaped(array, self.shape, self._is_fortran), dtype=dtype)


class ZipArray(_PlainArray):
    """An npy file that is a member of an npz file, packed or not: read from its beginning to its end, and checked.

    Parameters
    ----------
    path : of the npz file
    member : str, name in it
    offset, dtype, shape, is_fortran : as of :class:`FileArray`, in the member
    """

    def __init__(
        self,
        path: Union[str, Path],
        member: str,
        offset: int,
        dtype: np.dtype,
        shape: Tuple[int, ...],
        is_fortran: bool,
    ):
        super().__init__(path, offset, dtype, shape, is_fortran, "a NumPy file")
        self._member = member

    def blocks(self, axis: int, size: int) -> Iterator[np.ndarray]:
        if (axis == 0) == self._is_fortran:  # from all over the member, which is not to be unpacked for each again
            yield from HeldArray(np.asarray(self)).blocks(axis, size)
            return
        n_rows, n_columns = _as_stored(self.shape, self._is_fortran)
        counts = [(min(begin + size, n_rows) - begin) * n_columns for begin in range(0, n_rows, size)]
        for piece in self._pieces(counts):
            piece = piece.reshape(-1, n_columns)
            yield piece.T if self._is_fortran else piece

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        (array,) = self._pieces([math.prod(self.shape)])
        return np.asarray(_shaped(array, self.shape, self._is_fortran), dtype=dtype)

    def _pieces(self, counts) -> Iterator[np.ndarray]:
        """So many numbers each, one after the other."""
        with contextlib.ExitStack() as stack:
            with explained(self.path, self._kind):
                archive = stack.enter_context(zipfile.ZipFile(self.path))
                file = stack.enter_context(archive.open(self._member))
                file.read(self._offset)
            for count in counts:
                with explained(self.path, self._kind):
                    piece = _read(file, None, self.dtype, count)
                yield piece
            with explained(self.path, self._kind):
                file.read(1)  # behind the end the checksum is compared


@contextlib.contextmanager
def explained(path: Union[str, Path], kind: str) -> Iterator[None]:
    """Turn whatever reading a file raises into a sentence: damaged bytes fail in as many ways as there are bytes.

    Raises
    ------
    FileNotFoundError
        As it is.
    UserError
        For all else.
    """
    try:
        yield
    except (FileNotFoundError, UserError):
        raise
    except (Exception, SystemError) as error:
        reason = in_one_line(error)
        if "pickle" in reason or "Object arrays" in reason:
            reason = "it holds objects, not numbers: save plain arrays, e.g. np.save(path, f0.astype('float32'))"
        raise UserError(f"{path}: not readable as {kind} ({reason})") from None


def _read(file, start: Optional[int], dtype: np.dtype, count: int) -> np.ndarray:
    if start is not None:
        file.seek(start)
    array = np.empty(count, dtype)
    rest = memoryview(array).cast("B") if array.nbytes else memoryview(b"")
    while rest:
        n_bytes = file.readinto(rest)
        if not n_bytes:
            raise ValueError("it is cut short")
        rest = rest[n_bytes:]
    return array


def _as_stored(shape: Tuple[int, ...], is_fortran: bool) -> Tuple[int, ...]:
    return shape[::-1] if is_fortran else shape


def _shaped(array: np.ndarray, shape: Tuple[int, ...], is_fortran: bool) -> np.ndarray:
    return array.reshape(_as_stored(shape, is_fortran)).T if is_fortran else array.reshape(shape)


def _is_one_matrix(shape: Tuple[int, ...]) -> bool:
    return len(shape) == 3 and shape[0] == 1
