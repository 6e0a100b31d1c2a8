"""What networks that learnt from listeners say of the copy, against what they say of the recording.

They were taught on speech at 16 kHz, so what they say of a singer means nothing by itself: an original soprano gets
3.3, an original alto 4.4. Only the difference to the original of the same clip, over a dozen clips or more, is worth
reading. They are deaf above 8 kHz.
"""

import contextlib
import io
from functools import lru_cache
from typing import Callable, Dict, Optional

import numpy as np
import soxr

from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.score.frames import SILENCE_POWER, align

RATE = 16000  # Hz
SHORTEST, LONGEST = 1.0, 10.0  # seconds of a clip: all of them learnt from clips of some seconds
LOWEST = 1.0  # mean opinion score, of silence


def distillmos(reference: np.ndarray, synthesised: np.ndarray, spec: FeatureSpec) -> Dict[str, Optional[float]]:
    """DistillMOS of the copy minus that of the recording; needs the package distillmos.

    Parameters
    ----------
    reference, synthesised : ndarray [shape=(L,)], at ``spec.fs``, aligned
    spec : FeatureSpec

    Returns
    -------
    scores : {"distillmos": float in [-4, 4], or None for less than a second or a silent reference}; 0 for a copy

    Source: Stahl and Gamper, "Distillation and pruning for scalable self-supervised representation-based speech
    quality assessment", ICASSP 2025.
    """
    return {"distillmos": _difference(_distillmos(), reference, synthesised, spec)}


def plcmos(reference: np.ndarray, synthesised: np.ndarray, spec: FeatureSpec) -> Dict[str, Optional[float]]:
    """PLCMOS of the copy minus that of the recording, as :func:`distillmos`; needs the package speechmos.

    Source: Diener et al., "PLCMOS: a data-driven non-intrusive metric for the evaluation of packet loss concealment
    algorithms", Interspeech 2023.
    """
    return {"plcmos": _difference(_plcmos(), reference, synthesised, spec)}


def dnsmos(reference: np.ndarray, synthesised: np.ndarray, spec: FeatureSpec) -> Dict[str, Optional[float]]:
    """DNSMOS's opinion of the signal (SIG), copy minus recording, as :func:`distillmos`; needs the package speechmos.

    Source: Reddy et al., "DNSMOS P.835: a non-intrusive perceptual objective speech quality metric to evaluate noise
    suppressors", ICASSP 2022.
    """
    return {"dnsmos": _difference(_dnsmos(), reference, synthesised, spec)}


def _difference(judge: Callable[[np.ndarray], float], reference, synthesised, spec: FeatureSpec) -> Optional[float]:
    """Mean over the clips that the pair is cut into."""
    reference, synthesised = align(reference, synthesised, spec)
    if len(reference) < SHORTEST * spec.fs or np.mean(np.square(reference)) < SILENCE_POWER:
        return None
    pair = np.stack([soxr.resample(wav, spec.fs, RATE) for wav in (reference, synthesised)])
    n_clips = int(np.ceil(pair.shape[1] / (LONGEST * RATE)))
    opinions = [[_opinion(judge, clip) for clip in np.array_split(wav, n_clips)] for wav in pair]
    return float(np.mean(opinions[1]) - np.mean(opinions[0]))


def _opinion(judge: Callable[[np.ndarray], float], clip: np.ndarray) -> float:
    if np.mean(np.square(clip)) < SILENCE_POWER:  # of which a network may say anything
        return LOWEST
    return judge(np.clip(clip, -1.0, 1.0).astype(np.float32))


@lru_cache(maxsize=1)
def _distillmos() -> Callable[[np.ndarray], float]:
    import torch
    from distillmos import ConvTransformerSQAModel  # an extra

    with contextlib.redirect_stdout(io.StringIO()):  # it says where its weights are
        model = ConvTransformerSQAModel().eval()

    @torch.no_grad()
    def judge(clip: np.ndarray) -> float:
        return float(model(torch.from_numpy(clip)[None]))

    return judge


@lru_cache(maxsize=1)
def _plcmos() -> Callable[[np.ndarray], float]:
    from speechmos import plcmos as package  # an extra

    def judge(clip: np.ndarray) -> float:
        # It asks several imagined listeners, drawn at random: the same ones each time.
        state = np.random.get_state()
        np.random.seed(0)
        try:
            return float(package.run(clip, RATE)["plcmos"])
        finally:
            np.random.set_state(state)

    return judge


@lru_cache(maxsize=1)
def _dnsmos() -> Callable[[np.ndarray], float]:
    from speechmos import dnsmos as package  # an extra

    return lambda clip: float(package.run(clip, RATE)["sig_mos"])
