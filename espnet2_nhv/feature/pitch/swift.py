"""SwiftF0, a small network, refined by StoneMask: the fastest, and good in noise and high up."""

import functools
from typing import Tuple

import numpy as np
import soxr

from espnet2_nhv.feature.pitch.base import AbsTracker, Piece, Track, at_times
from espnet2_nhv.feature.pitch.periodicity import around, periodicity
from espnet2_nhv.feature.pitch.world import MARGIN, refine

RATE = 16000
STEP = 0.016  # s, its grid
# Its range, Hz. Beyond, the sound is played an octave slower or faster to it.
LOWEST, HIGHEST = 46.875, 2093.75
# How sure it must be of a pitch for it to count as found. Whether that is voiced is another question.
SURE = 0.1
# StoneMask knows the pitch better by a few cents, or is on another harmonic. Cents.
TURN = 30.0
BEYOND_SURE = 0.4  # what lies beyond the range has to be surer: another run is made for it
MUCH, CLEAR = 0.3, 0.8  # of periodicity
# What is left of a period after the one before it: where a lower pitch leaves a fifth of that, it is the pitch.
LITTLE, WORTH_A_LOOK = 0.2, 0.95
FINER = 4
PERIODIC = 0.5
GLIDE = 0.1  # octaves, the most from a point of the grid to half way to the next


class Swift(AbsTracker):
    """SwiftF0's pitch, moved to the instantaneous frequency where that is near.

    Source: L. Nieradzik, "SwiftF0: Fast and accurate monophonic pitch detection", 2025, by its package swift-f0, which
    holds the weights; StoneMask as in pyworld.
    """

    # Pieces begin on its grid, at double speed too: 0.48 s are 30 steps, or 15, and more than it looks to either side.
    piece_seconds, overlap_seconds = 16, 0.48
    package = "swift-f0"
    quick = True

    def __init__(self, spec):
        super().__init__(spec)
        self.detector = _detector()
        self.low, self.high = spec.f0_floor / MARGIN, spec.f0_ceil * MARGIN

    def track(self, piece: Piece) -> Track:
        pitch, confidence = self._detect(piece, 1.0)
        # What lies beyond its range is asked for at another speed, and taken where it is the surer answer.
        speeds = [0.5] * (self.high > HIGHEST) + [2.0] * (self.low < LOWEST)
        for speed in speeds:
            other, other_confidence = self._detect(piece, speed)
            beyond = other > HIGHEST / MARGIN if speed < 1 else other < LOWEST * MARGIN
            better = beyond & (other_confidence > confidence)
            pitch, confidence = np.where(better, other, pitch), np.where(better, other_confidence, confidence)
        grid = np.arange(len(pitch)) * STEP
        sure = confidence >= SURE
        beyond = self._beyond(piece, grid, pitch, sure, confidence)
        sure &= ~beyond
        pitch = _right_octave(piece, grid, pitch, sure, self.low, self.high)
        f0, found = at_times(piece.time, grid, np.where(sure, pitch, 0.0), np.sqrt(self.low * self.high))
        # Between the grid's points a voice may glide; a leap has no middle.
        index = np.clip(np.round(piece.time / STEP).astype(int), 0, len(grid) - 1)
        nearest = pitch[index]
        f0 = np.where(found & (np.abs(np.log2(f0 / nearest)) > GLIDE), nearest, f0)
        # At 16 kHz it costs a third, and finds the same within a cent; but it refuses what is above a twelfth of that.
        low = f0 < piece.reduced[1] / 13
        refined = refine(*piece.reduced, piece.time, f0, found & low)
        refined = refine(piece.wav, piece.fs, piece.time, refined, found & ~low)
        near = np.abs(np.log2(refined / f0)) < TURN / 1200
        confidence = np.interp(piece.time, grid, confidence)
        return Track(np.where(near, refined, f0), found, confidence, beyond=beyond[index])

    def _beyond(
        self, piece: Piece, grid: np.ndarray, pitch: np.ndarray, sure: np.ndarray, confidence: np.ndarray
    ) -> np.ndarray:
        """Where a sound is whose pitch lies beyond the range; `pitch` gets the best one within where it is not that."""
        outside = sure & ((pitch < self.low) | (pitch > self.high))
        out = np.flatnonzero(outside & (confidence > BEYOND_SURE))
        sure &= ~outside
        beyond = np.zeros(len(pitch), dtype=bool)
        if not len(out):
            return beyond
        inside, confidence = self._detect(piece, 1.0, (self.low, self.high))
        # Two periods are as periodic as one: above the range a pitch is believed if no other one repeats better,
        # below it if every other one repeats worse.
        doubt = np.where(pitch[out] > self.high, 0.1, -0.1)
        own, other = (periodicity(*piece.heard, grid[out], x[out]) for x in (pitch, inside))
        believed = (own > PERIODIC) & (own + doubt > other)
        beyond[out] = believed
        pitch[out] = np.where(believed, pitch[out], inside[out])
        sure[out] = believed | (confidence[out] >= SURE)
        return beyond

    def _detect(self, piece: Piece, speed: float, span: Tuple[float, float] = (0.0, np.inf)):
        """Pitch (Hz) within a span and confidence every 16 ms, of the sound played at another speed."""
        from swift_f0.core import FMAX, FMIN

        wav, rate = piece.reduced
        heard = wav if rate * speed == RATE else soxr.resample(wav, rate * speed, RATE)
        low, high = max(span[0] * speed, FMIN), min(span[1] * speed, FMAX)
        found = self.detector.detect(heard.astype(np.float32), RATE, low, high)
        grid = np.arange(max(1, int(np.ceil(len(wav) / rate / STEP)))) * STEP
        then = found.timestamps * speed
        confidence = np.interp(grid, then, found.confidence)
        return np.exp(np.interp(grid, then, np.log(found.pitch_hz / speed))), confidence


