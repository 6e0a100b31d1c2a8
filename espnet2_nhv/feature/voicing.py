"""Which frames are voiced: those whose sound repeats itself after one period."""

from typing import Tuple

import numpy as np
import soxr

# The sound is judged between 100 Hz, below which rooms rumble, and 8 kHz, above which breath drowns the voice.
RATE = 16000
LOWEST = 100.0
# Periodic and aperiodic power are equal at a correlation of one half.
PERIODIC = 0.5
# Decibels under the loud parts, where a reverberant tail or the mains hum may still repeat but nobody sings.
QUIET = 45.0
SMOOTH_SECONDS = 0.025


def listen(wav: np.ndarray, fs: int) -> Tuple[np.ndarray, int]:
    """The part of a signal by which voicing is judged, and its sampling rate, Hz."""
    from scipy.signal import butter, sosfiltfilt  # slow to import, so only where it is used

    rate = min(RATE, fs)
    wav = soxr.resample(wav, fs, rate)
    return sosfiltfilt(butter(2, LOWEST, "highpass", fs=rate, output="sos"), wav, padlen=0), rate


def voiced_frames(wav: np.ndarray, fs: int, time: np.ndarray, f0: np.ndarray, tracked: np.ndarray) -> np.ndarray:
    """Decide for every frame.

    A pitch tracker that follows a voice through its consonants calls them voiced. Here a frame counts
    as voiced if the tracker had a pitch, at least half of the power repeats after one period of it,
    and it is not far quieter than the rest; single frames follow their neighbours.

    Parameters
    ----------
    wav : ndarray [shape=(L,)], from :func:`listen`
    fs : int > 0, Hz, its sampling rate
    time : ndarray [shape=(T,)], centres of the frames, s, evenly spaced
    f0 : ndarray [shape=(T,)], Hz, > 0
    tracked : ndarray of bool [shape=(T,)], whether `f0` was found there

    Returns
    -------
    voiced : ndarray of bool [shape=(T,)]
    """
    if not tracked.any():
        return np.zeros(len(time), dtype=bool)
    loudness = level(wav, fs, time)
    voiced = tracked & (periodicity(wav, fs, time, f0) > PERIODIC)
    voiced &= loudness > np.percentile(loudness[tracked], 95) - QUIET
    return smooth(voiced, time)


def smooth(yes: np.ndarray, time: np.ndarray) -> np.ndarray:
    """What most frames within 25 ms say, of a decision `yes` (bool) for frames at `time`, s, evenly spaced."""
    from scipy.ndimage import median_filter  # as slow

    frame_seconds = time[1] - time[0] if len(time) > 1 else SMOOTH_SECONDS
    width = 2 * round((SMOOTH_SECONDS / frame_seconds - 1) / 2) + 1
    return median_filter(yes.astype(np.uint8), max(1, width)) > 0


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
