"""Recordings that end below the Nyquist frequency, as codecs, converters and other sampling rates leave them."""

import numpy as np

from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.score.frames import power_spectra

_FADE = 500.0  # Hz, above the limit, that a filter may take
_ROUNDING = 2.0**-15


def band_limited(wav: np.ndarray, fs: int, limit: float) -> np.ndarray:
    """`wav` ``(L,)`` without what lies above `limit` Hz, rounded to 16 bits."""
    spectrum = np.fft.rfft(wav)
    spectrum[np.fft.rfftfreq(len(wav), 1 / fs) > limit] = 0
    return np.round(np.fft.irfft(spectrum, n=len(wav)) / _ROUNDING) * _ROUNDING


def level_above(reference: np.ndarray, wav: np.ndarray, limit: float, spec: FeatureSpec) -> float:
    """Level of the loudest frame of `wav` above `limit` Hz, against the loudest of `reference` at all frequencies, dB.

    Parameters
    ----------
    reference, wav : ndarray [shape=(L,)], at ``spec.fs``
    limit : float, Hz, below the Nyquist frequency by more than 500
    spec : FeatureSpec
    """
    above = np.fft.rfftfreq(spec.n_fft, 1 / spec.fs) > limit + _FADE
    level = _loudest(wav, spec, above) / max(_loudest(reference, spec, slice(None)), 1e-20)
    return float(10 * np.log10(max(level, 1e-16)))


def _loudest(wav: np.ndarray, spec: FeatureSpec, bins) -> float:
    """Power in some bins of the frame that has most there."""
    hop_length = spec.n_fft // 2
    spectra = power_spectra(wav, spec.n_fft, hop_length, 1 + len(wav) // hop_length)
    return max(float(power[:, bins].sum(axis=1).max()) for _, power in spectra)
