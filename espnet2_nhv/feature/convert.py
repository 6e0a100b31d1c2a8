"""Conversions between feature specs: log base, floor, frame rate and frame centre."""

import math
from typing import Iterable, Iterator, Optional, Tuple

import torch

from espnet2_nhv.feature.spec import FeatureSpec, check_compatible


def convert_features(
    mel: torch.Tensor, f0: Optional[torch.Tensor], source: FeatureSpec, target: FeatureSpec
) -> Tuple[torch.Tensor, Optional[torch.Tensor]]:
    """Features of one spec as features of another.

    Parameters
    ----------
    mel : Tensor [shape=(T, n_mels)], log-mel of `source`
    f0 : Tensor [shape=(T,)], Hz, > 0, or None
    source, target : FeatureSpec

    Returns
    -------
    mel : Tensor [shape=(T', n_mels)], interpolated where hop or frame centre differ;
        ``T' = ceil(T * source.hop_length / target.hop_length)``
    f0 : Tensor [shape=(T',)] or None

    Raises
    ------
    UserError
        If the specs differ in what cannot be converted.
    """
    check_compatible(source, target)
    mel = resampled_curves(_rescaled(mel, source, target), source, target)
    if f0 is not None and not _same_frames(source, target):
        # Pitch moves in semitones, so it is interpolated in log F0; in float64, lest a steady note lose cents.
        f0 = resampled_curves(f0.double().log()[:, None], source, target)[:, 0].exp().to(f0.dtype)
    return mel, f0


def convert_blocks(
    mels: Iterable[torch.Tensor], n_frames: int, source: FeatureSpec, target: FeatureSpec
) -> Iterator[torch.Tensor]:
    """The mel of :func:`convert_features` block by block, as it comes: joined blocks equal the whole.

    Parameters
    ----------
    mels : iterable of Tensor [shape=(n, n_mels)], n >= 1, log-mel of `source`
    n_frames : int, of all of them
    source, target : FeatureSpec

    Raises
    ------
    UserError
        As :func:`convert_features`.
    """
    check_compatible(source, target)
    blocks = (_rescaled(mel, source, target) for mel in mels)
    return blocks if _same_frames(source, target) else _resampled_blocks(blocks, n_frames, *_steps(source, target))


def _rescaled(mel: torch.Tensor, source: FeatureSpec, target: FeatureSpec) -> torch.Tensor:
    """Log base and floor, value by value."""
    if source.log_base != target.log_base:
        mel = mel * (source.ln_base / target.ln_base)
    if source.floor != target.floor:
        mel = mel.clamp(min=target.log_floor)
    return mel


def resampled_curves(frames: torch.Tensor, source: FeatureSpec, target: FeatureSpec) -> torch.Tensor:
    """Frames ``(T, C)`` of one spec at the frames of another, interpolated where hop or frame centre differ."""
    return frames if _same_frames(source, target) else resample_frames(frames, *_steps(source, target))


def _steps(source: FeatureSpec, target: FeatureSpec) -> Tuple[float, float]:
    """From frame to frame of `target`, and its first one, in frames of `source`."""
    return target.hop_length / source.hop_length, target.first_centre / source.hop_length - source.frame_centre


def _same_frames(source: FeatureSpec, target: FeatureSpec) -> bool:
    return (source.hop_length, source.frame_centre) == (target.hop_length, target.frame_centre)


def resample_frames(frames: torch.Tensor, step: float, first: float = 0.0) -> torch.Tensor:
    """Linear interpolation of ``(T, C)`` frames at positions first, first + step, ..., holding the ends."""
    left, right, weight = _neighbours(len(frames), step, first, frames)
    return torch.lerp(frames[left], frames[right], weight)


def _resampled_blocks(
    blocks: Iterable[torch.Tensor], n_frames: int, step: float, first: float
) -> Iterator[torch.Tensor]:
    """:func:`resample_frames` of the `n_frames` that blocks have, without holding more of them than it takes."""
    frames, begin, done, neighbours = None, 0, 0, None
    for block in blocks:
        neighbours = neighbours or _neighbours(n_frames, step, first, block)
        frames = block if frames is None else torch.cat([frames, block])
        left, right, weight = neighbours
        ready = int(torch.searchsorted(right, begin + len(frames)))
        if ready > done:
            new = slice(done, ready)
            yield torch.lerp(frames[left[new] - begin], frames[right[new] - begin], weight[new])
        needed = int(left[ready]) if ready < len(left) else begin + len(frames)
        frames, begin, done = frames[max(0, needed - begin) :], max(begin, min(needed, begin + len(frames))), ready


def _neighbours(
    n_frames: int, step: float, first: float, like: torch.Tensor
) -> Tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Between which frames, and where between them, positions first, first + step, ... are."""
    position = torch.arange(math.ceil(n_frames / step), dtype=torch.float64, device=like.device) * step + first
    position = position.clamp(min=0)
    left = position.floor().long().clamp(max=n_frames - 1)
    right = (left + 1).clamp(max=n_frames - 1)
    return left, right, (position - left).to(like.dtype)[:, None]
