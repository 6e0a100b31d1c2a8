"""Why a vocoder collapses on given mels: how far they lie from its training's, the likely cause, and the fix."""

import dataclasses
import math
from typing import Dict, List, Tuple

import numpy as np

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.mel_scale import mel_frequencies
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.refiner.causes import Cause, causes, expected
from espnet2_nhv.refiner.statistics import Changes, MelStatistics

# Mean and deviation of each kind of evidence where nothing is wrong, over a dozen voices other than the training's:
# singers, speakers and single syllables. Logarithms of ratios, but for the level, which is in nepers.
_SHAPE = 0.5
_SPREAD = (0.0, 0.6)
_LEVEL = (0.0, 1.4)
_TIME = (0.0, 0.2)
_GROWTH = (0.09, 0.08)
_FREQUENCY = (0.45, 0.35)
# Where recordings end and smooth mels begin, in logarithms of ratios, and how sharply.
_SMOOTH_TIME, _SMOOTH_FREQUENCY = (-0.6, 0.2), (-0.2, 0.2)
# The loudest mel of a waveform within [-1, 1] is near this, nepers.
_TOP = 4.0
# A frame beyond so many deviations counts as outside what the vocoder was trained on.
_RANGE = 4.0
# Evidence against the best cause, above which it is named with a warning.
_DOUBTFUL = 16.0


@dataclasses.dataclass(frozen=True)
class Diagnosis:
    """What :func:`diagnose` has found.

    Attributes
    ----------
    cause : str, a name in `causes.NAMES`; "none" where the mels fit
    says, fix : str, what the cause is and what to do, one sentence each
    certain : bool, whether the mels fit the vocoder once the cause is undone
    bands : list of dict, one a band: frequency, Hz, `mean` and `std` of the given mels, `trained_mean` and
        `trained_std`, and `outside`, the share of frames more than 4 deviations from the training's mean
    evidence : dict of cause to float, how much speaks against it; the least is the one named
    """

    cause: str
    says: str
    fix: str
    certain: bool
    bands: List[Dict[str, float]]
    evidence: Dict[str, float]


def diagnose(given: MelStatistics, mean: np.ndarray, std: np.ndarray, spec: FeatureSpec) -> Diagnosis:
    """Compare mels with the statistics that a vocoder was trained on.

    Parameters
    ----------
    given : MelStatistics
    mean, std : ndarray [shape=(n_mels,)], of the training features
    spec : FeatureSpec, of the vocoder

    Raises
    ------
    UserError
        If the vocoder keeps no statistics.

    Notes
    -----
    Each possible cause is undone, and what comes out is compared with the training's: the shape of the mean over bands,
    the spread, the level, and how restless it is from frame to frame and from band to band, where in the upper bands
    every voice is as noise is.
    """
    mean, std = np.asarray(mean, dtype=np.float64), np.asarray(std, dtype=np.float64)
    if np.all(mean == 0) and np.all(std == 1):
        raise UserError("the vocoder keeps no statistics of its training features: there is nothing to compare with")
    scored = [(_against(cause, given, mean, std, spec), cause) for cause in causes(given, mean, std, spec)]
    score, best = min(scored, key=lambda pair: pair[0])
    evidence: Dict[str, float] = {}
    for value, cause in scored:
        evidence[cause.name] = min(value, evidence.get(cause.name, math.inf))
    return Diagnosis(best.name, best.says, best.fix, score < _DOUBTFUL, _bands(given, mean, std, spec), evidence)


def _against(
    cause: Cause,
    given: MelStatistics,
    mean: np.ndarray,
    std: np.ndarray,
    spec: FeatureSpec,
) -> float:
    """How much speaks against a cause: squares of deviations from what is usual, added up."""
    mel = cause.undo(given.sample)
    mean, std = expected(mean, std, spec, cause.spec)
    difference = mel.mean(axis=0) - mean
    level = difference.mean()
    shape = np.square((difference - level) / std).mean()
    spread = np.median(np.log(np.maximum(mel.std(axis=0), 1e-9) / std))
    total = cause.unlikely + 2 * shape / _SHAPE + _squared(spread, _SPREAD) + _squared(level * spec.ln_base, _LEVEL)
    in_time, growth, in_frequency = Changes.of(mel).against(Changes.of_noise(cause.spec))
    if cause.smooth:
        total += _squared(max(in_time, _SMOOTH_TIME[0]), _SMOOTH_TIME)
        total += _squared(max(in_frequency, _SMOOTH_FREQUENCY[0]), _SMOOTH_FREQUENCY)
    else:
        total += _squared(in_time, _TIME) + _squared(growth, _GROWTH) + _squared(in_frequency, _FREQUENCY)
    # No waveform within full scale has louder mels, and none has softer ones than the floor.
    low, high = np.quantile(mel, [0.001, 0.999])
    total += 10 * max(0.0, high * spec.ln_base - _TOP)
    total += 10 * max(0.0, (spec.log_floor - low) * spec.ln_base - 0.1)
    return float(total)


def _squared(value: float, usual: Tuple[float, float]) -> float:
    return ((value - usual[0]) / usual[1]) ** 2


def _bands(given: MelStatistics, mean: np.ndarray, std: np.ndarray, spec: FeatureSpec) -> List[Dict[str, float]]:
    centres = mel_frequencies(spec.n_mels + 2, spec.fmin, spec.fmax, spec.mel_scale)
    outside = (np.abs(given.sample - mean) > _RANGE * std).mean(axis=0)
    columns = dict(
        frequency=centres[1:-1], mean=given.mean, std=given.std, trained_mean=mean, trained_std=std, outside=outside
    )
    return [{name: float(values[band]) for name, values in columns.items()} for band in range(spec.n_mels)]