def _right_octave(
    piece: Piece, time: np.ndarray, pitch: np.ndarray, sure: np.ndarray, low: float, high: float
) -> np.ndarray:
    """`pitch`, but an octave higher, or one or two or a twelfth lower, where the sound says so.

    After half a period what is odd comes upside down: then the lower octave repeats much better. Two, three or four
    periods are taken for one where that leaves a fraction of what does not repeat. And where a half of the period
    repeats better than all of it, it is the period.
    """
    given, pitch, (wav, rate) = pitch, pitch.copy(), piece.heard
    fine = soxr.resample(wav, rate, FINER * rate), FINER * rate  # at which a lag of whole samples is near enough
    repeats = np.zeros(len(pitch))
    repeats[sure] = periodicity(wav, rate, time[sure], pitch[sure])
    for part in (2, 2, 3, 4):  # a formant on a higher harmonic can draw it there
        at = np.flatnonzero(sure & (pitch > part * low) & (repeats < WORTH_A_LOOK))
        as_low, as_high = (_in_blocks(*fine, time[at], pitch[at] / factor) for factor in (part, 1))
        lower = (as_high < WORTH_A_LOOK) & (as_low > CLEAR) & (1 - as_low < LITTLE * (1 - as_high))
        if part == 2:
            lower |= as_low > as_high + MUCH
        pitch[at] /= np.where(lower, part, 1)
        repeats[at] = np.where(lower, as_low, repeats[at])

    at = np.flatnonzero(sure & (pitch < high / 2))
    at = at[periodicity(wav, rate, time[at], 2 * pitch[at]) > PERIODIC]
    as_low, as_high = (_in_blocks(*fine, time[at], pitch[at] * factor) for factor in (1, 2))
    pitch[at] *= np.where((as_high > as_low) & (as_high > CLEAR), 2, 1)
    # What its neighbours do not share is an accident of a creak.
    level = np.median(around(np.log2(pitch), 5), axis=1)
    return np.where(np.abs(np.log2(pitch) - level) < 0.25, pitch, given)


def _in_blocks(wav: np.ndarray, rate: int, time: np.ndarray, pitch: np.ndarray, size: int = 128) -> np.ndarray:
    """Periodicity of a few frames at a time: at a fine rate windows are long, and many of them a lot of memory."""
    blocks = [slice(begin, begin + size) for begin in range(0, len(time), size)]
    return np.concatenate([np.zeros(0), *(periodicity(wav, rate, time[block], pitch[block]) for block in blocks)])


@functools.lru_cache(maxsize=1)
def _detector():
    from swift_f0 import SwiftF0

    # One thread: recordings run beside each other in processes.
    return SwiftF0(threads=1)
