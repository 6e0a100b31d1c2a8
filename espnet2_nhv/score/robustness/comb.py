"""Harmonics of a steady note, told from everything between them."""

from typing import NamedTuple

import numpy as np
import scipy.fft
from scipy.signal import get_window

SEARCH = 0.035  # of F0, either way: a little more than half a semitone
HIGHEST = 8000.0  # Hz, above which breath drowns the harmonics of a voice
LOBE = 5  # bins either side of a line: the window's main lobe and the rounding to a bin


class Comb(NamedTuple):
    """
    Attributes
    ----------
    f0 : float, Hz, of the best fitting harmonics within half a semitone of the F0 asked for
    harmonic, rest : float >= 0, power on and between the harmonics below 8 kHz
    """

    f0: float
    harmonic: float
    rest: float


def line_spectrum(wav: np.ndarray) -> np.ndarray:
    """Power spectrum in which a sinusoid of amplitude a has the sum a**2 / 2 over its lobe; ``(L // 2 + 1,)``."""
    window = get_window("blackmanharris", len(wav))  # what leaks beyond the lobe is 92 dB down
    spectrum = scipy.fft.rfft(wav * window)
    return 2 * np.abs(spectrum) ** 2 / (len(wav) * np.sum(window**2))


def fit_comb(power: np.ndarray, fs: int, f0: float) -> Comb:
    """Find the harmonics of a steady note near `f0` by trying every F0 that a bin of the top harmonic tells apart.

    Parameters
    ----------
    power : ndarray [shape=(L // 2 + 1,)], from :func:`line_spectrum` of L samples, L even
    fs : int, Hz
    f0 : float > 0, Hz, the F0 asked for

    Returns
    -------
    comb : Comb
    """
    width = fs / 2 / (len(power) - 1)
    highest = min(HIGHEST, 0.45 * fs)
    order = np.arange(1, max(1, int(highest / f0 / (1 + SEARCH))) + 1)
    candidates = np.arange(f0 * (1 - SEARCH), f0 * (1 + SEARCH), width / 2 / order[-1])
    total = np.cumsum(np.concatenate([[0.0], power]))
    score = np.empty(len(candidates))
    for start in range(0, len(candidates), 1024):
        centre = np.round(candidates[start : start + 1024, None] * order / width).astype(int)
        # The centre counts beside its surroundings, so that a comb sits on its lines rather than anywhere near them.
        score[start : start + 1024] = (total[centre + 2] - total[centre - 1] + power[centre]).sum(axis=1)
    best = candidates[int(np.argmax(score))]
    inside = np.zeros(len(power), dtype=bool)
    centre = np.round(best * np.arange(1, int(highest / best) + 2) / width).astype(int)
    for offset in range(-LOBE, LOBE + 1):
        inside[np.minimum(centre + offset, len(inside) - 1)] = True
    counted = slice(int(best / 2 / width), int(highest / width))
    harmonic = float(power[counted][inside[counted]].sum())
    return Comb(float(best), harmonic, float(power[counted][~inside[counted]].sum()))
