"""An F0 curve that somebody has drawn, corrected or played, read at any moment."""

import dataclasses
from typing import Optional, Tuple

import numpy as np

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.spec import FeatureSpec

# Rows further apart than so many usual steps have something unvoiced between them: programs leave such rows out.
_GAP = 3.0
# A curve may end a little after the recording, by its last step or by rounding. s
_TOO_LATE = 0.25
LOWEST = 20.0  # Hz; what is all below is no pitch in Hz


@dataclasses.dataclass(frozen=True)
class Curve:
    """F0 at some moments.

    Attributes
    ----------
    f0 : ndarray [shape=(N,)], Hz, 0 where unvoiced
    time : ndarray [shape=(N,)], s, ascending; None where there is one value a frame
    held : bool, whether a value holds until the next one, as notes do, rather than being a point on a line
    where : str, names it in errors
    """

    f0: np.ndarray
    time: Optional[np.ndarray] = None
    held: bool = False
    where: str = "F0"

    def __post_init__(self):
        f0 = np.asarray(self.f0, dtype=np.float64).reshape(-1)
        if np.isinf(f0).any():
            raise UserError(f"{self.where}: F0 is infinite at value {int(np.argmax(np.isinf(f0)))}: give Hz")
        # Tony marks what it holds for unvoiced by a minus.
        f0 = np.where(np.isfinite(f0) & (f0 > 0), f0, 0.0)
        if not f0.any():
            raise UserError(f"{self.where}: F0 has no value above 0 Hz")
        if f0.max() < LOWEST:
            raise UserError(f"{self.where}: F0 is nowhere above {f0.max():.3g}: is it in Hz?")
        object.__setattr__(self, "f0", f0)
        if self.time is not None:
            time = np.asarray(self.time, dtype=np.float64)
            if not np.isfinite(time).all() or (np.diff(time) < 0).any() or (len(time) and time[0] < 0):
                raise UserError(f"{self.where}: its times are not numbers of seconds that ascend from 0")
            object.__setattr__(self, "time", time)

    def check_length(self, spec: FeatureSpec, n_samples: int) -> None:
        """Refuse a curve that is not of a recording of so many samples.

        Raises
        ------
        UserError
            If it has another number of frames, or sings after the recording has ended.
        """
        seconds, n_frames = n_samples / spec.fs, n_samples // spec.hop_length
        if self.time is None:
            if abs(len(self.f0) - n_frames) > 1:
                hint = other_rate(len(self.f0), n_frames) or "give a file with times, such as csv"
                raise UserError(
                    f"{self.where}: it has {len(self.f0)} values, but the recording has {n_frames} frames "
                    f"({spec.hop_length} samples at {spec.fs} Hz each): {hint}"
                )
        else:
            last = self.time[np.flatnonzero(self.f0)[-1]]
            if last > seconds + _TOO_LATE:
                raise UserError(
                    f"{self.where}: it has a pitch at {last:.2f} s, but the recording ends at {seconds:.2f} s: "
                    "is it of another recording?"
                )

    def at(self, time: np.ndarray, spec: FeatureSpec) -> Tuple[np.ndarray, np.ndarray]:
        """F0 at moments of the recording.

        Parameters
        ----------
        time : ndarray [shape=(T,)], s
        spec : FeatureSpec of the frames, for a curve with one value a frame

        Returns
        -------
        f0 : ndarray [shape=(T,)], Hz, > 0, interpolated linearly in log F0 between voiced values; of no meaning where
            not voiced
        voiced : ndarray of bool [shape=(T,)]
        """
        own = self._times(spec)
        if self.held:
            index = np.searchsorted(own, time, side="right") - 1
            f0 = np.where(index >= 0, self.f0[np.maximum(index, 0)], 0.0)
            return np.where(f0 > 0, f0, self._middle), f0 > 0
        known = self.f0 > 0
        f0 = np.exp(np.interp(time, own[known], np.log(self.f0[known])))
        # The nearest value says whether there is a voice, if there is one near: at the ends within a step, in a gap
        # within half of one.
        right = np.clip(np.searchsorted(own, time), 0, len(own) - 1)
        left = np.maximum(right - 1, 0)
        near = np.where(np.abs(own[right] - time) <= np.abs(time - own[left]), right, left)
        step = np.median(np.diff(own)) if len(own) > 1 else np.inf
        inside = (time >= own[0]) & (time <= own[-1])
        reach = np.where(inside, np.where(own[right] - own[left] > _GAP * step, step / 2, np.inf), step)
        return f0, known[near] & (np.abs(own[near] - time) <= reach * (1 + 1e-9))

    def at_frames(self, spec: FeatureSpec, n_frames: int) -> np.ndarray:
        """F0 at so many frames of a spec, ``(n_frames,)``, Hz, 0 where unvoiced.

        Raises
        ------
        UserError
            As :meth:`check_length`.
        """
        self.check_length(spec, n_frames * spec.hop_length)
        f0, voiced = self.at((np.arange(n_frames) + spec.frame_centre) * spec.hop_length / spec.fs, spec)
        return np.where(voiced, f0, 0.0)

    @property
    def _middle(self) -> float:
        return float(np.exp(np.log(self.f0[self.f0 > 0]).mean()))

    def _times(self, spec: FeatureSpec) -> np.ndarray:
        if self.time is not None:
            return self.time
        return (np.arange(len(self.f0)) + spec.frame_centre) * spec.hop_length / spec.fs


def other_rate(n_f0: int, n_frames: int) -> Optional[str]:
    """What may have happened where F0 has twice or half as many values as the mel has frames."""
    for factor in (2, 3, 4):
        if abs(n_f0 - factor * n_frames) <= factor:
            return f"F0 is at {factor} times the mel's frame rate: give every {_ordinal(factor)} value, f0[::{factor}]"
        if n_f0 > 1 and abs(n_frames - factor * n_f0) <= factor:
            return f"F0 is at 1/{factor} of the mel's frame rate: repeat each value, np.repeat(f0, {factor})"
    return None


def _ordinal(factor: int) -> str:
    return {2: "second", 3: "third", 4: "fourth"}[factor]
