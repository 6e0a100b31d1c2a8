"""The band that recordings really have: above it lies what a codec, a converter or the noise of a room has left."""

from typing import Dict, List, Mapping, Optional, Tuple

import numpy as np
import soundfile
from tqdm import tqdm

FILE = "utt2bandwidth"
_BAND = 250.0  # Hz
_WINDOW = 0.046  # s
_MIN_FRAMES = 8  # fewer say nothing about what is loud and what is quiet
# Noise that stays the same has 7 dB between its 5th and 95th percentile in such a band.
_EXCESS = 12.0
# White noise of rounding to 16 bits, dB of full scale; what is within _NOTHING of it is nothing.
_ROUNDING, _NOTHING = -101.1, 6.0
_LOWEST = 4000.0  # Hz; what ends below is a dull sound, not a narrow recording
_WHOLE = 0.95  # of fs / 2: where the filters of converters begin


def measure_bandwidths(wav_scp: Mapping[str, str], utt2spk: Mapping[str, str], fs: int) -> Dict[str, float]:
    """The bandwidth of each utterance, Hz.

    A band belongs to a voice's recordings if, in half of them, it gets 12 dB louder (95th percentile of the frames)
    than it is when it is quiet (5th percentile): where it does not, there is noise or nothing at all. One utterance
    alone could lack a band for want of an s; so those of one speaker are taken together. Beside it, an utterance ends
    where there is nothing but rounding above, whatever others of its speaker have (a file that was an MP3 once).

    Parameters
    ----------
    wav_scp : mapping of utterance to audio file, mono, at `fs`, 16 bits or more
    utt2spk : mapping of utterance to speaker
    fs : int > 0, Hz

    Returns
    -------
    bandwidths : dict of utterance to Hz, a multiple of 250 in [4000, fs / 2), or fs / 2 where nothing ends it
    """
    groups: Dict[str, List[np.ndarray]] = {}
    ends = {}
    bar = tqdm(wav_scp.items(), "bandwidth", unit="file", dynamic_ncols=True, disable=None, leave=False)
    for utterance, path in bar:
        quiet_and_loud = _quiet_and_loud(path)
        if quiet_and_loud is None:
            ends[utterance] = fs / 2
            continue
        quiet, loud = quiet_and_loud
        groups.setdefault(utt2spk[utterance], []).append(loud - quiet)
        ends[utterance] = _end(loud > _ROUNDING + _NOTHING, fs)
    speakers = {speaker: _end(_smooth(np.median(excess, axis=0)) > _EXCESS, fs) for speaker, excess in groups.items()}
    return {utterance: min(end, speakers.get(utt2spk[utterance], end)) for utterance, end in ends.items()}


def _quiet_and_loud(path: str) -> Optional[Tuple[np.ndarray, np.ndarray]]:
    """Levels of each band, dB of full scale, when it is quiet and when it is loud; digital silence is not looked at."""
    wav, fs = soundfile.read(path, dtype="float32")
    n_fft = 2 ** round(np.log2(_WINDOW * fs))
    if len(wav) < n_fft:
        return None
    frames = np.lib.stride_tricks.sliding_window_view(wav, n_fft)[:: n_fft // 2]
    frames = frames[np.any(frames, axis=1)]
    if len(frames) < _MIN_FRAMES:
        return None
    window = np.hanning(n_fft).astype(np.float32)
    power = np.abs(np.fft.rfft(frames * window, axis=1)) ** 2 / np.sum(window**2)
    edges = np.searchsorted(np.fft.rfftfreq(n_fft, 1 / fs), np.arange(0, fs / 2 - _BAND / 2, _BAND))
    bands = np.add.reduceat(power, edges, axis=1) / np.diff(np.append(edges, power.shape[1]))
    level = np.maximum(10 * np.log10(np.maximum(bands, 1e-15)), _ROUNDING)
    quiet, loud = np.percentile(level, (5, 95), axis=0)
    return quiet, loud


def _smooth(excess: np.ndarray) -> np.ndarray:
    """The median of three neighbours: a line (a screen's 15.7 kHz) is no band."""
    padded = np.pad(excess, 1, mode="edge")
    return np.median([padded[:-2], padded[1:-1], padded[2:]], axis=0)


def _end(there: np.ndarray, fs: int) -> float:
    """Where the highest of the bands that are there begins, or fs / 2 if it reaches far enough."""
    number = int(np.max(np.flatnonzero(there), initial=0))
    if (number + 1) * _BAND >= _WHOLE * fs / 2:
        return fs / 2
    return min(max(number * _BAND, _LOWEST), fs / 2)
