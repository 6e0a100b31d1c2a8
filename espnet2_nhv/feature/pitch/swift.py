"""SwiftF0, a small network, refined by StoneMask: the fastest, and good in noise and high up."""

import functools

import numpy as np
import soxr

from espnet2_nhv.feature.pitch.base import AbsTracker, Piece, Track, at_times
from espnet2_nhv.feature.pitch.periodicity import periodicity
from espnet2_nhv.feature.pitch.world import MARGIN, refine

RATE = 16000
STEP = 0.016  # s, its grid
# Its range, Hz. Beyond, the sound is played an octave slower or faster to it.
LOWEST, HIGHEST = 46.875, 2093.75
# How sure it must be of a pitch for it to count as found. Whether that is voiced is another question.
SURE = 0.4
# StoneMask knows the pitch better by a few cents, or is on another harmonic. Cents.
TURN = 30.0
MUCH = 0.3  # of periodicity
GLIDE = 0.1  # octaves, the most from a point of the grid to half way to the next


class Swift(AbsTracker):
    """SwiftF0's pitch, moved to the instantaneous frequency where that is near.

    Source: L. Nieradzik, "SwiftF0: Fast and accurate monophonic pitch detection", 2025, by its package swift-f0, which
    holds the weights; StoneMask as in pyworld.
    """

    # Pieces begin on its grid, at double speed too: 4 s are 250 steps, or 125.
    piece_seconds, overlap_seconds = 128, 4
    package = "swift-f0"

    def __init__(self, spec):
        super().__init__(spec)
        self.detector = _detector()
        self.low, self.high = spec.f0_floor / MARGIN, spec.f0_ceil * MARGIN

    def track(self, piece: Piece) -> Track:
        pitch, confidence = self._detect(piece.wav, 1.0)
        # What lies beyond its range is asked for at another speed, and taken where it is the surer answer.
        speeds = [0.5] * (self.high > HIGHEST) + [2.0] * (self.low < LOWEST)
        for speed in speeds:
            other, other_confidence = self._detect(piece.wav, speed)
            beyond = other > HIGHEST / MARGIN if speed < 1 else other < LOWEST * MARGIN
            better = beyond & (other_confidence > confidence)
            pitch, confidence = np.where(better, other, pitch), np.where(better, other_confidence, confidence)
        grid = np.arange(len(pitch)) * STEP
        sure = confidence >= SURE
        pitch = _not_the_octave_above(piece, grid, pitch, sure, self.low)
        f0, found = at_times(piece.time, grid, np.where(sure, pitch, 0.0), np.sqrt(self.low * self.high))
        # Between the grid's points a voice may glide; a leap has no middle.
        nearest = pitch[np.clip(np.round(piece.time / STEP).astype(int), 0, len(grid) - 1)]
        f0 = np.where(found & (np.abs(np.log2(f0 / nearest)) > GLIDE), nearest, f0)
        refined = refine(piece, f0, found)
        near = np.abs(np.log2(refined / f0)) < TURN / 1200
        return Track(np.where(near, refined, f0), found, np.interp(piece.time, grid, confidence))

    def _detect(self, wav: np.ndarray, speed: float):
        """Pitch (Hz) and confidence every 16 ms, of the sound played at another speed."""
        from swift_f0.core import FMAX, FMIN

        heard = soxr.resample(wav.astype(np.float32), self.spec.fs * speed, RATE)
        low, high = max(self.low * speed, FMIN), min(self.high * speed, FMAX)
        found = self.detector.detect(heard, RATE, low, high)
        grid = np.arange(max(1, int(np.ceil(len(wav) / self.spec.fs / STEP)))) * STEP
        then = found.timestamps * speed
        confidence = np.interp(grid, then, found.confidence)
        return np.exp(np.interp(grid, then, np.log(found.pitch_hz / speed))), confidence


def _not_the_octave_above(piece: Piece, time: np.ndarray, pitch: np.ndarray, sure: np.ndarray, low: float):
    """`pitch`, but an octave lower where that repeats much better: after half a period, what is odd is upside down."""
    doubtful = np.flatnonzero(sure & (pitch > 2 * low))
    if not len(doubtful):
        return pitch
    here, high = time[doubtful], pitch[doubtful]
    as_high, as_low = (periodicity(*piece.heard, here, candidate) for candidate in (high, high / 2))
    pitch = pitch.copy()
    pitch[doubtful] = np.where(as_low > as_high + MUCH, high / 2, high)
    return pitch


@functools.lru_cache(maxsize=1)
def _detector():
    from swift_f0 import SwiftF0

    # One thread: recordings run beside each other in processes.
    return SwiftF0(threads=1)
