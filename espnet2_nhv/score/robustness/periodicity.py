"""How periodic a held note is, second by second."""

from typing import Dict, Optional

import numpy as np

from espnet2_nhv.score.robustness.comb import fit_comb, line_spectrum
from espnet2_nhv.score.robustness.held import early_and_late

LIMIT = 60.0  # dB: what is cleaner than this counts as this clean


def periodicity(wav: np.ndarray, f0: float, fs: int) -> Dict[str, Optional[float]]:
    """Harmonics-to-rest ratios of windows of one second, below 8 kHz.

    Each second's harmonics are looked for within half a semitone of `f0`: a note out of tune is not an
    unclean one, but one that glides within a second, or is on another pitch, is.

    Parameters
    ----------
    wav : ndarray [shape=(L,)], a note held for 4 s or more
    f0 : float > 0, Hz, asked for
    fs : int, Hz

    Returns
    -------
    scores : dict of float
        hnr : early in the note, dB, in [-60, 60]
        hnr_drift : how much it has changed at the end, dB; below 0 the note became rougher
        hnr_worst : of its worst second, dB
    """
    early, late = early_and_late(len(wav), fs)
    starts = np.arange(early.start, late.start + 1, fs // 2)
    ratios = [_ratio(wav[start : start + fs], f0, fs) for start in [*starts, late.start]]
    first = _ratio(wav[early], f0, fs)
    return dict(hnr=first, hnr_drift=ratios[-1] - first, hnr_worst=min(ratios))


def _ratio(second: np.ndarray, f0: float, fs: int) -> float:
    comb = fit_comb(line_spectrum(second[: len(second) // 2 * 2]), fs, f0)
    return float(np.clip(10 * np.log10((comb.harmonic + 1e-20) / (comb.rest + 1e-20)), -LIMIT, LIMIT))
