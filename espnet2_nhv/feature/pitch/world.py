"""What WORLD's trackers share: its grid, its range, and the refinement by instantaneous frequency."""

from typing import Callable, Tuple

import numpy as np
import pyworld

from espnet2_nhv.feature.pitch.base import Piece, at_times
from espnet2_nhv.feature.spec import FeatureSpec

# WORLD's own grid. Harvest works on it whatever period it is asked for and then takes the nearest point,
# so asking for the hop would move frames by up to half a millisecond; from the grid we interpolate.
STEP_MS = 1.0
# A pitch at the very end of the range is only found when the search goes a little beyond it.
MARGIN = 2.0 ** (1 / 12)


def world_track(tracker: Callable, piece: Piece, spec: FeatureSpec) -> Tuple[np.ndarray, np.ndarray]:
    """Pitch at the frames of a piece (Hz, > 0) and whether it was found, by ``pyworld.harvest`` or ``pyworld.dio``."""
    search = dict(f0_floor=spec.f0_floor / MARGIN, f0_ceil=spec.f0_ceil * MARGIN, frame_period=STEP_MS)
    pitch, _ = tracker(piece.wav, piece.fs, **search)
    grid = np.arange(len(pitch)) * STEP_MS / 1000
    return at_times(piece.time, grid, pitch, fallback=np.sqrt(spec.f0_floor * spec.f0_ceil))


def refine(wav: np.ndarray, fs: int, time: np.ndarray, f0: np.ndarray, where: np.ndarray) -> np.ndarray:
    """`f0` with instantaneous frequencies (StoneMask) in its place where wanted and possible."""
    refined = pyworld.stonemask(wav, np.where(where, f0, 0.0), time, fs)
    return np.where(refined > 0, refined, f0)
