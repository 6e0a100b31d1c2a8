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
    n_fft : int, of the filters
    anticausal_order, order : int, quefrencies of the harmonic filter
    noise_order : int, highest quefrency of the noise filter, which has no phase
    """

    def __init__(self, n_fft: int, anticausal_order: int, order: int, noise_order: int):
        super().__init__()
        self.n_bins = n_fft // 2 + 1
        bins = torch.arange(self.n_bins, dtype=torch.float64)
        weight = torch.where((bins == 0) | (bins == n_fft // 2), 1.0, 2.0)[:, None] / n_fft

        def matrices(first, last, part):
            quefrency = torch.arange(first, last + 1, dtype=torch.float64)
            angle = 2 * math.pi / n_fft * quefrency[:, None] * bins
            return part(angle), part(angle).T * weight

        def constant(name, value):
            self.register_buffer(name, value.float().contiguous(), persistent=False)

        to_level, from_level = matrices(-anticausal_order, order, torch.cos)
        to_phase, from_phase = matrices(-anticausal_order, order, torch.sin)
        constant("to_spectra", torch.cat([to_level, to_phase], dim=1))
        constant("from_spectra", torch.cat([from_level, from_phase]))
        to_level, from_level = matrices(0, noise_order, torch.cos)
        # A quefrency above 0 stands for its negative too, half of it in each.
        constant("to_noise_level", to_level)
        constant("from_noise_level", torch.cat([from_level[:, :1], 2 * from_level[:, 1:]], dim=1))
        constant("bins", bins)

    def forward(
        self, harmonic: torch.Tensor, noise: torch.Tensor, semitones: torch.Tensor
    ) -> Tuple[torch.Tensor, torch.Tensor]:
        """Cepstra ``(B, T, n)`` of the harmonic and of the noise filter, and by how much they move ``(B, T)``.

        Frames that are not to move stay as they are, to the last bit.
        """
        return shift_formants(harmonic, noise, semitones, self.matrices())

    def matrices(self) -> List[torch.Tensor]:
        """What :func:`shift_formants` needs."""
        return [self.bins, self.to_spectra, self.from_spectra, self.to_noise_level, self.from_noise_level]


def shift_formants(
    harmonic: torch.Tensor, noise: torch.Tensor, semitones: torch.Tensor, matrices: List[torch.Tensor]
) -> Tuple[torch.Tensor, torch.Tensor]:
    """:meth:`FormantShift.forward` as a function, which TorchScript can call from what is traced."""
    bins, to_spectra, from_spectra, to_noise_level, from_noise_level = matrices
    semitones, last = semitones[:, :, None], bins.shape[0] - 1
    place = (bins * torch.exp(semitones * (-math.log(2.0) / 12))).clamp(max=float(last))
    left = place.floor().clamp(max=float(last - 1))
    index, weight = left.long(), place - left
    spectra = torch.matmul(harmonic, to_spectra)
    level, phase = spectra[:, :, : last + 1], spectra[:, :, last + 1 :]
    spectra = torch.cat([_between(level, index, weight), _between(phase, index, weight)], dim=2)
    noise_level = _between(torch.matmul(noise, to_noise_level), index, weight)
    stays = semitones == 0
    return (
        torch.where(stays, harmonic, torch.matmul(spectra, from_spectra)),
        torch.where(stays, noise, torch.matmul(noise_level, from_noise_level)),
    )


def _between(values: torch.Tensor, index: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    low, high = torch.gather(values, 2, index), torch.gather(values, 2, index + 1)
    return low + (high - low) * weight
