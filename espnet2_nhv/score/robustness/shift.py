"""A phrase sung in another key: is the pitch the one asked for, and is the voice still the same?"""

from typing import Dict, Optional

import numpy as np
from scipy.ndimage import binary_erosion, median_filter

from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.score.f0 import GROSS
from espnet2_nhv.score.frames import power_floor
from espnet2_nhv.score.mcd import envelope, mel_cepstrum
from espnet2_nhv.score.tracker import heard_f0

WORST_SECONDS = 0.05  # an error has to last about as long to count as the worst
EDGE_SECONDS = 0.03  # at either end of a note, where voices begin and end and trackers disagree
MARGIN = 2 ** (1 / 12)  # a semitone: an F0 asked for this near the ends of the analysis is not judged


def shift_errors(
    wav: np.ndarray,
    asked: np.ndarray,
    recording: np.ndarray,
    f0: np.ndarray,
    vuv: np.ndarray,
    spec: FeatureSpec,
) -> Dict[str, Optional[float]]:
    """Pitch against the F0 asked for, and envelopes against the recording's, inside the recording's voiced parts.

    Parameters
    ----------
    wav : ndarray [shape=(L,)], at ``spec.fs``, synthesised
    asked : ndarray [shape=(T,)], Hz, > 0, the F0 it was synthesised with
    recording : ndarray [shape=(L,)], whose mel it was synthesised with
    f0, vuv : ndarray [shape=(T,)], of the recording
    spec : FeatureSpec

    Returns
    -------
    scores : dict of float >= 0, or None where there is no frame to judge by
        f0_rmse : root mean square difference, cents, of voiced frames within 50 cents
        f0_gross : share of the frames heard to be voiced that differ by more than 50 cents, percent
        f0_lost : share of all these frames in which no voice is heard, percent
        f0_worst : the largest difference that lasts for 50 ms or so, cents
        timbre : mel-cepstral distortion without c0, each signal's envelope taken with its own F0, dB

    Source: as :mod:`espnet2_nhv.score.f0` and :mod:`espnet2_nhv.score.mcd`.
    """
    heard, heard_vuv = heard_f0(wav, spec, spec.frame_centre)
    n_frames = min(map(len, (heard, asked, f0, vuv)))
    heard, heard_vuv, asked, f0, vuv = (x[:n_frames] for x in (heard, heard_vuv, asked, f0, vuv))
    inside = binary_erosion(vuv > 0.5, np.ones(2 * round(EDGE_SECONDS * spec.frame_rate) + 1), border_value=1)
    judged = inside & (asked > spec.f0_floor * MARGIN) & (asked < spec.f0_ceil / MARGIN)
    both = judged & (heard_vuv > 0.5)
    cents = 1200 * np.abs(np.log2(heard / asked))
    fine = cents[both & (cents <= GROSS)]
    width = max(1, round(WORST_SECONDS * spec.frame_rate))
    return dict(
        f0_rmse=float(np.sqrt(np.mean(fine**2))) if len(fine) else None,
        f0_gross=float(100 * np.mean(cents[both] > GROSS)) if both.any() else None,
        f0_lost=float(100 * np.mean(~both[judged])) if judged.any() else None,
        f0_worst=float(median_filter(cents[both], width).max()) if both.any() else None,
        timbre=_timbre(wav, heard, recording, f0, both, spec),
    )


def _timbre(wav, heard, recording, f0, frames, spec) -> Optional[float]:
    frames = np.flatnonzero(frames)
    if not len(frames):
        return None
    time, floor = frames * spec.hop_length / spec.fs, power_floor(recording, spec)
    pair = [
        mel_cepstrum(np.maximum(envelope(signal, own[frames].astype(np.float64), time, spec), floor), spec.fs)
        for signal, own in ((wav, heard), (recording, f0))
    ]
    distance = np.sqrt(2 * np.square(pair[0] - pair[1])[:, 1:].sum(axis=1))
    return float(10 / np.log(10) * distance.mean())
