"""Frames in another time: stretched where a voice is held, hardly where a consonant is."""

import numpy as np

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.spec import FeatureSpec

RANGE = (0.25, 4.0)
_STIFF = 0.15  # how much of the stretching of a vowel a consonant takes part in
_LEAST = 0.2  # frames that a frame becomes at least
# After the voice sets in, the mouth is still on its way from the consonant. s
_ONSET = 0.06
_REST = 0.1  # s from the nearest voice, and nothing is a consonant any more


def stretch_positions(voiced: np.ndarray, factor: float, spec: FeatureSpec) -> np.ndarray:
    """Where in a recording each frame of its stretched version comes from.

    Parameters
    ----------
    voiced : array of bool or float [shape=(T,)], > 0 where there is a voice
    factor : float in [0.25, 4], by which the whole becomes longer
    spec : FeatureSpec of the frames

    Returns
    -------
    positions : ndarray [shape=(round(factor * T),)], in frames, ascending from 0

    Raises
    ------
    UserError
        If the factor is not in its range.

    Notes
    -----
    Consonants, which are unvoiced frames near a voice, and the onset after them take part with 15 %; what is held, and
    rests, make up for it: as singers do, and as a resampler's fixed part does. If there is nothing else, all is
    stretched alike.
    """
    if not RANGE[0] <= factor <= RANGE[1]:
        raise UserError(f"a stretch of {factor:g} is not a factor from {RANGE[0]:g} to {RANGE[1]:g} (1 leaves it)")
    n_frames, n_out = len(voiced), max(1, round(factor * len(voiced)))
    if factor == 1.0:
        return np.arange(n_frames, dtype=np.float64)
    soft = _softness(np.asarray(voiced) > 0, spec.frame_rate)
    lengths = 1 + (factor - 1) * soft * n_frames / soft.sum()
    # Where the held part alone cannot become that much shorter, the rest helps.
    for _ in range(20):
        lengths = np.maximum(lengths, _LEAST if factor >= _LEAST else factor)
        lengths = 1 + (lengths - 1) * (factor - 1) * n_frames / (lengths - 1).sum()
    lengths = np.maximum(lengths, 0.05)
    ends = np.concatenate([[0.0], np.cumsum(lengths)])
    return np.interp(np.arange(n_out) * ends[-1] / n_out, ends, np.arange(n_frames + 1)).clip(0, n_frames - 1)


def at_positions(frames: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Frames ``(T,)`` or ``(T, C)`` at positions ``(N,)`` in frames, linear in between, the ends held."""
    positions = np.clip(positions, 0, len(frames) - 1)
    left = np.minimum(positions.astype(int), max(len(frames) - 2, 0))
    weight = (positions - left).astype(frames.dtype)
    weight = weight if frames.ndim == 1 else weight[:, None]
    return frames[left] + (frames[np.minimum(left + 1, len(frames) - 1)] - frames[left]) * weight


def pitch_at_positions(f0: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """F0 ``(T,)``, Hz, > 0, at positions, linear in log F0."""
    return np.exp(at_positions(np.log(f0.astype(np.float64)), positions)).astype(np.float32)


def _softness(voiced: np.ndarray, frame_rate: float) -> np.ndarray:
    """How much of the stretching each frame takes part in: 1 where a voice is held, or rests."""
    frame, onset = np.arange(len(voiced)), round(_ONSET * frame_rate)
    sung = np.flatnonzero(voiced)
    if not len(sung):
        return np.ones(len(voiced))
    right = np.searchsorted(sung, frame).clip(0, len(sung) - 1)
    away = np.minimum(np.abs(sung[right] - frame), np.abs(frame - sung[np.maximum(right - 1, 0)]))
    soft = np.where(voiced | (away > _REST * frame_rate), 1.0, _STIFF)
    starts = np.flatnonzero(voiced & ~np.concatenate([[False], voiced[:-1]]))
    for start in starts:
        rise = np.linspace(_STIFF, 1.0, onset + 1)[:-1]
        end = min(start + onset, len(soft))
        soft[start:end] = np.minimum(soft[start:end], rise[: end - start])
    return soft
