"""Pulses that come a little early or late: no voice repeats itself exactly."""

import math

import torch

from espnet2_nhv.errors import UserError

# Deviations: pulses that stray further would be heard one by one; and octaves in which jitter sets in.
_RANGE, _FADE = 3.0, 0.5


def deviations_of(noise: torch.Tensor, hop_length: int) -> torch.Tensor:
    """How far each frame's pulses stray, ``(B, T)``, in deviations, from its noise ``(B, T * hop_length)``.

    It is the noise's first sample in each hop: so jitter needs no other source, and is drawn with the noise.
    """
    return noise[:, ::hop_length].clamp(-_RANGE, _RANGE)


def jitter_angles(jitter: float, above: float, fs: int, n_fft: int) -> torch.Tensor:
    """Phase by which one deviation of jitter turns each bin of a frame's filter: a delay, as far as it is heard.

    Parameters
    ----------
    jitter : float in [0, 0.001), s, standard deviation of the delay
    above : float >= 0, Hz, from about where it is heard; harmonics far below keep time
    fs, n_fft : int

    Returns
    -------
    angles : Tensor [shape=(n_fft / 2 + 1,)], radians

    Raises
    ------
    UserError
        If `jitter` or `above` is outside its range.
    """
    if not 0 <= jitter < 1e-3 or above < 0:
        raise UserError(f"nhv: jitter is {jitter} s above {above} Hz, but less than 1 ms above 0 Hz is needed")
    frequency = torch.arange(n_fft // 2 + 1, dtype=torch.float64) * (fs / n_fft)
    octaves = torch.log2(frequency.clamp(min=1.0) / max(above, 1.0))
    share = 0.5 + 0.5 * torch.sin(math.pi * (octaves / _FADE).clamp(-0.5, 0.5))
    return (-2 * math.pi * jitter * frequency * share).float()
