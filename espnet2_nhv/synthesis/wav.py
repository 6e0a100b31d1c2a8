"""Writing waveforms."""

import contextlib
import errno
import io
import os
from pathlib import Path
from typing import Callable, Iterator, Union

import numpy as np
import soundfile

from espnet2_nhv.files import naming, whole_file, write_whole

SUBTYPES = ("PCM_16", "FLOAT")
_BYTES = {"PCM_16": 2, "FLOAT": 4}
_LARGEST = 2**32 - 2**16  # bytes of a wav file; larger ones are RF64


def write_wav(path: Union[str, Path], wav: np.ndarray, fs: int, subtype: str = SUBTYPES[0]) -> None:
    """Write a wav file that appears when it is whole.

    Parameters
    ----------
    path : its folder must exist
    wav : array [shape=(L,)], within [-1, 1]
    fs : int > 0, Hz
    subtype : ['PCM_16', 'FLOAT'], sample format
    """
    # Through memory, because libsndfile does not say that a disk is full.
    content = io.BytesIO()
    soundfile.write(content, wav, fs, subtype=subtype, format="WAV")
    write_whole(path, content.getbuffer())


@contextlib.contextmanager
def writing_wav(
    path: Union[str, Path], n_samples: int, fs: int, subtype: str = SUBTYPES[0]
) -> Iterator[Callable[[np.ndarray], None]]:
    """As :func:`write_wav`, block by block: they go to what the ``with`` gives.

    Parameters
    ----------
    n_samples : int, of all of them; a file of more than 4 GB is RF64

    Raises
    ------
    OSError
        If the disk is full.
    """
    size = n_samples * _BYTES[subtype]
    with whole_file(path) as part:
        form = "WAV" if size < _LARGEST else "RF64"
        with _explained(part, path, size):
            file = soundfile.SoundFile(part, "w", fs, 1, subtype=subtype, format=form)

        def write(block: np.ndarray) -> None:
            with _explained(part, path, size):
                file.write(block)

        try:
            yield write
        except BaseException:
            with contextlib.suppress(soundfile.LibsndfileError):
                file.close()
            raise
        with _explained(part, path, size):
            file.close()
        if os.path.getsize(part) < size:  # libsndfile does not say it
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


@contextlib.contextmanager
def _explained(part: Path, path: Union[str, Path], size: int) -> Iterator[None]:
    """libsndfile has one error for all that a disk may say: ask the disk itself, for the whole file."""
    try:
        yield
    except soundfile.LibsndfileError:
        with naming(path), open(part, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, size + 4096)
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(path)) from None
