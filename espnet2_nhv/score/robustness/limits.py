"""Recordings that end below the Nyquist frequency, as codecs, converters and other sampling rates leave them."""

import numpy as np

from espnet2_nhv.feature.spec import FeatureSpec

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
    loudest = max(float(_frame_powers(reference, spec).sum(axis=1).max()), 1e-20)
    above = np.fft.rfftfreq(spec.n_fft, 1 / spec.fs) > limit + _FADE
    return float(10 * np.log10(max(_frame_powers(wav, spec)[:, above].sum(axis=1).max() / loudest, 1e-16)))


def _frame_powers(wav: np.ndarray, spec: FeatureSpec) -> np.ndarray:
    hop_length = spec.n_fft // 2
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(wav, spec.n_fft), spec.n_fft)[::hop_length]
    return np.abs(np.fft.rfft(frames * np.hanning(spec.n_fft), axis=1)) ** 2
