"""The first NHV's signal path as its equations read: slow, plain, and an oracle for the fast one.

Source: Z. Liu et al., "Neural Homomorphic Vocoder", Interspeech 2020, sections 2.1 to 2.4.
"""

import math

import torch
import torchaudio


def sum_of_cosines(f0: torch.Tensor, fs: int, n_harmonics: int) -> torch.Tensor:
    """``e[n] = sum_k s(fs / 2 - k f0) cos(2 pi k sum f0 / fs)``, with s a sigmoid that mutes what would alias.

    Parameters
    ----------
    f0 : Tensor [shape=(B, N)], Hz, of every sample
    fs : int > 0, Hz
    n_harmonics : int >= 1; the array built is this many times the signal

    Returns
    -------
    excitation : Tensor [shape=(B, N)], in the dtype of `f0`, the phase too
    """
    number = torch.arange(1, n_harmonics + 1, dtype=f0.dtype, device=f0.device)[:, None]
    phase = 2 * math.pi * torch.cumsum(f0 / fs, dim=-1)[:, None]
    audible = torch.sigmoid(fs / 2 - number * f0[:, None])
    return (audible * torch.cos(number * phase)).sum(dim=1)


def impulse_response(ccep: torch.Tensor, n_fft: int) -> torch.Tensor:
    """``h = IFFT(exp(FFT(ccep)))``, from quefrencies that are wrapped: 0, 1, ..., then the negative ones.

    Parameters
    ----------
    ccep : Tensor [shape=(..., n)], n even; the second half are quefrencies -n/2..-1
    n_fft : int >= n

    Returns
    -------
    h : Tensor [shape=(..., n_fft)], wrapped in the same way
    """
    half = ccep.shape[-1] // 2
    padding = ccep.new_zeros(*ccep.shape[:-1], n_fft - ccep.shape[-1])
    wrapped = torch.cat([ccep[..., :half], padding, ccep[..., half:]], dim=-1)
    return torch.fft.irfft(torch.exp(torch.fft.rfft(wrapped)), n=n_fft)


def block_filter(excitation: torch.Tensor, responses: torch.Tensor) -> torch.Tensor:
    """Each block of excitation convolved with its own impulse response, the tails added up.

    Parameters
    ----------
    excitation : Tensor [shape=(B, T * hop)]
    responses : Tensor [shape=(B, T, n)], n a multiple of hop, index n // 2 being time 0

    Returns
    -------
    signal : Tensor [shape=(B, T * hop)]
    """
    batch, n_blocks, n_taps = responses.shape
    blocks = excitation.unflatten(-1, (n_blocks, -1))
    hop = blocks.shape[-1]
    # One zero more, so that the convolution ends on a whole number of hops.
    filtered = torchaudio.functional.fftconvolve(torch.nn.functional.pad(blocks, (0, 1)), responses)
    filtered = filtered.unflatten(-1, (-1, hop))
    signal = excitation.new_zeros(batch, n_blocks + filtered.shape[2] - 1, hop)
    for k in range(filtered.shape[2]):
        signal[:, k : k + n_blocks] += filtered[:, :, k]
    begin = n_taps // 2
    return signal.flatten(1)[:, begin : begin + n_blocks * hop]
