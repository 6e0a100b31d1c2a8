"""A recording of any length as mono samples at a wanted rate: a long one lies in a temporary file."""

import tempfile
from pathlib import Path
from typing import BinaryIO, List, Optional, Tuple, Union

import numpy as np
import soundfile
import soxr

from espnet2_nhv.feature.audio import check_peak, check_rate, gain_of, load_audio, scan_mono
from espnet2_nhv.text import existing_path

LONG_SECONDS = 300.0  # what is shorter is kept in memory


class Recording:
    """Samples in a temporary file, read by slices: ``recording[first:stop]`` is an array.

    Parameters
    ----------
    file : of float32, removed when it is closed
    n_samples : int
    gain : float > 0, by which what is read is multiplied
    first : int >= 0, sample of the file at which it begins
    """

    ndim = 1

    def __init__(self, file: BinaryIO, n_samples: int, gain: float = 1.0, first: int = 0):
        self._file, self._gain, self._first = file, np.float32(gain), first
        self.shape = (n_samples,)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, where: slice) -> np.ndarray:
        first, stop, step = where.indices(len(self))
        if step != 1:
            raise ValueError("a recording is read forwards, every sample")
        self._file.seek(4 * (self._first + first))
        return np.frombuffer(self._file.read(4 * max(0, stop - first)), dtype=np.float32) * self._gain

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return self[:] if dtype is None else self[:].astype(dtype)

    def part(self, first: int, stop: int) -> "Recording":
        """From one sample to another, unread."""
        first, stop, _ = slice(first, stop).indices(len(self))
        return Recording(self._file, max(0, stop - first), float(self._gain), self._first + first)


def part_of(wav: Union[np.ndarray, Recording], first: int, stop: int) -> Union[np.ndarray, Recording]:
    """``wav[first:stop]``, without reading it where it lies in a file."""
    return wav.part(first, stop) if isinstance(wav, Recording) else wav[first:stop]


def open_recording(
    source: str,
    fs: int,
    min_seconds: float,
    allow_upsampling: bool = True,
    strict: bool = False,
    speed: float = 1.0,
    folder: Optional[Path] = None,
) -> Tuple[Union[np.ndarray, Recording], List[str]]:
    """A recording as :func:`espnet2_nhv.feature.audio.load_audio` reads it; by default upsampled, clipped or silent.

    Parameters
    ----------
    source, fs, min_seconds, allow_upsampling, strict, speed : as for load_audio
    folder : path, for the temporary file of a long one: four bytes a sample; the system's own by default

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
        return load_audio(source, fs, allow_upsampling, min_seconds, strict, speed)
    file, stream, n_samples, peak, loudest = tempfile.TemporaryFile(dir=folder), None, 0, 0.0, 0.0

    def take(block: np.ndarray, source_fs: int, last: bool = False) -> None:
        nonlocal stream, n_samples, peak, loudest
        if len(block):
            loudest = max(loudest, float(np.abs(block).max()))
        if source_fs * speed != fs:
            if stream is None:
                check_rate(source_fs * speed, fs, allow_upsampling)  # before it is read to its end
                stream = soxr.ResampleStream(source_fs * speed, fs, 1, dtype="float32", quality="VHQ")
            block = stream.resample_chunk(block, last=last)
        if len(block):
            n_samples, peak = n_samples + len(block), max(peak, float(np.abs(block).max()))
            file.write(block.astype(np.float32, copy=False).tobytes())

    source_fs, channels, warnings = scan_mono(source, take, strict)
    take(np.zeros(0, np.float32), source_fs, last=True)
    if strict:
        check_peak(loudest, channels)
    gain, turned_down = gain_of(peak)
    warnings += check_rate(source_fs * speed, fs, allow_upsampling) + turned_down
    return Recording(file, n_samples, gain), warnings


def _is_long(source: str) -> bool:
    try:
        facts = soundfile.info(existing_path(source))
    except (OSError, RuntimeError, TypeError):  # a pipe, an ark, or nothing: whoever reads it says what is wrong
        return False
    return facts.frames > LONG_SECONDS * facts.samplerate
