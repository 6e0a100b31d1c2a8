"""How much of each band is noise, in the copy against the recording."""

from typing import Dict, Optional, Tuple

import numpy as np
import pyworld

from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.score.frames import active_frames, align
from espnet2_nhv.score.tracker import heard_f0

BANDS = (3, 6, 9, 12, 15)  # kHz, where WORLD codes band aperiodicity, as far as fs / 2 leaves 3 kHz above them
MEAN, ABSOLUTE = (tuple(f"{name}_{band}" for band in BANDS) for name in ("ap", "ap_abs"))
FRAMES_A_SECOND = 90  # at most: D4C is slow, and its windows of four periods overlap by far even so


def aperiodicity(
    reference: np.ndarray,
    synthesised: np.ndarray,
    spec: FeatureSpec,
    reference_f0: Optional[Tuple[np.ndarray, np.ndarray]] = None,
) -> Dict[str, Optional[float]]:
    """Band aperiodicity of the synthesised signal minus the recording's, in the recording's voiced frames.

    D4C estimates the share of a band's power that does not repeat after one period: 0 dB is noise, and the lower the
    more harmonic. Both signals are analysed with the recording's F0. Distances between spectra do not see this, or
    even reward what is too harmonic: what is the same every time is nearer to a noise than another draw of it is.

    Parameters
    ----------
    reference, synthesised : ndarray [shape=(L,)], at ``spec.fs``, aligned
    spec : FeatureSpec
    reference_f0 : (f0, vuv) of the reference where already known, each ndarray [shape=(T,)]

    Returns
    -------
    scores : dict of float, dB, or None where there is no voiced frame or no such band
        ap_3, ap_6, ap_9, ap_12, ap_15 : mean difference at 3, 6, 9, 12, 15 kHz; below 0 it buzzes
        ap_abs_3, ... ap_abs_15 : mean absolute difference, >= 0
        ap_abs : mean of these

    Source: M. Morise, "D4C, a band-aperiodicity estimator for high-quality speech synthesis", 2016, as in pyworld.
    """
    reference, synthesised = align(reference, synthesised, spec)
    f0, frames = voiced_frames(reference, synthesised, spec, reference_f0)
    if not len(frames):
        return dict.fromkeys([*MEAN, *ABSOLUTE, "ap_abs"])
    ours, theirs = (band_aperiodicity(wav, f0[frames], frames, spec) for wav in (synthesised, reference))
    difference = ours - theirs
    mean, absolute = difference.mean(axis=0), np.abs(difference).mean(axis=0)
    scores: Dict[str, Optional[float]] = dict.fromkeys([*MEAN, *ABSOLUTE])
    scores.update(zip(MEAN, map(float, mean)))
    scores.update(zip(ABSOLUTE, map(float, absolute)))
    scores["ap_abs"] = float(absolute.mean())
    return scores


def voiced_frames(
    reference: np.ndarray,
    synthesised: np.ndarray,
    spec: FeatureSpec,
    reference_f0: Optional[Tuple[np.ndarray, np.ndarray]] = None,
) -> Tuple[np.ndarray, np.ndarray]:
    """F0 of the reference ``(T,)``, Hz, and the numbers of its frames that are voiced and count, some 90 a second."""
    f0, vuv = reference_f0 or heard_f0(reference, spec)
    active = active_frames(reference, synthesised, spec)
    n_frames = min(len(f0), len(active))
    frames = np.flatnonzero(active[:n_frames] & (vuv[:n_frames] > 0.5))
    return f0[:n_frames].astype(np.float64), frames[:: max(1, round(spec.frame_rate / FRAMES_A_SECOND))]


def band_aperiodicity(wav: np.ndarray, f0: np.ndarray, frames: np.ndarray, spec: FeatureSpec) -> np.ndarray:
    """D4C's coded aperiodicity of some frames; ndarray [shape=(T, <= 5)], dB, <= 0, at 3, 6, ... kHz.

    Parameters
    ----------
    wav : ndarray [shape=(L,)], at ``spec.fs``
    f0 : ndarray [shape=(T,)], Hz, > 0, of those frames
    frames : ndarray of int [shape=(T,)]
    spec : FeatureSpec
    """
    time = frames * spec.hop_length / spec.fs
    # Which frames are voiced is known: D4C's own decision, which makes noise of what it doubts, is turned off.
    whole = pyworld.d4c(np.ascontiguousarray(wav), np.ascontiguousarray(f0), time, spec.fs, threshold=0.0)
    return pyworld.code_aperiodicity(whole, spec.fs)
