"""What vocoders driven by F0 are excited with, at the sampling rate."""

import math
from typing import Optional, Tuple

import torch

from espnet2_nhv.dsp.pulse import sample_phase
from espnet2_nhv.errors import UserError


def phase_of_samples(
    name: str, f0: Optional[torch.Tensor], hop_length: int, fs: int
) -> Tuple[torch.Tensor, torch.Tensor]:
    """Phase and F0 of every sample, from a random phase, F0 linear between frames and held after the last.

    Parameters
    ----------
    name : str, the vocoder, for the message
    f0 : Tensor [shape=(B, 1, T)], Hz, > 0
    hop_length : int >= 1
    fs : int > 0, Hz

    Returns
    -------
    phase : Tensor [shape=(B, T * hop_length)], cycles, wrapped, float32
    f0_samples : Tensor [shape=(B, T * hop_length), dtype=float32], Hz

    Raises
    ------
    UserError
        If there is no F0.
    """
    if f0 is None:
        raise UserError(f"{name} needs F0 beside the mel: give f0 of shape (B, 1, T) in Hz")
    start = torch.rand(len(f0), dtype=torch.float64, device=f0.device)
    with torch.no_grad(), torch.autocast(f0.device.type, enabled=False):
        frames = torch.cat([f0[:, 0], f0[:, 0, -1:]], dim=1).float()
        phase, f0_samples, _ = sample_phase(frames, hop_length, fs, start)
    return phase, f0_samples


def sine(phase: torch.Tensor, harmonic: int = 1) -> torch.Tensor:
    """Sine of a harmonic of a `phase` in cycles; wrapped, for a sine of many radians is less precise."""
    return torch.sin(torch.frac(phase * harmonic) * (2 * math.pi))


def between_frames(x: torch.Tensor, hop_length: int) -> torch.Tensor:
    """Frames ``(B, C, T + 1)`` to samples ``(B, C, T * hop_length)``, linear in between."""
    tick = torch.arange(hop_length, dtype=x.dtype, device=x.device) / hop_length
    return torch.lerp(x[:, :, :-1, None], x[:, :, 1:, None], tick).flatten(2)
