"""What given mel spectrograms are like, band by band."""

import dataclasses
import functools
from typing import Iterable, Tuple

import numpy as np
import torch

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.mel import LogMel
from espnet2_nhv.feature.spec import FeatureSpec

_MAX_FRAMES = 5000
_NOISE_SECONDS = 1.5


@dataclasses.dataclass(frozen=True)
class MelStatistics:
    """Facts of a set of mels.

    Attributes
    ----------
    n_utterances, n_frames : int
    mean, std, low, high : ndarray [shape=(n_mels,)], over all frames; the extremes are the lowest and highest values
    at_lowest : float in [0, 1], share of all values that equal the lowest of all
    sample : ndarray [shape=(T, n_mels)], the first frames in their order, at most 5000
    """

    n_utterances: int
    n_frames: int
    mean: np.ndarray
    std: np.ndarray
    low: np.ndarray
    high: np.ndarray
    at_lowest: float
    sample: np.ndarray

    @classmethod
    def of(cls, mels: Iterable[np.ndarray]) -> "MelStatistics":
        """Statistics of mels ``(T, n_mels)``, read one after the other.

        Raises
        ------
        UserError
            If there is no frame, or a value is not finite.
        """
        count, n_frames, kept, sample = 0, 0, 0, []
        total = square = low = high = None
        lowest, n_lowest = np.inf, 0
        for mel in mels:
            mel = np.asarray(mel, dtype=np.float64)
            if not np.isfinite(mel).all():
                frame = int(np.argmin(np.isfinite(mel).all(axis=1)))
                raise UserError(f"mel number {count + 1} is not finite at frame {frame}: it is damaged, not scaled")
            count += 1
            if not len(mel):
                continue
            if total is None:
                total, square = np.zeros(mel.shape[1]), np.zeros(mel.shape[1])
                low, high = mel[0].copy(), mel[0].copy()
            total, square = total + mel.sum(axis=0), square + np.square(mel).sum(axis=0)
            low, high = np.minimum(low, mel.min(axis=0)), np.maximum(high, mel.max(axis=0))
            if mel.min() < lowest:
                lowest, n_lowest = mel.min(), 0
            n_lowest += int((mel == lowest).sum())
            n_frames += len(mel)
            if kept < _MAX_FRAMES:
                sample.append(mel[: _MAX_FRAMES - kept])
                kept += len(sample[-1])
        if n_frames == 0:
            raise UserError("there is no frame in the mels given")
        mean = total / n_frames
        std = np.sqrt(np.maximum(square / n_frames - mean**2, 0.0))
        at_lowest = n_lowest / (n_frames * len(mean))
        return cls(count, n_frames, mean, std, low, high, at_lowest, np.concatenate(sample))


@dataclasses.dataclass(frozen=True)
class Changes:
    """How restless the upper half of a mel's bands is: medians of absolute second differences in each band.

    They are near those of noise whatever is sung, so that they tell how frames overlap and how long the logarithm's
    unit is.

    Attributes
    ----------
    in_time, over_two, in_frequency : ndarray [shape=(n_mels - n_mels // 2,)], from frame to frame, over twice as long,
        and from band to band; NaN where there is nothing to take a median of
    """

    in_time: np.ndarray
    over_two: np.ndarray
    in_frequency: np.ndarray

    @classmethod
    def of(cls, mel: np.ndarray) -> "Changes":
        """Those of a mel ``(T, n_mels)``."""
        mel = np.asarray(mel[:, mel.shape[1] // 2 :], dtype=np.float32)
        # What lies on the floor does not move, and says nothing.
        free = mel > mel.min()
        in_frequency = np.pad(_median(_bends(mel.T, free.T, 1).T), 1, mode="edge")
        return cls(_median(_bends(mel, free, 1)), _median(_bends(mel, free, 2)), in_frequency)

    @classmethod
    @functools.lru_cache(maxsize=64)
    def of_noise(cls, spec: FeatureSpec) -> "Changes":
        """Those of white noise at `spec`, the same noise every time."""
        noise = np.random.default_rng(0).normal(size=round(_NOISE_SECONDS * spec.fs)).astype(np.float32)
        with torch.no_grad():
            mel = LogMel(spec)(torch.from_numpy(0.1 * noise))[0].T.numpy()
        edge = -(-spec.n_fft // (2 * spec.hop_length))  # frames that reach beyond the ends
        return cls.of(mel[edge:-edge] if len(mel) > 3 * edge else mel)

    def against(self, known: "Changes") -> Tuple[float, float, float]:
        """Mean logarithms of ratios to `known`: in time, in what twice as long adds to that, and in frequency."""
        with np.errstate(divide="ignore", invalid="ignore"):  # of a mel that does not move nothing is known
            growth, known_growth = self.over_two / self.in_time, known.over_two / known.in_time
        pairs = (self.in_time, known.in_time), (growth, known_growth), (self.in_frequency, known.in_frequency)
        return tuple(_log_ratio(*pair) for pair in pairs)


def _bends(values: np.ndarray, free: np.ndarray, lag: int) -> np.ndarray:
    """Absolute second differences along the first axis over `lag`, NaN where one of the three is not free."""
    if len(values) <= 2 * lag:
        return np.full((1, values.shape[1]), np.nan)
    left, middle, right = slice(None, -2 * lag), slice(lag, -lag), slice(2 * lag, None)
    bends = np.abs(values[right] - 2 * values[middle] + values[left])
    return np.where(free[left] & free[middle] & free[right], bends, np.nan)


def _log_ratio(found: np.ndarray, known: np.ndarray) -> float:
    """Mean logarithm of the ratio over bands; zero where nothing is known."""
    with np.errstate(all="ignore"):
        ratio = np.log(np.maximum(found, 1e-9) / known)
    ratio = ratio[np.isfinite(ratio)]
    return float(ratio.mean()) if len(ratio) else 0.0


def _median(values: np.ndarray) -> np.ndarray:
    """Median over the first axis of what is not NaN; NaN where nothing is."""
    ordered = np.sort(values, axis=0)  # NaN last
    count = np.isfinite(values).sum(axis=0)
    middle = ordered[np.maximum(count - 1, 0) // 2, np.arange(values.shape[1])]
    return np.where(count > 0, middle, np.nan)
