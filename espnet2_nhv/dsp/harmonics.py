"""Sums of harmonics whose levels change, in memory that does not grow with their number."""

import math
from typing import Iterator

import torch

# A harmonic fades over this share of the band below the Nyquist frequency, lest it click when it appears.
_FADE = 0.02


def sum_of_harmonics(
    phase: torch.Tensor, f0: torch.Tensor, amplitudes: torch.Tensor, hop_length: int, fs: int
) -> torch.Tensor:
    """Sines at multiples of F0, their amplitudes linear between frames, those above the Nyquist frequency left out.

    Parameters
    ----------
    phase : Tensor [shape=(B, T * hop_length)], cycles, wrapped, of the fundamental
    f0 : Tensor [shape=(B, T * hop_length)], Hz
    amplitudes : Tensor [shape=(B, T + 1, K)], of harmonics 1..K at samples 0, hop_length, ..., T * hop_length
    hop_length : int >= 1
    fs : int > 0, Hz

    Returns
    -------
    wav : Tensor [shape=(B, T * hop_length)]; its gradient reaches `amplitudes`
    """
    return _Sum.apply(phase, f0, amplitudes.to(f0.dtype), hop_length, fs)


def _harmonics(phase: torch.Tensor, f0: torch.Tensor, count: int, fs: int) -> Iterator[torch.Tensor]:
    """Sines of harmonics 1..count, faded out at the Nyquist frequency, until no sample has room for more.

    Each is the one before turned by the fundamental's angle: a complex product where sine and wrapping would be four
    passes over the samples. What is lost to rounding is 90 dB below after hundreds of them.
    """
    lowest, highest = f0.min().item(), f0.max().item()
    turn = torch.polar(torch.ones_like(phase), 2 * math.pi * phase)
    pointer = turn.clone()
    for k in range(1, count + 1):
        if k * lowest >= fs / 2:
            return
        if k * highest > (1 - _FADE) * fs / 2:
            yield pointer.imag * ((fs / 2 - k * f0) * (2 / (_FADE * fs))).clamp(0.0, 1.0)
        else:
            yield pointer.imag
        pointer *= turn


class _Sum(torch.autograd.Function):
    """One harmonic at a time, forwards and again backwards: a matrix of (harmonics x samples) is never there."""

    @staticmethod
    def forward(ctx, phase, f0, amplitudes, hop_length, fs):
        ctx.save_for_backward(phase, f0)
        ctx.sizes = amplitudes.shape, hop_length, fs
        tick = torch.arange(hop_length, dtype=f0.dtype, device=f0.device) / hop_length
        wav = torch.zeros_like(f0)
        for k, harmonic in enumerate(_harmonics(phase, f0, amplitudes.shape[2], fs)):
            level = amplitudes[:, :, k, None]
            wav.addcmul_(torch.lerp(level[:, :-1], level[:, 1:], tick).flatten(1), harmonic)
        return wav

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad_output):
        phase, f0 = ctx.saved_tensors
        shape, hop_length, fs = ctx.sizes
        tick = torch.arange(hop_length, dtype=f0.dtype, device=f0.device) / hop_length
        # How much of a sample belongs to the frame before it, and to the one after.
        shares = torch.stack([1 - tick, tick], dim=1)
        gradient = grad_output.new_zeros(shape)
        for k, harmonic in enumerate(_harmonics(phase, f0, shape[2], fs)):
            product = (grad_output * harmonic).unflatten(1, (-1, hop_length)) @ shares
            gradient[:, :-1, k] += product[..., 0]
            gradient[:, 1:, k] += product[..., 1]
        return None, None, gradient, None, None
