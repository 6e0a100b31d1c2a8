"""Cutting a recording into phrases, at silences."""

from typing import List, Tuple

import numpy as np
from scipy.ndimage import maximum_filter1d, uniform_filter1d
from scipy.signal import butter, sosfilt

STEP = 0.01  # s
LONG_SILENCE = 0.6  # s; a phrase ends here, and what exceeds the edges is dropped
SHORT_SILENCE = 0.15  # s; where a phrase that is too long may be cut
BRIDGE = 2.0  # s; the longest silence kept inside, to join a short phrase to the next
EDGE = 0.25  # s, of silence kept at both ends
NOISE_SECONDS, NOISE_BELOW = 1.5, 20.0  # s with both edges, dB below loud singing: a lone noise, no phrase

Span = Tuple[int, int]


def split_phrases(wav: np.ndarray, fs: int, max_seconds: float = 12.0, min_seconds: float = 3.0) -> List[Span]:
    """Where the phrases of a recording are.

    Nothing but long silence is left out, and lone noises in it (a click, a page). A breath before a phrase is part
    of it. A phrase longer than `max_seconds` is cut in a short silence, or where it is quietest if it has none; one
    shorter than `min_seconds` is joined to a neighbour if one is near.

    Parameters
    ----------
    wav : ndarray or Recording [shape=(L,)], L > 0; read in blocks
    fs : int > 0, Hz
    max_seconds : float > 0, s
    min_seconds : float > 0, s, a wish; it is lowered to ``max_seconds / 3`` if above

    Returns
    -------
    phrases : list of (start, end), samples, in order, not overlapping, each at most `max_seconds` long
    """
    step = int(fs * STEP)
    level = sound_level(wav, fs)
    loud = loudness(level)
    silent = level < silence_threshold(level, loud)
    longest, shortest = int(max_seconds / STEP), int(min(min_seconds, max_seconds / 3) / STEP)
    phrases = _join_short(_between_long_silences(silent), longest, shortest)
    phrases = [(start, end) for start, end in phrases if not _is_noise(level[start:end], loud)]
    phrases = [piece for phrase in phrases for piece in _cut_long(phrase, silent, level, longest, shortest)]
    # The last step may be a broken one.
    return [(start * step, len(wav) if end == len(level) else end * step) for start, end in phrases]


def sound_level(wav: np.ndarray, fs: int) -> np.ndarray:
    """Level in dB of full scale, at least -120, every 10 ms (``int(fs * STEP)`` samples), of the 50 ms around.

    Of what is above 100 Hz: rumble is louder than a breath in many a room, and a bass has overtones.
    """
    step, power = int(fs * STEP), []
    rumble_filter = butter(4, 100, "high", fs=fs, output="sos")
    # Settled on a mirror of the first half second: a recording need not begin at zero.
    head = wav[: fs // 2 + 1]
    _, state = sosfilt(rumble_filter, 2 * head[0] - head[:0:-1], zi=np.zeros((2, 2)))
    for start in range(0, len(wav), 1000 * step):
        block, state = sosfilt(rumble_filter, wav[start : start + 1000 * step], zi=state)
        starts = np.arange(0, len(block), step)
        power.append(np.add.reduceat(block**2, starts) / np.diff(np.append(starts, len(block))))
    return 10 * np.log10(np.maximum(uniform_filter1d(np.concatenate(power), 5), 1e-12))


def loudness(level: np.ndarray) -> float:
    """Level in dB of loud singing."""
    return float(np.percentile(level[level > level.max() - 40], 90))


def silence_threshold(level: np.ndarray, loud: float) -> float:
    """The level in dB below which nothing sounds: a little above the noise floor, 35 to 50 dB below loud singing.

    The bounds keep a floor that was misjudged, in a recording without any silence, from swallowing breaths.
    """
    return float(np.clip(np.percentile(level, 2) + 6, loud - 50, loud - 35))


def quietest(level: np.ndarray, start: int, end: int) -> int:
    """The step in [start, end) where `level` is lowest."""
    return start + int(np.argmin(level[start:end]))


def _silences(silent, seconds) -> List[Span]:
    """Runs of silence of at least `seconds`. The 20 ms next to a sound belong to it: its onset and its decay."""
    silent = ~maximum_filter1d(~silent, 5)
    change = np.flatnonzero(np.diff(np.concatenate([[False], silent, [False]]).astype(int))).tolist()
    return [(start, end) for start, end in zip(change[::2], change[1::2]) if end - start >= seconds / STEP]


def _between_long_silences(silent) -> List[Span]:
    edge = int(EDGE / STEP)
    start, phrases = 0, []
    for pause_start, pause_end in _silences(silent, LONG_SILENCE):
        if pause_start > 0:
            phrases.append((start, pause_start + edge))
        start = pause_end - edge
    if start < len(silent) - edge or not phrases:
        phrases.append((start, len(silent)))
    return phrases


def _join_short(phrases, longest, shortest) -> List[Span]:
    """Join neighbours of which one is short, silence between them included, where that makes no overlong phrase."""
    joined = [phrases[0]]
    for start, end in phrases[1:]:
        last_start, last_end = joined[-1]
        short = min(last_end - last_start, end - start) < shortest
        if short and start - last_end <= (BRIDGE - 2 * EDGE) / STEP and end - last_start <= longest:
            joined[-1] = (last_start, end)
        else:
            joined.append((start, end))
    return joined


def _is_noise(level, loud) -> bool:
    return len(level) * STEP < NOISE_SECONDS and level.max() < loud - NOISE_BELOW


def _cut_long(phrase, silent, level, longest, shortest) -> List[Span]:
    start, end = phrase
    if end - start <= longest:
        return [phrase]
    inside = start + shortest, end - shortest
    pauses = _silences(silent[start:end], SHORT_SILENCE)
    middles = [(b - a, start + (a + b) // 2) for a, b in pauses if inside[0] <= start + (a + b) // 2 <= inside[1]]
    cut = max(middles)[1] if middles else quietest(level, *inside)
    parts = [(start, cut), (cut, end)]
    return [piece for part in parts for piece in _cut_long(part, silent, level, longest, shortest)]
