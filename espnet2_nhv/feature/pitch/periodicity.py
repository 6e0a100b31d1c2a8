"""How far a sound repeats itself after one period, and how loud it is, frame by frame."""

from typing import Tuple

import numpy as np
import soxr

# The sound is judged between 100 Hz, below which rooms rumble, and 8 kHz, above which breath drowns the voice.
RATE = 16000
LOWEST = 100.0
SMOOTH_SECONDS = 0.025


def listen(wav: np.ndarray, fs: int) -> Tuple[np.ndarray, int]:
    """The part of a signal by which voicing is judged, and its sampling rate, Hz."""
    return without_rumble(*reduced(wav, fs))


def reduced(wav: np.ndarray, fs: int) -> Tuple[np.ndarray, int]:
    """A signal at no more than 16 kHz, and that rate, Hz."""
    rate = min(RATE, fs)
    return soxr.resample(wav, fs, rate), rate


def without_rumble(wav: np.ndarray, rate: int) -> Tuple[np.ndarray, int]:
    """What is above 100 Hz, and the rate, Hz."""
    from scipy.signal import butter, sosfiltfilt  # slow to import, so only where it is used

    return sosfiltfilt(butter(2, LOWEST, "highpass", fs=rate, output="sos"), wav, padlen=0), rate


def without_rumble_quickly(wav: np.ndarray, rate: int) -> Tuple[np.ndarray, int]:
    """As :func:`without_rumble`, by its gain at each frequency: SciPy's filters take two seconds to be imported."""
    silence = rate // 10
    spectrum = np.fft.rfft(np.pad(wav, silence))
    frequency = np.fft.rfftfreq(len(wav) + 2 * silence, 1 / rate)
    spectrum *= 1 / (1 + (LOWEST / np.maximum(frequency, 1e-3)) ** 4)  # Butterworth's of second order, there and back
    return np.fft.irfft(spectrum, len(wav) + 2 * silence)[silence : silence + len(wav)], rate


def periodicity(wav: np.ndarray, fs: int, time: np.ndarray, f0: np.ndarray) -> np.ndarray:
    """Normalised correlation of the sound with itself one period later, around each time.

    Parameters
    ----------
    wav : ndarray [shape=(L,)]
    fs : int > 0, Hz
    time : ndarray [shape=(T,)], s
    f0 : ndarray [shape=(T,)], Hz, > 0

    Returns
    -------
    correlation : ndarray [shape=(T,)], in [-1, 1]; periodic over total power where the rest is noise
    """
    if not len(time):
        return np.zeros(0)
    period = fs / f0
    # A Hann window of two periods, but not so short that noise correlates by chance.
    half = np.maximum(period, 0.006 * fs)
    reach = int(np.ceil(half.max() + period.max())) + 1
    padded = np.pad(wav.astype(np.float32), reach + fs // 10)
    lag = np.round(period).astype(int)
    first = np.round(time * fs).astype(int) + reach + fs // 10 - lag // 2
    correlation = np.empty(len(time))
    # In blocks, so that a long song does not become a (frames x window) array.
    for start in range(0, len(time), 512):
        block = slice(start, start + 512)
        widest = int(np.ceil(half[block].max()))
        offset = np.arange(-widest, widest + 1)
        window = np.cos(np.pi / 2 * np.minimum(1.0, np.abs(offset) / half[block, None])) ** 2
        here = first[block, None] + offset
        a, b = padded[here], padded[here + lag[block, None]]
        power = (window * a * a).sum(1) * (window * b * b).sum(1)
        correlation[block] = (window * a * b).sum(1) / np.sqrt(power + 1e-20)
    return correlation


def level(wav: np.ndarray, fs: int, time: np.ndarray, seconds: float = 0.02) -> np.ndarray:
    """Root mean square around each time, dB re full scale (-120 for silence); ``(T,)``."""
    energy = np.concatenate([[0.0], np.cumsum(np.square(wav, dtype=np.float64))])
    centre, half = np.round(time * fs).astype(int), int(seconds * fs / 2)
    left, right = np.clip(centre - half, 0, len(wav)), np.clip(centre + half, 0, len(wav))
    return 10.0 * np.log10(np.maximum(energy[right] - energy[left], 0.0) / np.maximum(right - left, 1) + 1e-12)


def smooth(yes: np.ndarray, frame_seconds: float) -> np.ndarray:
    """What most frames within 25 ms say, of a decision `yes` (bool) for frames so many seconds apart."""
    width = max(1, 2 * round((SMOOTH_SECONDS / frame_seconds - 1) / 2) + 1)
    return around(yes, width).sum(axis=1) * 2 > width


def lasting(yes: np.ndarray, frame_seconds: float, seconds: float) -> np.ndarray:
    """Where a decision `yes` (bool) holds for all frames within `seconds` around; ``(T,)`` of bool."""
    return around(yes, 2 * int(seconds / 2 / frame_seconds) + 1).all(axis=1)


def around(values: np.ndarray, width: int) -> np.ndarray:
    """Each value between its neighbours, ``(T, width)``, the ends mirrored; `width` is odd."""
    # SciPy has filters for this, but takes a third of a second to be imported.
    return np.lib.stride_tricks.sliding_window_view(np.pad(values, width // 2, mode="symmetric"), width)
