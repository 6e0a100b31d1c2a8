"""The metrics there are: what each column of the results table means, and one call that measures all.

A new metric is a file beside this one, a row of METRICS for each number it gives, and a line in `measure`.
"""

import math
from typing import Dict, NamedTuple, Optional, Tuple

import numpy as np

from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.score.f0 import f0_errors
from espnet2_nhv.score.frames import align
from espnet2_nhv.score.lsd import lsd
from espnet2_nhv.score.mcd import mcd
from espnet2_nhv.score.stft import mrstft
from espnet2_nhv.score.tracker import heard_f0


class Metric(NamedTuple):
    """A column: its key in JSON, heading, unit, decimals shown, whether lower is better, and its definition."""

    key: str
    label: str
    unit: str
    decimals: int
    lower_is_better: bool
    definition: str

    def show(self, value: float) -> str:
        """A value as text, without the minus of what rounds to zero."""
        return f"{round(value, self.decimals) + 0.0:.{self.decimals}f}"


_LSD = (
    "root mean square difference of the levels of mel-spaced bands (128 up to 22.05 kHz, Hann 46 ms) with centres in "
    "{}, averaged over frames"
)

METRICS = (
    Metric(
        "mrstft",
        "MR-STFT",
        "neper",
        3,
        True,
        "mean absolute difference of natural-log STFT magnitudes, averaged over windows of 512, 1024, 2048 and 4096 "
        "samples; two draws of one noise are 0.69 apart",
    ),
    Metric(
        "mcd",
        "MCD",
        "dB",
        2,
        True,
        "mel-cepstral distortion of CheapTrick envelopes (order 39, alpha 0.53 at 44.1 kHz) without c0 and without "
        "warping, both signals analysed with the reference's F0",
    ),
    Metric(
        "f0_rmse",
        "F0 fine",
        "cent",
        1,
        True,
        "root mean square F0 error of frames voiced in both and within 50 cents",
    ),
    Metric("f0_gross", "F0 gross", "%", 2, True, "share of frames voiced in both whose F0 is off by over 50 cents"),
    Metric("vuv_error", "V/UV", "%", 2, True, "share of frames voiced in the reference only or the synthesis only"),
    Metric("lsd_0_4", "LSD 0-4", "dB", 2, True, _LSD.format("0-4 kHz")),
    Metric("lsd_4_8", "LSD 4-8", "dB", 2, True, "the same in 4-8 kHz"),
    Metric("lsd_8_16", "LSD 8-16", "dB", 2, True, "the same in 8-16 kHz"),
    Metric("lsd_16_22", "LSD 16-22", "dB", 2, True, "the same above 16 kHz"),
    Metric("lsd_worst", "worst frame", "dB", 1, True, "the largest such difference of one frame, over all bands"),
)


def measure(
    reference: np.ndarray,
    synthesised: np.ndarray,
    spec: FeatureSpec,
    reference_f0: Optional[Tuple[np.ndarray, np.ndarray]] = None,
    synthesised_f0: Optional[Tuple[np.ndarray, np.ndarray]] = None,
) -> Dict[str, Optional[float]]:
    """All metrics of one utterance.

    Parameters
    ----------
    reference, synthesised : ndarray [shape=(L,)], at ``spec.fs``, aligned, lengths within two hops
    spec : FeatureSpec
    reference_f0, synthesised_f0 : (f0, vuv) of each where already known, each ndarray [shape=(T,)]

    Returns
    -------
    scores : dict of float, one for every row of METRICS (None where there is nothing to judge by), and
        lsd_worst_at in seconds

    Raises
    ------
    UserError
        If the signals cannot be compared (:func:`~espnet2_nhv.score.frames.align`).
    """
    reference, synthesised = align(reference, synthesised, spec)
    if len(reference) < spec.hop_length:  # shorter than a frame
        return dict.fromkeys([*(metric.key for metric in METRICS), "lsd_worst_at"])
    if reference_f0 is None:
        reference_f0 = heard_f0(reference, spec)
    scores = {
        **mrstft(reference, synthesised, spec),
        **mcd(reference, synthesised, spec, reference_f0),
        **f0_errors(reference, synthesised, spec, reference_f0, synthesised_f0),
        **lsd(reference, synthesised, spec),
    }
    return {key: _rounded(value) for key, value in scores.items()}


def _rounded(value: Optional[float]) -> Optional[float]:
    return None if value is None or not math.isfinite(value) else round(value, 6)
