"""Mel-cepstral distortion of aligned signals."""

from functools import lru_cache
from typing import Dict, Optional, Tuple

import numpy as np
import pyworld
import scipy.fft
from scipy.signal import lfilter

from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.score.frames import active_frames, align, power_floor
from espnet2_nhv.score.tracker import heard_f0

# The settings ESPnet and ParallelWaveGAN score with; rates between are interpolated.
_FS = (16000, 22050, 24000, 44100, 48000)
_ORDER = (23, 34, 34, 39, 39)
_ALPHA = (0.42, 0.45, 0.46, 0.53, 0.55)
_BLOCK = 1024  # frames at a time, so that memory does not grow with the length


def mcd(
    reference: np.ndarray,
    synthesised: np.ndarray,
    spec: FeatureSpec,
    reference_f0: Optional[Tuple[np.ndarray, np.ndarray]] = None,
) -> Dict[str, Optional[float]]:
    r"""Mean over the active frames of

    .. math::
        \frac{10}{\ln 10} \sqrt{2 \sum_{m=1}^{M} (c_m - \hat c_m)^2} \quad \text{[dB]}

    where c are mel-cepstra of WORLD's CheapTrick envelopes (M = 39, alpha = 0.53 at 44.1 kHz), both analysed
    with the reference's F0, so that a pitch error does not count twice. c_0, the level, is left out.
    Nothing is warped. Numbers of systems that warp, or analyse otherwise, are not comparable.

    Parameters
    ----------
    reference, synthesised : ndarray [shape=(L,)], at ``spec.fs``, aligned
    spec : FeatureSpec
    reference_f0 : (f0, vuv) of the reference where already known, each ndarray [shape=(T,)]

    Returns
    -------
    scores : {"mcd": float >= 0, or None where every frame is silent}

    Source: Kubichek, "Mel-cepstral distance measure for objective speech quality assessment", 1993;
    Morise, "CheapTrick, a spectral envelope estimator for high-quality speech synthesis", 2015.
    """
    reference, synthesised = align(reference, synthesised, spec)
    active = active_frames(reference, synthesised, spec)
    f0, vuv = reference_f0 or heard_f0(reference, spec)
    f0 = np.where(vuv > 0.5, f0, 0.0).astype(np.float64)  # 0: CheapTrick takes its own width in unvoiced parts
    frames = np.flatnonzero(active[: len(f0)])
    if not len(frames):
        return {"mcd": None}
    floor = power_floor(reference, spec)
    time = frames * spec.hop_length / spec.fs
    distance = []
    for start in range(0, len(frames), _BLOCK):
        block = slice(start, start + _BLOCK)
        pair = [
            mel_cepstrum(np.maximum(envelope(wav, f0[frames[block]], time[block], spec), floor), spec.fs)
            for wav in (reference, synthesised)
        ]
        distance.append(np.sqrt(2 * np.square(pair[0] - pair[1])[:, 1:].sum(axis=1)))
    return {"mcd": float(10 / np.log(10) * np.mean(np.concatenate(distance)))}


def envelope(wav: np.ndarray, f0: np.ndarray, time: np.ndarray, spec: FeatureSpec) -> np.ndarray:
    """CheapTrick's power envelope at `time` (seconds); ndarray [shape=(T, n_fft // 2 + 1)].

    The FFT is long enough for ``spec.f0_floor``; WORLD treats an F0 below what its FFT resolves as unvoiced.
    """
    n_fft = pyworld.get_cheaptrick_fft_size(spec.fs, spec.f0_floor)
    return pyworld.cheaptrick(wav, np.ascontiguousarray(f0), time, spec.fs, fft_size=n_fft)


def mel_cepstrum(power: np.ndarray, fs: int) -> np.ndarray:
    """Mel-cepstrum of power envelopes by frequency warping.

    Parameters
    ----------
    power : ndarray [shape=(T, N / 2 + 1)], > 0

    Returns
    -------
    cepstrum : ndarray [shape=(T, M + 1)], such that ln |H| = sum of c_m cos(m warped frequency)

    Source: Oppenheim and Johnson, "Discrete representation of signals", 1972; the numbers are those of
    SPTK's freqt applied to the cepstrum of the logarithmic power.
    """
    cepstrum = scipy.fft.irfft(np.log(power))[:, : power.shape[1]]
    cepstrum[:, [0, -1]] /= 2
    order, alpha = round(np.interp(fs, _FS, _ORDER)), float(np.interp(fs, _FS, _ALPHA))
    return cepstrum @ _warping(power.shape[1], order, alpha).T


@lru_cache(maxsize=4)
def _warping(n_in: int, order: int, alpha: float) -> np.ndarray:
    """Column m holds the series of (z^-1)^m in powers of the all-pass (z^-1 - alpha) / (1 - alpha z^-1)."""
    column = np.eye(1, order + 1)[0]
    columns = [column]
    for _ in range(n_in - 1):
        column = lfilter([alpha, 1.0], [1.0, alpha], column)
        columns.append(column)
    return np.stack(columns, axis=1)
