"""Time-varying filtering by weighted overlap-add.

Frame i lies around sample ``i * hop`` (hop = 4 here, n_fft = 16). Its excitation is windowed over two hops, the
windows of neighbours add up to one, and the filtered frame is added from `lead` samples earlier, where the
anticausal part of its response begins::

    sample        0   4   8   12  16
    window 1      <^^^^^^>              hop * (i - 1) ... hop * (i + 1)
    window 2          <^^^^^^>
    frame 1     ...<^^^^^^>.......      n_fft samples from hop * (i - 1) - lead
    frame 2         ...<^^^^^^>.......
"""

import torch

from espnet2_nhv.errors import UserError


def synthesis_window(name: str, hop_length: int) -> torch.Tensor:
    """Window over two hops whose copies a hop apart add up to one.

    Parameters
    ----------
    name : ['hann', 'rectangular']; rectangular is the block mode of the first NHV, kept for comparison
    hop_length : int >= 1

    Returns
    -------
    window : Tensor [shape=(2 * hop_length,)]
    """
    if name == "hann":
        return torch.hann_window(2 * hop_length, periodic=True)
    if name == "rectangular":
        window = torch.zeros(2 * hop_length)
        window[hop_length // 2 : hop_length // 2 + hop_length] = 1.0
        return window
    raise UserError(f"there is no synthesis window {name!r}; there are hann, rectangular")


def excitation_spectra(excitation: torch.Tensor, window: torch.Tensor, lead: int, n_fft: int) -> torch.Tensor:
    """Spectra of the windowed excitation of frames.

    Parameters
    ----------
    excitation : Tensor [shape=(..., (T + 1) * hop_length)], beginning a hop before the first frame's centre
    window : Tensor [shape=(2 * hop_length,)]
    lead : int >= 0, samples kept free before the window for anticausal responses
    n_fft : int >= lead + 2 * hop_length

    Returns
    -------
    spectra : Tensor [shape=(..., T, n_fft / 2 + 1), dtype=complex64]
    """
    n_frames = excitation.shape[-1] // (len(window) // 2) - 1
    frames = excitation.new_zeros(*excitation.shape[:-1], n_frames, n_fft)
    # In place: a frame is zero but for its window, and what is not written need not be read.
    placed = frames[..., lead : lead + len(window)]
    placed.addcmul_(excitation.unfold(-1, len(window), len(window) // 2), window)
    return torch.fft.rfft(frames)


def overlap_add(frames: torch.Tensor, hop_length: int) -> torch.Tensor:
    """Add up frames a hop apart.

    Parameters
    ----------
    frames : Tensor [shape=(B, T, n)], n a multiple of hop_length
    hop_length : int >= 1

    Returns
    -------
    signal : Tensor [shape=(B, (T - 1) * hop_length + n)]
    """
    batch, n_frames, size = frames.shape
    n_hops = size // hop_length
    blocks = frames.unflatten(-1, (n_hops, hop_length))
    signal = frames.new_zeros(batch, n_frames + n_hops - 1, hop_length)
    for k in range(n_hops):
        signal[:, k : k + n_frames] += blocks[:, :, k]
    return signal.flatten(1)
