"""Sums of harmonics whose levels change, in memory that does not grow with their number."""

import math

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


def _harmonic(phase: torch.Tensor, f0: torch.Tensor, k: int, fs: int) -> torch.Tensor:
    fade = ((fs / 2 - k * f0) * (2 / (_FADE * fs))).clamp(0.0, 1.0)
    return torch.sin(torch.frac(phase * k) * (2 * math.pi)) * fade


class _Sum(torch.autograd.Function):
    """One harmonic at a time, forwards and again backwards: a matrix of (harmonics x samples) is never there."""

    @staticmethod
    def forward(ctx, phase, f0, amplitudes, hop_length, fs):
        ctx.save_for_backward(phase, f0)
        ctx.sizes = amplitudes.shape, hop_length, fs
        tick = torch.arange(hop_length, dtype=f0.dtype, device=f0.device) / hop_length
        wav = torch.zeros_like(f0)
        for k in range(1, amplitudes.shape[2] + 1):
            level = amplitudes[:, :, k - 1, None]
            level = torch.lerp(level[:, :-1], level[:, 1:], tick)
            wav.addcmul_(level.flatten(1), _harmonic(phase, f0, k, fs))
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
        for k in range(1, shape[2] + 1):
            product = (grad_output * _harmonic(phase, f0, k, fs)).unflatten(1, (-1, hop_length)) @ shares
            gradient[:, :-1, k - 1] += product[..., 0]
            gradient[:, 1:, k - 1] += product[..., 1]
        return None, None, gradient, None, None
