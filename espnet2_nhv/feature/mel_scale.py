"""The mel scale and its bands, as librosa and so ESPnet have them, without the seconds that importing librosa takes."""

from typing import Optional

import numpy as np

# Slaney's scale: linear up to 1 kHz, 15 mels there, and 27 mels to each factor of 6.4 above.
_LINEAR_HZ, _BREAK_HZ, _BREAK_MEL, _NEPERS_A_MEL = 200.0 / 3, 1000.0, 15.0, np.log(6.4) / 27.0


def mel_frequencies(n: int, fmin: float, fmax: float, scale: str = "slaney") -> np.ndarray:
    """Frequencies evenly spaced on the mel scale.

    Parameters
    ----------
    n : int >= 2
    fmin, fmax : float >= 0, Hz, the first and the last of them
    scale : ['slaney', 'htk']

    Returns
    -------
    frequencies : ndarray [shape=(n,)], float64, Hz

    Source: M. Slaney, "Auditory Toolbox", Interval Research 1998-010; S. Young et al., "The HTK Book", section 5.4.
    """
    mel = np.linspace(_to_mel(fmin, scale), _to_mel(fmax, scale), n)
    if scale == "htk":
        return 700.0 * (10.0 ** (mel / 2595.0) - 1.0)
    return np.where(mel < _BREAK_MEL, _LINEAR_HZ * mel, _BREAK_HZ * np.exp(_NEPERS_A_MEL * (mel - _BREAK_MEL)))


def _to_mel(frequency: float, scale: str) -> float:
    if scale == "htk":
        return 2595.0 * np.log10(1.0 + frequency / 700.0)
    if frequency < _BREAK_HZ:
        return frequency / _LINEAR_HZ
    return _BREAK_MEL + np.log(frequency / _BREAK_HZ) / _NEPERS_A_MEL


def mel_filters(
    fs: int,
    n_fft: int,
    n_mels: int,
    fmin: float,
    fmax: float,
    scale: str = "slaney",
    norm: Optional[str] = "slaney",
) -> np.ndarray:
    """Weights of the bins in each band: triangles from centre to centre.

    Parameters
    ----------
    fs : int > 0, Hz
    n_fft : int > 0
    n_mels : int >= 1
    fmin, fmax : float in [0, fs / 2], Hz
    scale : ['slaney', 'htk']
    norm : 'slaney' gives every triangle the same area; None leaves their peaks at one

    Returns
    -------
    filters : ndarray [shape=(n_mels, n_fft / 2 + 1)], float32, those of ``librosa.filters.mel``
    """
    edges = mel_frequencies(n_mels + 2, fmin, fmax, scale)[:, None]
    bins = np.fft.rfftfreq(n_fft, 1 / fs)
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    filters = np.minimum((bins - low) / (centre - low), (high - bins) / (high - centre)).clip(min=0).astype(np.float32)
    return filters if norm is None else (filters * (2.0 / (high - low))).astype(np.float32)
