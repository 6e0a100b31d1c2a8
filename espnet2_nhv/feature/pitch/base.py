"""What every pitch tracker keeps."""

import dataclasses
import functools
from abc import ABC, abstractmethod
from typing import Optional, Tuple

import numpy as np

from espnet2_nhv.feature.pitch.periodicity import (
    periodicity,
    reduced,
    smooth,
    without_rumble,
    without_rumble_quickly,
)
from espnet2_nhv.feature.spec import FeatureSpec


@dataclasses.dataclass(frozen=True)
class Track:
    """What a tracker heard at given times.

    Attributes
    ----------
    f0 : ndarray [shape=(T,)], Hz, > 0, of no meaning where `found` is false
    found : ndarray of bool [shape=(T,)], whether there was a pitch
    confidence : ndarray [shape=(T,)], in [0, 1], how voiced the tracker itself takes each frame for (0.5: as likely as
        not), or None for a tracker that does not say; voicing is then judged by the sound alone
    voiced : ndarray of bool [shape=(T,)], or None; where the tracker has the last word on voicing, its word
    beyond : ndarray of bool [shape=(T,)], or None for a tracker that does not look: whether there is a periodic sound
        whose pitch lies beyond the range of the search
    """

    f0: np.ndarray
    found: np.ndarray
    confidence: Optional[np.ndarray] = None
    voiced: Optional[np.ndarray] = None
    beyond: Optional[np.ndarray] = None


@dataclasses.dataclass(frozen=True)
class Piece:
    """Some seconds of a recording, and the frames in them.

    Attributes
    ----------
    wav : ndarray [shape=(L,)], float64
    fs : int > 0, Hz
    time : ndarray [shape=(T,)], s, centres of the frames, evenly spaced, counted from the first sample
    frame_seconds : float > 0, s, from frame to frame
    start : float >= 0, s, where in the recording the piece begins
    """

    wav: np.ndarray
    fs: int
    time: np.ndarray
    frame_seconds: float
    start: float = 0.0
    quick: bool = False  # whether rumble is taken away in the quick way

    @functools.cached_property
    def reduced(self) -> Tuple[np.ndarray, int]:
        """It at no more than 16 kHz, and that rate."""
        return reduced(self.wav, self.fs)

    @functools.cached_property
    def heard(self) -> Tuple[np.ndarray, int]:
        """The part of it by which voicing is judged, and its rate: :func:`espnet2_nhv.feature.pitch.voicing.listen`."""
        return (without_rumble_quickly if self.quick else without_rumble)(*self.reduced)

    def periodicity(self, f0: np.ndarray) -> np.ndarray:
        """How much of each frame repeats after one period of `f0`, Hz: as voicing.periodicity has it; ``(T,)``."""
        return periodicity(*self.heard, self.time, f0)

    def smooth(self, yes: np.ndarray) -> np.ndarray:
        """What most frames within 25 ms say."""
        return smooth(yes, self.frame_seconds)


class AbsTracker(ABC):
    """Finds the pitch of one voice.

    Long recordings reach it in pieces that overlap: it may look as far to the sides of a moment as the overlap, and
    what it says of a moment must not depend on where the piece begins.

    Parameters
    ----------
    spec : FeatureSpec, of which fs, f0_floor and f0_ceil count

    Attributes
    ----------
    piece_seconds : int >= 1, s
    overlap_seconds : float > 0, s
        Pieces begin at whole multiples of the first, less the second.
    package : str or None, what has to be installed
    quick : bool, whether it can do without SciPy, which takes two seconds to be imported
    """

    piece_seconds: int = 30
    overlap_seconds: float = 1
    package: Optional[str] = None
    quick: bool = False

    def __init__(self, spec: FeatureSpec):
        self.spec = spec

    def check(self, n_samples: int) -> None:
        """Refuse a recording of so many samples, by a UserError; where it does not matter nothing is done."""

    @abstractmethod
    def track(self, piece: Piece) -> Track:
        """Pitch at the frames of a piece of a recording, which is at ``spec.fs``."""


def at_times(time: np.ndarray, grid: np.ndarray, pitch: np.ndarray, fallback: float):
    """A tracker's own grid read at other times.

    Parameters
    ----------
    time : ndarray [shape=(T,)], s
    grid : ndarray [shape=(N,)], s, ascending and evenly spaced, N >= 1
    pitch : ndarray [shape=(N,)], Hz, 0 where none was found
    fallback : float > 0, Hz, what to say where there is none anywhere

    Returns
    -------
    f0 : ndarray [shape=(T,)], Hz, > 0, interpolated linearly in log F0
    found : ndarray of bool [shape=(T,)], whether the nearest point of the grid has a pitch
    """
    known = pitch > 0
    if not known.any():
        return np.full(len(time), fallback), np.zeros(len(time), dtype=bool)
    f0 = np.exp(np.interp(time, grid[known], np.log(pitch[known])))
    step = grid[1] - grid[0] if len(grid) > 1 else 1.0
    return f0, known[np.clip(np.round((time - grid[0]) / step).astype(int), 0, len(grid) - 1)]
