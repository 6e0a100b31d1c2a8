"""Mels made worse as acoustic models make them: pairs to train a refiner on where no acoustic model is at hand."""

import math

import torch

# Deviations of the smoothing, in frames and in bands, from hardly any to more than an acoustic model's.
_FRAMES, _BANDS = (0.3, 3.0), (0.3, 2.0)


def blurred(mel: torch.Tensor) -> torch.Tensor:
    """Each mel of a batch smoothed over frames and bands, by Gaussians of widths drawn anew.

    Parameters
    ----------
    mel : Tensor [shape=(B, n_mels, T)], held beyond its edges

    Returns
    -------
    mel : Tensor [shape=(B, n_mels, T)]
    """
    for dim, (narrow, wide) in ((2, _FRAMES), (1, _BANDS)):
        width = torch.exp(math.log(narrow) + math.log(wide / narrow) * torch.rand(len(mel), device=mel.device))
        mel = _smoothed(mel, width, dim)
    return mel


def _smoothed(mel: torch.Tensor, width: torch.Tensor, dim: int) -> torch.Tensor:
    half = math.ceil(3 * max(_FRAMES[1], _BANDS[1]))
    taps = torch.arange(-half, half + 1, device=mel.device)
    kernel = torch.exp(-0.5 * (taps / width[:, None]).square())
    kernel = (kernel / kernel.sum(dim=1, keepdim=True)).to(mel.dtype)
    signals = mel.movedim(dim, -1)
    padded = torch.nn.functional.pad(signals, (half, half), mode="replicate")
    # (B, others, length, taps) times (B, taps)
    made = torch.einsum("bnlk,bk->bnl", padded.unfold(2, len(taps), 1), kernel)
    return made.movedim(-1, dim)
