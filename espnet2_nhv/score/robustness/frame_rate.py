"""Traces that the frames leave in a held note."""

from typing import Dict, Optional

import numpy as np
from scipy.signal import get_window

from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.score.robustness.comb import LOBE, fit_comb, line_spectrum
from espnet2_nhv.score.robustness.held import middle

SECONDS = 8  # of the note that are looked at: lines an eighth of a hertz wide
CLEAR = 2.0  # Hz between a line of the frames and one of the note
LOWEST = -80.0  # dB


def frame_rate_traces(wav: np.ndarray, f0: float, spec: FeatureSpec) -> Dict[str, Optional[float]]:
    r"""Energy at multiples of the frame rate, and amplitude modulation by it.

    Where a vocoder repeats, switches or upsamples frames carelessly, it hums at ``fs / hop_length`` (172 Hz at
    44.1 kHz and hop 256) and its multiples, or its sound throbs that often.

    Parameters
    ----------
    wav : ndarray [shape=(L,)], at ``spec.fs``, a note held for 4 s or more
    f0 : float > 0, Hz, asked for
    spec : FeatureSpec

    Returns
    -------
    scores : dict
        frame_tone : float, dB, energy of the lines at multiples of the frame rate (less what lies beside them) over
            the energy of all, below 8 kHz; -80 at least. Multiples on a harmonic are left out.
        frame_am : float, percent, the depth m of the modulation 1 + m cos(2 pi t fs / hop_length) that is in the
            square of the signal; None where a harmonic is at the frame rate.
    """
    part = wav[middle(len(wav), spec.fs)][: SECONDS * spec.fs]
    part = part[: len(part) // 2 * 2]
    part = part - part.mean()  # a constant is not heard, and would be the loudest line
    power = line_spectrum(part)
    width = spec.fs / len(part)
    comb = fit_comb(power, spec.fs, f0)
    harmonic = comb.f0 if comb.harmonic > comb.rest else None  # a note of another pitch has no harmonics to leave out
    lines = np.arange(1, int(min(8000, 0.45 * spec.fs) / spec.frame_rate) + 1) * spec.frame_rate
    lines = lines[_distance(lines, harmonic) > CLEAR]
    energy = sum(_line(power, line / width) for line in lines)
    share = energy / (power[: int(min(8000, 0.45 * spec.fs) / width)].sum() + 1e-20)
    return dict(
        frame_tone=max(LOWEST, float(10 * np.log10(share + 1e-20))),
        frame_am=_depth(part, spec) if _distance(np.array([spec.frame_rate]), harmonic)[0] > CLEAR else None,
    )


def _distance(lines: np.ndarray, f0: Optional[float]) -> np.ndarray:
    """To the nearest harmonic, Hz; infinite where there are none."""
    return np.full(len(lines), np.inf) if f0 is None else np.abs(lines - np.maximum(np.round(lines / f0), 1) * f0)


def _line(power: np.ndarray, centre: float) -> float:
    """Power of a line over what its surroundings would have there."""
    centre = round(centre)
    here = power[centre - LOBE : centre + LOBE + 1].sum()
    beside = np.concatenate(
        [power[centre - 4 * LOBE : centre - LOBE], power[centre + LOBE + 1 : centre + 4 * LOBE + 1]]
    )
    return max(0.0, float(here - np.median(beside) * (2 * LOBE + 1)))


def _depth(wav: np.ndarray, spec: FeatureSpec) -> float:
    # (1 + m cos)**2 = 1 + m**2 / 2 + 2 m cos + ...: half of the line that the square has is m times its mean.
    # It is taken at the very frequency, which need not be that of a bin.
    window = get_window("hann", len(wav))
    square, turn = wav**2 * (window / window.sum()), 2 * np.pi * np.arange(len(wav)) / spec.fs
    width = spec.fs / len(wav)

    def line(hertz: float) -> float:
        return abs(np.dot(square, np.exp(-1j * hertz * turn))) / (square.sum() + 1e-20)

    beside = [line(spec.frame_rate + side * width * bins) for side in (-1, 1) for bins in (5, 7, 9, 11)]
    return float(100 * max(0.0, line(spec.frame_rate) ** 2 - np.median(beside) ** 2) ** 0.5)
