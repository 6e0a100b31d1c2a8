"""Short-time spectra, and the way back for a gradient.

Frames lie side by side in memory, ``(B, frames, bins)``: everything done to spectra then runs over contiguous numbers,
and frames are cut, transformed and added up again without transposing.
"""

from typing import Sequence, Tuple

import torch

from espnet2_nhv.dsp.overlap_add import overlap_add

# Real numbers in the spectra of a block, for each thread: with the frames they come of they fit a cache of 2 MB.
_BLOCK = 2**18


def short_time_spectra(wav: torch.Tensor, window: torch.Tensor, n_fft: int, hop_length: int) -> torch.Tensor:
    """Spectra of windowed frames, frame i centred at ``i * hop_length``, zeros around the signal.

    Parameters
    ----------
    wav : Tensor [shape=(B, N)]
    window : Tensor [shape=(W,)], W <= n_fft
    n_fft : int >= 1
    hop_length : int >= 1

    Returns
    -------
    spectra : Tensor [shape=(B, frames, n_fft / 2 + 1), complex], of the frames of :func:`torch.stft`. Where the window
        is shorter than n_fft, phases count from its first sample, not from the zeros before it
    """
    n_frames, begin = _grid(wav.shape[1], len(window), n_fft, hop_length)
    end = (n_frames - 1) * hop_length + len(window) - begin - wav.shape[1]
    frames = torch.nn.functional.pad(wav, (begin, end)).unfold(1, len(window), hop_length)
    return torch.fft.rfft(frames * window, n=n_fft)


def band_matrix(edges: Sequence[float], fs: int, n_fft: int) -> torch.Tensor:
    """What adds up the bins of bands, ``(n_fft / 2 + 1, bands)``, 1 for a bin that is in a band and else 0.

    Parameters
    ----------
    edges : sequence of float, Hz, rising; bands lie between neighbours, those above the Nyquist frequency are left out
    fs : int > 0, Hz
    n_fft : int >= 1
    """
    frequency = torch.arange(n_fft // 2 + 1) * (fs / n_fft)
    bands = [(low <= frequency) & (frequency < high) for low, high in zip(edges, edges[1:]) if high <= fs / 2]
    return torch.stack(bands, dim=1).float()


def power(spectra: torch.Tensor) -> torch.Tensor:
    """Squared magnitudes; squaring all parts in one go is faster than ``abs()`` on a CPU."""
    squares = torch.view_as_real(spectra).square()
    return squares[..., 0] + squares[..., 1]


def add_power_gradient(
    gradient: torch.Tensor,
    scale: float,
    slope: torch.Tensor,
    spectra: torch.Tensor,
    window: torch.Tensor,
    n_fft: int,
    hop_length: int,
) -> None:
    """Add the gradient, with respect to signals, of a function of the :func:`power` of their spectra.

    It is the adjoint of :func:`short_time_spectra`, applied to twice the spectra times `slope`.

    Parameters
    ----------
    gradient : Tensor [shape=(B, N)], added to in place
    scale : float, factor of all that is added
    slope : Tensor [shape=(B, frames, n_fft / 2 + 1)], the function's derivative with respect to the power; overwritten
    spectra : Tensor, of the signals, from :func:`short_time_spectra`; overwritten
    window, n_fft, hop_length : as there
    """
    n_samples, size = gradient.shape[1], len(window)
    _, begin = _grid(n_samples, size, n_fft, hop_length)
    # The inverse transform counts each bin twice, once for its mirror image; the adjoint needs these twice as well.
    slope[..., 0] *= 2
    if n_fft % 2 == 0:
        slope[..., -1] *= 2
    frames = torch.fft.irfft(spectra.mul_(slope), n=n_fft, norm="forward")[..., :size] * window
    frames = torch.nn.functional.pad(frames, (0, -size % hop_length))
    part = overlap_add(frames, hop_length)[:, begin : begin + n_samples]
    gradient[:, : part.shape[1]].add_(part, alpha=scale)


def _grid(n_samples: int, size: int, n_fft: int, hop_length: int) -> Tuple[int, int]:
    """Number of frames, and how many samples before the signal the first window begins."""
    n_frames = 1 + (n_samples + n_fft // 2 * 2 - n_fft) // hop_length
    return n_frames, n_fft // 2 - (n_fft - size) // 2


def signals_a_block(n_numbers: int, device: torch.device) -> int:
    """How many signals' spectra to work on at a time: on a CPU what its cores' caches hold, elsewhere all.

    Parameters
    ----------
    n_numbers : int, real numbers in the spectra of a signal
    device : torch.device

    Returns
    -------
    n_signals : int >= 1
    """
    if device.type != "cpu":
        return 2**31
    return max(1, _BLOCK * torch.get_num_threads() // max(1, n_numbers))
