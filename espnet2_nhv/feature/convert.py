"""Conversions between feature specs: log base, floor, frame rate and frame centre."""

import math
from typing import Optional, Tuple

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
    if source.log_base != target.log_base:
        mel = mel * (source.ln_base / target.ln_base)
    if source.floor != target.floor:
        mel = mel.clamp(min=target.log_floor)
    mel = resampled_curves(mel, source, target)
    if f0 is not None and not _same_frames(source, target):
        # Pitch moves in semitones, so it is interpolated in log F0; in float64, lest a steady note lose cents.
        f0 = resampled_curves(f0.double().log()[:, None], source, target)[:, 0].exp().to(f0.dtype)
    return mel, f0


def resampled_curves(frames: torch.Tensor, source: FeatureSpec, target: FeatureSpec) -> torch.Tensor:
    """Frames ``(T, C)`` of one spec at the frames of another, interpolated where hop or frame centre differ."""
    if _same_frames(source, target):
        return frames
    step = target.hop_length / source.hop_length
    return resample_frames(frames, step, target.first_centre / source.hop_length - source.frame_centre)


def _same_frames(source: FeatureSpec, target: FeatureSpec) -> bool:
    return (source.hop_length, source.frame_centre) == (target.hop_length, target.frame_centre)


def resample_frames(frames: torch.Tensor, step: float, first: float = 0.0) -> torch.Tensor:
    """Linear interpolation of ``(T, C)`` frames at positions first, first + step, ..., holding the ends."""
    n_frames = math.ceil(len(frames) / step)
    position = torch.arange(n_frames, dtype=torch.float64, device=frames.device) * step + first
    position = position.clamp(min=0)
    left = position.floor().long().clamp(max=len(frames) - 1)
    right = (left + 1).clamp(max=len(frames) - 1)
    weight = (position - left).to(frames.dtype)[:, None]
    return torch.lerp(frames[left], frames[right], weight)
