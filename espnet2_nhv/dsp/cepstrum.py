"""From cepstra to the frequency responses of filters."""

import math
from typing import Optional

import torch

# Nepers. exp(-14) is -122 dB, exp(5) is +43 dB: room for any voice, and exp never overflows.
LOG_MAGNITUDE_RANGE = (-14.0, 5.0)


def phased_response(
    cepstrum: torch.Tensor, n_fft: int, n_anticausal: int = 0, turn: Optional[torch.Tensor] = None
) -> torch.Tensor:
    """Frequency response of the filter that a complex cepstrum describes.

    Parameters
    ----------
    cepstrum : Tensor [shape=(..., n_anticausal + 1 + M)], quefrencies -n_anticausal..M
    n_fft : int > n_anticausal + M
    n_anticausal : int >= 0; with 0 the filter is minimum-phase, else mixed-phase
    turn : Tensor [shape=(..., n_fft / 2 + 1)] or None, radians added to the phase

    Returns
    -------
    response : Tensor [shape=(..., n_fft / 2 + 1), dtype=complex64], log magnitude within LOG_MAGNITUDE_RANGE

    Source: A. V. Oppenheim and R. W. Schafer, "Discrete-Time Signal Processing", on homomorphic processing.
    """
    wrapped = cepstrum.new_zeros(*cepstrum.shape[:-1], n_fft)
    wrapped[..., : cepstrum.shape[-1] - n_anticausal] = cepstrum[..., n_anticausal:]
    if n_anticausal:
        wrapped[..., -n_anticausal:] = cepstrum[..., :n_anticausal]
    log_spectrum = torch.fft.rfft(wrapped)
    magnitude = log_spectrum.real.clamp(*LOG_MAGNITUDE_RANGE).exp_()
    # Contiguous numbers go through vectorised sines; torch.polar and complex exp take ten times as long on a CPU.
    phase = log_spectrum.imag.contiguous() if turn is None else log_spectrum.imag + turn
    return torch.complex(magnitude * torch.cos(phase), magnitude * torch.sin(phase))


def zero_phase_response(cepstrum: torch.Tensor, cosines: torch.Tensor) -> torch.Tensor:
    """Real frequency response of the same magnitude as the minimum-phase filter of `cepstrum`.

    Noise has no phase to keep, so its filter needs none; and its cepstrum is so short that a matrix product is
    cheaper than a Fourier transform.

    Parameters
    ----------
    cepstrum : Tensor [shape=(..., M + 1)]
    cosines : Tensor [shape=(M + 1, n_fft / 2 + 1)], from :func:`cosine_matrix`

    Returns
    -------
    response : Tensor [shape=(..., n_fft / 2 + 1)], log magnitude within LOG_MAGNITUDE_RANGE
    """
    return torch.matmul(cepstrum, cosines).clamp(*LOG_MAGNITUDE_RANGE).exp_()


def cosine_matrix(order: int, n_fft: int) -> torch.Tensor:
    """Real part of the Fourier transform of quefrencies 0..order, ``(order + 1, n_fft / 2 + 1)``."""
    quefrency = torch.arange(order + 1, dtype=torch.float64)[:, None]
    bins = torch.arange(n_fft // 2 + 1, dtype=torch.float64)
    return torch.cos(quefrency * bins * (2 * math.pi / n_fft)).float()
