"""Exact conversions between feature specs: log base, floor and frame rate."""

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
    mel : Tensor [shape=(T', n_mels)], with ``T' = ceil(T * source.hop_length / target.hop_length)``
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
    if source.hop_length != target.hop_length:
        ratio = target.hop_length / source.hop_length
        mel = resample_frames(mel, ratio)
        if f0 is not None:
            # Pitch moves in semitones, so it is interpolated in log F0; in float64, lest a steady note lose cents.
            f0 = resample_frames(f0.double().log()[:, None], ratio)[:, 0].exp().to(f0.dtype)
    return mel, f0


def resample_frames(frames: torch.Tensor, step: float) -> torch.Tensor:
    """Linear interpolation of ``(T, C)`` frames at positions 0, step, 2 step, ..., holding the last frame."""
    n_frames = math.ceil(len(frames) / step)
    position = torch.arange(n_frames, dtype=torch.float64, device=frames.device) * step
    left = position.floor().long().clamp(max=len(frames) - 1)
    right = (left + 1).clamp(max=len(frames) - 1)
    weight = (position - left).to(frames.dtype)[:, None]
    return torch.lerp(frames[left], frames[right], weight)
