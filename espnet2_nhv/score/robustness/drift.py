"""What has become of a held note's pitch and colour at its end."""

from typing import Dict, Optional

import numpy as np

from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.score.frames import power_floor, power_spectra, spectrum_size
from espnet2_nhv.score.lsd import mel_triangles
from espnet2_nhv.score.robustness.held import early_and_late
from espnet2_nhv.score.tracker import heard_f0

VOICED_SHARE = 0.5  # of a second: with less there is no pitch to speak of


def drift(wav: np.ndarray, f0: float, spec: FeatureSpec) -> Dict[str, Optional[float]]:
    """The last second of a held note against an early one.

    Parameters
    ----------
    wav : ndarray [shape=(L,)], at ``spec.fs``, a note held for 4 s or more
    f0 : float > 0, Hz, asked for
    spec : FeatureSpec

    Returns
    -------
    scores : dict of float, or None where a second has no pitch
        f0_off : median F0 of the last second against the F0 asked for, cents, >= 0
        f0_drift : the same against the early second, cents, >= 0
        lsd_drift : root mean square difference of the two seconds' mean levels in mel-spaced bands, dB
    """
    early, late = early_and_late(len(wav), spec.fs)
    pitches = [_pitch(wav[second], spec) for second in (early, late)]
    floor = power_floor(wav, spec)
    levels = [10 * np.log10(np.maximum(_mean_power(wav[second], spec), floor)) for second in (early, late)]
    return dict(
        f0_off=_cents(pitches[1], f0),
        f0_drift=_cents(pitches[1], pitches[0]),
        lsd_drift=float(np.sqrt(np.mean((levels[1] - levels[0]) ** 2))),
    )


def _pitch(wav: np.ndarray, spec: FeatureSpec) -> Optional[float]:
    f0, vuv = heard_f0(wav, spec)
    voiced = vuv > 0.5
    return float(np.median(f0[voiced])) if voiced.mean() >= VOICED_SHARE else None


def _cents(a: Optional[float], b: Optional[float]) -> Optional[float]:
    return None if a is None or b is None else float(abs(1200 * np.log2(a / b)))


def _mean_power(wav: np.ndarray, spec: FeatureSpec) -> np.ndarray:
    n_fft = spectrum_size(spec.fs)
    filters, _ = mel_triangles(spec.fs, n_fft)
    n_frames = len(wav) // spec.hop_length
    power = np.concatenate([block for _, block in power_spectra(wav, n_fft, spec.hop_length, n_frames)])
    reach = n_fft // 2 // spec.hop_length + 1  # frames that see the cut
    return power[reach:-reach].mean(axis=0) @ filters
