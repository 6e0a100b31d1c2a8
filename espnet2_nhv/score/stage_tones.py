"""Tones that a network's upsampling adds: what its output repeats at the rates of its stages."""

import math
from typing import Dict, Sequence

import numpy as np

LOWEST = -80.0  # dB


def stage_tones(wav: np.ndarray, scales: Sequence[int], fs: int) -> Dict[int, float]:
    """Level of the tones at multiples of the rate of each stage's input.

    Stage s makes ``scales[s]`` samples of one. If it treats some of them otherwise than others, whatever the signal, a
    tone stands at the rate of its input and its multiples below the rate of its output. Such a tone has the same phase
    throughout, so it is what stays when the signal is folded at that period and averaged; singing averages out. The
    halves of the signal are averaged apart and multiplied, so that what is left of the singing has no level in mean.

    Parameters
    ----------
    wav : ndarray [shape=(L,)], made of frames all different, for 10 s or more: the longer, the fainter tones are seen
    scales : sequence of int >= 1, the first stage's first; their product is the hop length
    fs : int > 0, Hz

    Returns
    -------
    tones : dict of the input rate of each stage, Hz, rounded, to the level of its tones less the signal's, dB; -80 at
        least

    Source: the measure is ours; what it measures is described by J. Pons et al., "Upsampling Artifacts in Neural Audio
    Synthesis", ICASSP 2021.
    """
    period = math.prod(scales)
    wav = np.asarray(wav, dtype=np.float64)
    n = len(wav) // (2 * period)
    halves = wav[: 2 * n * period].reshape(2, n, period).mean(axis=1)
    power = np.square(wav - wav.mean()).mean() + 1e-20
    tones = {}
    for scale in scales:
        rate = round(fs / period)
        # What repeats already within the period is of the stages behind.
        within = halves.reshape(2, scale, -1).mean(axis=1)
        own = halves - np.tile(within, scale)
        level = float((own[0] * own[1]).mean()) / power
        tones[rate] = round(max(LOWEST, 10 * math.log10(max(level, 1e-20))), 1)
        halves, period = within, period // scale
    return tones
