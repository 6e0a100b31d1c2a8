"""PESQ, wideband: telephone quality of what is below 8 kHz; needs the package pesq."""

from typing import Dict, Optional

import numpy as np
import soxr

from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.score.frames import align

RATE = 16000  # Hz, of wideband mode


def pesq(reference: np.ndarray, synthesised: np.ndarray, spec: FeatureSpec) -> Dict[str, Optional[float]]:
    """Mean opinion score that PESQ predicts; made for speech over telephones, deaf above 8 kHz.

    Parameters
    ----------
    reference, synthesised : ndarray [shape=(L,)], at ``spec.fs``, aligned
    spec : FeatureSpec

    Returns
    -------
    scores : {"pesq": float in [1, 4.65], or None where PESQ finds nothing to judge}; the same signal twice gets 4.64

    Source: ITU-T P.862.2.
    """
    from pesq import PesqError, pesq as judge  # an extra  # isort: skip

    reference, synthesised = align(reference, synthesised, spec)
    pair = [soxr.resample(wav, spec.fs, RATE) for wav in (reference, synthesised)]
    try:
        return {"pesq": float(judge(RATE, *pair, "wb"))}
    except (PesqError, ValueError):  # too short, silent, or too long for its buffers
        return {"pesq": None}
