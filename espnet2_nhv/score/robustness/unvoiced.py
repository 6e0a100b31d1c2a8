"""Noises without a voice: does the vocoder make a pitch where there is none?"""

from typing import Callable, Dict, Optional

import numpy as np
from scipy.signal import butter, correlate, sosfilt

from espnet2_nhv.feature.spec import FeatureSpec

SECONDS = 4.0  # so long that the correlation of a noise with itself is within a few hundredths of zero
LEVEL = 0.016  # root mean square, -36 dBFS


# Power over frequency (Hz); breath and s are what their names say, roughly.
NOISES: Dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "white": np.ones_like,
    "pink": lambda frequency: 1 / np.maximum(frequency, 20.0),
    "low_passed": lambda frequency: 1 / (1 + (frequency / 500) ** 4),
    "breath": lambda frequency: np.exp(-0.5 * (np.log2(np.maximum(frequency, 1) / 1500) / 1.2) ** 2),
    "s": lambda frequency: np.exp(-0.5 * (np.log2(np.maximum(frequency, 1) / 7000) / 0.4) ** 2),
}


def make_noise(name: str, spec: FeatureSpec) -> np.ndarray:
    """One of NOISES, the same at every call; ndarray [shape=(L,)], float64, 4 s at ``spec.fs``."""
    n_samples = int(SECONDS * spec.fs)
    spectrum = np.fft.rfft(np.random.default_rng(0).standard_normal(n_samples))
    spectrum *= np.sqrt(NOISES[name](np.fft.rfftfreq(n_samples, 1 / spec.fs)))
    wav = np.fft.irfft(spectrum, n_samples)
    return wav * LEVEL / np.sqrt(np.mean(wav**2))


def gained_periodicity(noise: np.ndarray, wav: np.ndarray, spec: FeatureSpec) -> Dict[str, Optional[float]]:
    """Autocorrelation at any period a voice may have, of a noise and of what a vocoder made of it.

    Parameters
    ----------
    noise, wav : ndarray [shape=(L,)], at ``spec.fs``
    spec : FeatureSpec, of which f0_floor and f0_ceil count

    Returns
    -------
    scores : dict of float, or None where `wav` is silent
        periodicity_gained : the largest rise over all lags from 1 / f0_ceil to 1 / f0_floor, in [-1, 2]
        periodicity_in, periodicity_out : normalised autocorrelation at that lag, in [-1, 1]
        hum : Hz, that lag as a frequency
        level_off : level of `wav` less that of `noise`, dB
    """
    pair = [_correlation(signal, spec) for signal in (noise, wav)]
    if not wav.any():
        return dict.fromkeys(["periodicity_gained", "periodicity_in", "periodicity_out", "hum", "level_off"])
    lags = np.arange(int(spec.fs / spec.f0_ceil), int(spec.fs / spec.f0_floor) + 1)
    rise = pair[1][lags] - pair[0][lags]
    lag = int(lags[np.argmax(rise)])
    return dict(
        periodicity_gained=float(rise.max()),
        periodicity_in=float(pair[0][lag]),
        periodicity_out=float(pair[1][lag]),
        hum=spec.fs / lag,
        level_off=level_difference(noise, wav),
    )


def level_difference(reference: np.ndarray, wav: np.ndarray) -> Optional[float]:
    """Level of `wav` less that of `reference`, dB; None where either is silent."""
    power = [float(np.mean(np.square(signal))) for signal in (reference, wav)]
    return float(10 * np.log10(power[1] / power[0])) if min(power) > 0 else None


def _correlation(wav: np.ndarray, spec: FeatureSpec) -> np.ndarray:
    """Normalised autocorrelation from lag 0 on, of what is above the lowest pitch."""
    wav = sosfilt(butter(2, spec.f0_floor, "highpass", fs=spec.fs, output="sos"), wav)
    whole = correlate(wav, wav, method="fft")[len(wav) - 1 :]
    return whole / (whole[0] + 1e-20)
