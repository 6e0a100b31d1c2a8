"""How the sound of a band swells and fades within each period, in the copy against the recording."""

from typing import Dict, Optional, Tuple

import numpy as np
import scipy.fft
from scipy.signal import get_window, oaconvolve

from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.score.aperiodicity import voiced_frames
from espnet2_nhv.score.frames import align

BANDS = {f"swell_{low}_{high}": (1000 * low, 1000 * high) for low, high in ((2, 4), (4, 8), (8, 12), (12, 16))}
WINDOW = 0.003  # s, of an envelope: shorter than most periods
HOPS = 4  # in a window
SPAN = 64  # envelope frames in which the swelling is measured, 46 ms
_TINY = 1e-20


def swelling(
    reference: np.ndarray,
    synthesised: np.ndarray,
    spec: FeatureSpec,
    reference_f0: Optional[Tuple[np.ndarray, np.ndarray]] = None,
) -> Dict[str, Optional[float]]:
    """Depth of the modulation of band envelopes with F0, copy minus recording, in the recording's voiced frames.

    The depth is twice the size of the envelope's Fourier component at F0 over its mean: 0 where a band flows evenly, 2
    where each period is one pulse. Voices spread a period over some of its time, and breath comes in puffs; windows
    that tell harmonics apart see neither.

    Parameters
    ----------
    reference, synthesised : ndarray [shape=(L,)], at ``spec.fs``, aligned
    spec : FeatureSpec
    reference_f0 : (f0, vuv) of the reference where already known, each ndarray [shape=(T,)]

    Returns
    -------
    scores : dict of float, or None where there is no voiced frame or no such band
        swell_2_4, swell_4_8, swell_8_12, swell_12_16 : the bands, kHz; below 0 the copy flows too evenly, above 0 it
            is too peaky
    """
    reference, synthesised = align(reference, synthesised, spec)
    f0, frames = voiced_frames(reference, synthesised, spec, reference_f0)
    if not len(frames):
        return dict.fromkeys(BANDS)
    copy, recording = (depths(wav, f0, frames, spec) for wav in (synthesised, reference))
    mean = (copy - recording).mean(axis=0)
    return {name: float(value) if np.isfinite(value) else None for name, value in zip(BANDS, mean)}


def depths(wav: np.ndarray, f0: np.ndarray, frames: np.ndarray, spec: FeatureSpec) -> np.ndarray:
    """Depth of each band's modulation with F0 in some frames.

    Parameters
    ----------
    wav : ndarray [shape=(L,)], at ``spec.fs``
    f0 : ndarray [shape=(T,)], Hz, > 0, of all frames
    frames : ndarray of int [shape=(N,)], those that are looked at
    spec : FeatureSpec

    Returns
    -------
    depths : ndarray [shape=(N, bands)], 0 to 2, NaN for a band that `spec` has not
    """
    size = HOPS * round(WINDOW * spec.fs / HOPS)
    hop_length = size // HOPS
    padded = np.pad(wav, size // 2)
    views = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop_length]
    power = np.abs(scipy.fft.rfft((views * get_window("hann", size)).astype(np.float32))) ** 2
    frequency = np.arange(power.shape[1]) * spec.fs / size
    place = np.arange(len(power)) * hop_length
    contour = np.interp(np.arange(len(wav) + hop_length), np.arange(len(f0)) * spec.hop_length, f0)
    turn = np.exp(-2j * np.pi * (np.cumsum(contour) / spec.fs)[np.minimum(place, len(contour) - 1)])
    centre = np.minimum(np.round(frames * spec.hop_length / hop_length).astype(int), len(power) - 1)
    weights = np.hanning(SPAN + 1)
    depth = np.full((len(frames), len(BANDS)), np.nan)
    for number, (low, high) in enumerate(BANDS.values()):
        if high > spec.fs / 2:
            continue
        envelope = power[:, (low <= frequency) & (frequency < high)].sum(axis=1) + _TINY
        level, turned = (oaconvolve(x, weights, mode="same")[centre] for x in (envelope, envelope * turn))
        depth[:, number] = 2 * np.abs(turned) / level
    return depth
