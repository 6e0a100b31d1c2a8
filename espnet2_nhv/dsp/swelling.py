"""Noise that comes and goes with the period of a voice."""

import math

import torch


def swelling(noise: torch.Tensor, phase: torch.Tensor, amplitudes: torch.Tensor) -> torch.Tensor:
    """Modulate noise by ``1 + a cos(2 pi phase) + b sin(2 pi phase)``, at the power it has.

    Parameters
    ----------
    noise, phase : Tensor [shape=(B, T * hop_length)]; phase in cycles, from :func:`~espnet2_nhv.dsp.pulse.sample_phase`
    amplitudes : Tensor [shape=(B, T, 2)], a and b of each frame, held for a hop

    Returns
    -------
    swelling : Tensor [shape=(B, T * hop_length)]; where amplitudes are 0 it is `noise`, bit for bit

    Source: D. J. Hermes, "Synthesis of breathy vowels: some research methods", Speech Communication 10, 1991.
    """
    level = torch.rsqrt(1 + 0.5 * amplitudes.square().sum(dim=-1, keepdim=True))
    a, b = amplitudes[..., :1], amplitudes[..., 1:]
    angle = (2 * math.pi) * phase.view(phase.shape[0], amplitudes.shape[1], -1)
    gain = level + (level * a) * torch.cos(angle) + (level * b) * torch.sin(angle)
    return noise * gain.flatten(1)
