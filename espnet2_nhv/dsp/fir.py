"""Zero-phase filters given by magnitudes at a few frequencies, changing from frame to frame."""

import math

import torch

from espnet2_nhv.dsp.overlap_add import excitation_spectra, overlap_add


def fir_matrix(n_magnitudes: int, n_fft: int) -> torch.Tensor:
    """From magnitudes at equally spaced frequencies to the response of the windowed filter they sample.

    Parameters
    ----------
    n_magnitudes : int >= 2, of frequencies from 0 to the Nyquist frequency
    n_fft : int >= 2 * (n_magnitudes - 1)

    Returns
    -------
    matrix : Tensor [shape=(n_magnitudes, n_fft / 2 + 1)]

    Notes
    -----
    The frequency-sampling method: the inverse transform of the magnitudes is an impulse response around sample 0, and a
    Hann window over it smooths what lies between the given frequencies. All of that is linear.
    """
    n_taps = 2 * (n_magnitudes - 1)
    taps = torch.fft.irfft(torch.eye(n_magnitudes, dtype=torch.float64), n=n_taps)
    taps = taps * torch.hann_window(n_taps, dtype=torch.float64).roll(n_taps // 2)
    lags = (torch.arange(n_taps) + n_taps // 2) % n_taps - n_taps // 2
    bins = torch.arange(n_fft // 2 + 1, dtype=torch.float64)
    return (taps @ torch.cos(2 * math.pi * lags[:, None] * bins / n_fft)).float()


def n_fft_for(n_magnitudes: int, hop_length: int) -> int:
    """Samples that a frame of two hops and its filter's response take, a multiple of the hop."""
    return hop_length * math.ceil((2 * hop_length + 2 * (n_magnitudes - 1)) / hop_length)


def filter_frames(
    excitation: torch.Tensor, magnitudes: torch.Tensor, matrix: torch.Tensor, window: torch.Tensor
) -> torch.Tensor:
    """Filter a signal with filters that overlap by half.

    Parameters
    ----------
    excitation : Tensor [shape=(B, T * hop_length)]
    magnitudes : Tensor [shape=(B, T + 1, n_magnitudes)], of the filters at samples 0, hop_length, ..., T * hop_length
    matrix : Tensor, from :func:`fir_matrix` with n_fft from :func:`n_fft_for`
    window : Tensor [shape=(2 * hop_length,)], whose copies a hop apart add up to one

    Returns
    -------
    filtered : Tensor [shape=(B, T * hop_length)]
    """
    hop_length, lead = len(window) // 2, matrix.shape[0] - 1
    n_fft = 2 * (matrix.shape[1] - 1)
    padded = torch.nn.functional.pad(excitation, (hop_length, hop_length))
    spectra = excitation_spectra(padded, window, lead, n_fft)
    frames = torch.fft.irfft(spectra * (magnitudes @ matrix), n=n_fft)
    begin = hop_length + lead
    return overlap_add(frames, hop_length)[:, begin : begin + excitation.shape[1]]
