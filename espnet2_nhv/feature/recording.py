"""A recording of any length as mono samples at a wanted rate: a long one lies in a temporary file."""

import math
import tempfile
from typing import BinaryIO, List, Tuple, Union

import numpy as np
import soundfile
import soxr

from espnet2_nhv.feature.audio import FULL_SCALE, load_audio, scan_mono

LONG_SECONDS = 300.0  # what is shorter is kept in memory


class Recording:
    """Samples in a temporary file, read by slices: ``recording[first:stop]`` is an array.

    Parameters
    ----------
    file : of float32, removed when it is closed
    n_samples : int
    gain : float > 0, by which what is read is multiplied
    """

    ndim = 1

    def __init__(self, file: BinaryIO, n_samples: int, gain: float = 1.0):
        self._file, self._gain = file, np.float32(gain)
        self.shape = (n_samples,)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, where: slice) -> np.ndarray:
        first, stop, step = where.indices(len(self))
        if step != 1:
            raise ValueError("a recording is read forwards, every sample")
        self._file.seek(4 * first)
        return np.frombuffer(self._file.read(4 * max(0, stop - first)), dtype=np.float32) * self._gain

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return self[:] if dtype is None else self[:].astype(dtype)


def open_recording(source: str, fs: int, min_seconds: float) -> Tuple[Union[np.ndarray, Recording], List[str]]:
    """A recording as :func:`espnet2_nhv.feature.audio.load_audio` reads it, upsampled if need be, clipped or silent.

    Parameters
    ----------
    source : as for load_audio
    fs : int > 0, Hz
    min_seconds : float > 0, s

    Returns
    -------
    wav : ndarray or, of more than five minutes, Recording [shape=(L,)], float32, within [-1, 1]
    warnings : list of str, one sentence each

    Raises
    ------
    BadAudio
        As load_audio.
    """
    if not _is_long(source):
        return load_audio(source, fs, True, min_seconds, strict=False)
    file, stream, n_samples, peak = tempfile.TemporaryFile(), None, 0, 0.0

    def take(block: np.ndarray, source_fs: int, last: bool = False) -> None:
        nonlocal stream, n_samples, peak
        if source_fs != fs:
            stream = stream or soxr.ResampleStream(source_fs, fs, 1, dtype="float32", quality="VHQ")
            block = stream.resample_chunk(block, last=last)
        if len(block):
            n_samples, peak = n_samples + len(block), max(peak, float(np.abs(block).max()))
            file.write(block.astype(np.float32, copy=False).tobytes())

    source_fs, _, warnings = scan_mono(source, take, strict=False)
    take(np.zeros(0, np.float32), source_fs, last=True)
    if source_fs < fs:
        warnings.append(f"upsampled from {source_fs} Hz: its real bandwidth ends at {source_fs / 2:g} Hz")
    if peak > 1:
        warnings.append(f"turned down by {20 * math.log10(peak):.2f} dB: its peak was above full scale")
    return Recording(file, n_samples, FULL_SCALE / peak if peak > 1 else 1.0), warnings


def _is_long(source: str) -> bool:
    try:
        facts = soundfile.info(source)
    except (OSError, RuntimeError, TypeError):  # a pipe, an ark, or nothing: whoever reads it says what is wrong
        return False
    return facts.frames > LONG_SECONDS * facts.samplerate
