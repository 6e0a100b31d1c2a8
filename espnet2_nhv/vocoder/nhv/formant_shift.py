"""Formants moved in filters that are there already."""

import math
from typing import List, Tuple

import torch
from torch import nn


class FormantShift(nn.Module):
    """Cepstra of both filters stretched over frequency: what was at f is then at ``scale * f``, magnitude and phase.

    The network reads the mel as it is, which it knows, and what it made of it is moved; a mel with moved formants is
    none that a voice has. Between bins the logarithm of a response is a straight line, beyond the last one it is held.

    Parameters
    ----------
    anticausal_order, order : int, quefrencies of the harmonic filter
    noise_order : int, highest quefrency of the noise filter, which has no phase
    """

    def __init__(self, anticausal_order: int, order: int, noise_order: int):
        super().__init__()
        # Fine enough that between bins the fastest ripple is almost a straight line.
        n_fft = 2 ** math.ceil(math.log2(4 * max(order, anticausal_order)))
        bins = torch.arange(n_fft // 2 + 1, dtype=torch.float64)

        def angles(first, last):
            return 2 * math.pi / n_fft * torch.arange(first, last + 1, dtype=torch.float64)[:, None] * bins

        def constant(name, value):
            self.register_buffer(name, value.float().contiguous(), persistent=False)

        constant("bins", bins)
        constant("weight", torch.where((bins == 0) | (bins == n_fft // 2), 1.0, 2.0) / n_fft)
        harmonic = angles(-anticausal_order, order)
        constant("to_spectra", torch.cat([torch.cos(harmonic), torch.sin(harmonic)], dim=1))
        constant("to_noise_level", torch.cos(angles(0, noise_order)))

    def forward(
        self, harmonic: torch.Tensor, noise: torch.Tensor, semitones: torch.Tensor
    ) -> Tuple[torch.Tensor, torch.Tensor]:
        """Cepstra ``(B, T, n)`` of the harmonic and of the noise filter, and by how much they move ``(B, T)``.

        Frames that are not to move stay as they are, to the last bit.
        """
        return shift_formants(harmonic, noise, semitones, self.matrices())

    def matrices(self) -> List[torch.Tensor]:
        """What :func:`shift_formants` needs."""
        return [self.bins, self.weight, self.to_spectra, self.to_noise_level]


def shift_formants(
    harmonic: torch.Tensor, noise: torch.Tensor, semitones: torch.Tensor, matrices: List[torch.Tensor]
) -> Tuple[torch.Tensor, torch.Tensor]:
    """:meth:`FormantShift.forward` as a function, which TorchScript can call from what is traced."""
    bins, weight, to_spectra, to_noise_level = matrices
    semitones, last = semitones[:, :, None], bins.shape[0] - 1
    place = (bins * torch.exp(semitones * (-math.log(2.0) / 12))).clamp(max=float(last))
    left = place.floor().clamp(max=float(last - 1))
    index, share = left.long(), place - left
    spectra = torch.matmul(harmonic, to_spectra)
    level, phase = spectra[:, :, : last + 1], spectra[:, :, last + 1 :]
    spectra = torch.cat([weight * _between(level, index, share), weight * _between(phase, index, share)], dim=2)
    noise_level = weight * _between(torch.matmul(noise, to_noise_level), index, share)
    # So written, exported files hold each matrix once.
    moved = torch.matmul(to_spectra, spectra.transpose(1, 2)).transpose(1, 2)
    moved_noise = torch.matmul(to_noise_level, noise_level.transpose(1, 2)).transpose(1, 2)
    # A quefrency above 0 of the noise filter stands for its negative too.
    moved_noise = 2 * moved_noise - torch.nn.functional.pad(moved_noise[:, :, :1], [0, noise.shape[2] - 1])
    stays = semitones == 0
    return torch.where(stays, harmonic, moved), torch.where(stays, noise, moved_noise)


def _between(values: torch.Tensor, index: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    low, high = torch.gather(values, 2, index), torch.gather(values, 2, index + 1)
    return low + (high - low) * weight
