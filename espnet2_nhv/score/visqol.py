"""ViSQOL in audio mode, an estimate of what listeners would say; needs the package visqol-python."""

from functools import lru_cache
from typing import Dict, Optional

import numpy as np
import soxr

from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.score.frames import align

RATE = 48000  # Hz, of audio mode
SHORTEST = 1.0  # seconds: of less ViSQOL cuts no patch to compare


def visqol(reference: np.ndarray, synthesised: np.ndarray, spec: FeatureSpec) -> Dict[str, Optional[float]]:
    """Mean opinion score of listening quality that ViSQOL predicts of music and general audio.

    The package's own alignment is off: copies are aligned by construction, and a shift is a fault.

    Parameters
    ----------
    reference, synthesised : ndarray [shape=(L,)], at ``spec.fs``, aligned
    spec : FeatureSpec

    Returns
    -------
    scores : {"visqol": float in [1, 5], or None for less than a second or a silent reference}; the same signal
        twice gets 4.73

    Source: Chinen et al., "ViSQOL v3: an open source production ready objective speech and audio metric", QoMEX 2020.
    """
    reference, synthesised = align(reference, synthesised, spec)
    if len(reference) < SHORTEST * spec.fs or not reference.any():
        return {"visqol": None}
    pair = [soxr.resample(wav, spec.fs, RATE) for wav in (reference, synthesised)]
    return {"visqol": float(_judge().measure_from_arrays(*pair, sample_rate=RATE).moslqo)}


@lru_cache(maxsize=1)
def _judge():
    from visqol import VisqolApi  # an extra, and slow to import

    judge = VisqolApi()
    judge.create(mode="audio", disable_global_alignment=True, disable_realignment=True)
    return judge
