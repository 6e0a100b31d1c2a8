"""The phase at frames in float32 alone, where there is no float64: in two parts, of which one is exact."""

from typing import Tuple

import torch

# Cycles. Multiples of it add up without rounding as long as sums stay below 2^24 of them, which is 2048 cycles.
_GRID = 2.0**-13
_BLOCK = 64  # frames after which sums are wrapped, so that they stay small
_HZ = 0.25  # F0 in steps of this, times a hop in seconds of eight bits, is a float32 without rounding


def frame_phase(f0: torch.Tensor, hop_length: int, fs: int) -> torch.Tensor:
    """Phase at frames, as :func:`espnet2_nhv.dsp.pulse.sample_phase` has it in float64.

    Parameters
    ----------
    f0 : Tensor [shape=(1, T + 1), dtype=float32], Hz, F0 at samples 0, hop_length, ..., T * hop_length
    hop_length : int >= 1
    fs : int > 0, Hz

    Returns
    -------
    phase : Tensor [shape=(1, T), dtype=float32], cycles in [-0.5, 0.5], of the first T; that of the first is 0

    Notes
    -----
    A hop's cycles are a multiple of a grid and a rest that is smaller. Sums of the first are exact, wrapped every 64
    frames; the second is too small for its sums to lose anything. It holds for 131072 frames, 25 minutes of
    a hop of 512 samples at 44.1 kHz.
    """
    seconds = hop_length / fs
    scale = 2.0 ** torch.frexp(torch.tensor(seconds, dtype=torch.float64)).exponent.item() / 64
    coarse_seconds = round(seconds / scale) * scale
    coarse_f0 = (f0 * (1 / _HZ)).round() * _HZ
    coarse = _wrap(coarse_f0 * (0.5 * coarse_seconds))
    fine = coarse_f0 * (0.5 * (seconds - coarse_seconds)) + (f0 - coarse_f0) * (0.5 * seconds)
    # From the middle between two frames' F0, half of each.
    coarse, fine = (x[:, :-1] + x[:, 1:] for x in (coarse, fine))
    coarse, fine = _carry(coarse, fine)

    n_frames = coarse.shape[1]
    size = (n_frames + _BLOCK - 1) // _BLOCK * _BLOCK
    coarse, fine = (torch.cat([x, x.new_zeros(1, _BLOCK - 1)], dim=1)[:, :size] for x in (coarse, fine))
    coarse, fine = (x.view(1, -1, _BLOCK) for x in (coarse, fine))
    coarse_sum, fine_sum = (x.cumsum(dim=2) for x in (coarse, fine))
    coarse_total, fine_total = _carry(coarse_sum[:, :, -1], fine_sum[:, :, -1])
    before = _wrap(coarse_total.cumsum(dim=1) - coarse_total) + (fine_total.cumsum(dim=1) - fine_total)
    phase = _wrap(_wrap(coarse_sum - coarse) + (fine_sum - fine) + before[:, :, None])
    return phase.flatten(1)[:, :n_frames]


def _carry(coarse: torch.Tensor, fine: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
    """What of both is a multiple of the grid, wrapped, and what is left."""
    fine = (coarse - _on_grid(coarse)) + fine
    return _wrap(_on_grid(coarse) + _on_grid(fine)), fine - _on_grid(fine)


def _on_grid(x: torch.Tensor) -> torch.Tensor:
    return (x * (1 / _GRID)).round() * _GRID


def _wrap(cycles: torch.Tensor) -> torch.Tensor:
    return cycles - cycles.round()
