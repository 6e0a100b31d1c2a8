"""Noise that comes and goes with the period of a voice."""

import torch


def swelling(noise: torch.Tensor, tangent: torch.Tensor, amplitudes: torch.Tensor) -> torch.Tensor:
    """Modulate noise by ``1 + a cos(2 pi phase) + b sin(2 pi phase)``, at the power it has.

    Parameters
    ----------
    noise : Tensor [shape=(B, T * hop_length)]
    tangent : Tensor [shape=(B, T * hop_length)], :func:`~espnet2_nhv.dsp.pulse.half_tangent` of the phase, which a
        pulse train needs too; cosine and sine are ratios of it
    amplitudes : Tensor [shape=(B, T, 2)], a and b of each frame, held for a hop

    Returns
    -------
    swelling : Tensor [shape=(B, T * hop_length)]; where amplitudes are 0 it is `noise`, bit for bit

    Source: D. J. Hermes, "Synthesis of breathy vowels: some research methods", Speech Communication 10, 1991.
    """
    level = torch.rsqrt(1 + 0.5 * amplitudes.square().sum(dim=-1, keepdim=True))
    a, b = (level * amplitudes).unbind(dim=-1)
    # With t = tan(x / 2): cos x = 2 / (1 + t^2) - 1, sin x = 2 t / (1 + t^2).
    t = tangent.view(tangent.shape[0], amplitudes.shape[1], -1)
    gain = (t * (2 * b[..., None]) + 2 * a[..., None]) / (t * t + 1) + (level - a[..., None])
    return noise * gain.flatten(1)
