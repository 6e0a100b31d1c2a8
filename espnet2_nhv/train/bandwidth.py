"""Recordings that have nothing above some frequency say nothing about what a voice has there."""

import torch

# Octaves over which one signal gives way to the other, below the limit.
_FADE = 1 / 12


def filled_above(wav: torch.Tensor, other: torch.Tensor, bandwidth: torch.Tensor, fs: int) -> torch.Tensor:
    """`wav` with what `other` has where the recording has nothing.

    Whatever is measured between a generator's signal and the filled recording is then nothing above the limit: the
    generator is not taught that voices end there.

    Parameters
    ----------
    wav, other : Tensor [shape=(B, 1, N)]
    bandwidth : Tensor [shape=(B, 1)], Hz, of `wav`; fs / 2 or more where nothing is missing
    fs : int > 0, Hz

    Returns
    -------
    filled : Tensor [shape=(B, 1, N)], float32; `wav` itself where nothing is missing
    """
    limited = bandwidth[:, 0] < fs / 2
    if not limited.any():
        return wav
    with torch.autocast(wav.device.type, enabled=False):
        n = wav.shape[-1]
        spectra, others = (torch.fft.rfft(x[limited, 0].float()) for x in (wav, other))
        frequency = torch.arange(n // 2 + 1, device=wav.device) * (fs / n)
        octaves = torch.log2(frequency.clamp(min=1.0) / bandwidth[limited])
        share = (1 + octaves / _FADE).clamp(0, 1)  # of `other`
        filled = wav.float().clone()
        filled[limited, 0] = torch.fft.irfft(torch.lerp(spectra, others, share.to(spectra.dtype)), n=n)
    return filled
