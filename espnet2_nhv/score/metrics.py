"""The metrics there are: what each column of the results tables means, and one call that measures all.

A new metric is a file beside this one, a row of METRICS for each number it gives, and a line in `measure`.
"""

import math
from typing import Dict, NamedTuple, Optional, Tuple

import numpy as np

from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.score import aperiodicity, between, swell
from espnet2_nhv.score.f0 import f0_errors
from espnet2_nhv.score.frames import align
from espnet2_nhv.score.lsd import lsd
from espnet2_nhv.score.mcd import mcd
from espnet2_nhv.score.stft import mrstft
from espnet2_nhv.score.tracker import heard_f0


class Metric(NamedTuple):
    """A column.

    Attributes
    ----------
    key : str, in JSON
    label, unit : str, its heading
    decimals : int, shown
    lower_is_better : bool
    definition : str
    signed : bool, whether zero is best, with a fault on either side of it
    group : str, the title of the table it stands in; of the main one where empty
    uncertain : bool, whether its standard error is shown with it
    """

    key: str
    label: str
    unit: str
    decimals: int
    lower_is_better: bool
    definition: str
    signed: bool = False
    group: str = ""
    uncertain: bool = False

    @property
    def better(self) -> str:
        """Where better values lie: "lower", "higher" or at "zero"."""
        return "zero" if self.signed else "lower" if self.lower_is_better else "higher"

    def fault(self, value: float) -> float:
        """The larger, the worse."""
        return abs(value) if self.signed else value if self.lower_is_better else -value

    def show(self, value: float) -> str:
        """A value as text, without the minus of what rounds to zero."""
        return f"{round(value, self.decimals) + 0.0:.{self.decimals}f}"


_LSD = (
    "root mean square difference of the levels of mel-spaced bands (128 up to 22.05 kHz, Hann 46 ms) with centres in "
    "{}, averaged over frames"
)

PERIODICITY, WITHIN_A_PERIOD = "Periodicity", "Within a period"

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
    Metric(
        *("ap_abs", "aperiodicity", "dB", 1, True),
        "mean absolute difference of D4C band aperiodicity at 3, 6, 9, 12 and 15 kHz, copy against recording, both "
        "analysed with the recording's F0, in its voiced frames",
    ),
    *(
        Metric(
            *(f"ap_{band}", f"aperiodicity {band}k", "dB", 1, True),
            f"mean difference of D4C band aperiodicity at {band} kHz, copy less recording: below 0 the copy is too "
            "harmonic (it buzzes), above 0 too noisy",
            signed=True,
            group=PERIODICITY,
        )
        for band in aperiodicity.BANDS
    ),
    *(
        Metric(
            *(f"ap_abs_{band}", f"absolute {band}k", "dB", 1, True),
            f"mean absolute difference of D4C band aperiodicity at {band} kHz, frame by frame",
            group=PERIODICITY,
        )
        for band in aperiodicity.BANDS
    ),
    *(
        Metric(
            *(key, f"between {low // 1000}-{high // 1000}", "dB", 1, True),
            f"mean difference of the levels halfway between harmonics in {low // 1000}-{high // 1000} kHz, copy less "
            "recording, in its voiced frames: below 0 breath is missing, above 0 the copy is rough",
            signed=True,
            group=PERIODICITY,
        )
        for key, (low, high) in between.BANDS.items()
    ),
    *(
        Metric(
            *(key, f"swell {low // 1000}-{high // 1000}", "", 2, True),
            f"mean difference of how deep the envelope of {low // 1000}-{high // 1000} kHz is modulated with F0 (0: it "
            "flows evenly, 2: pulses), copy less recording, in its voiced frames: above 0 the copy is too peaky",
            signed=True,
            group=WITHIN_A_PERIOD,
        )
        for key, (low, high) in swell.BANDS.items()
    ),
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
        **aperiodicity.aperiodicity(reference, synthesised, spec, reference_f0),
        **between.between_harmonics(reference, synthesised, spec, reference_f0),
        **swell.swelling(reference, synthesised, spec, reference_f0),
    }
    return {key: _rounded(value) for key, value in scores.items()}


def _rounded(value: Optional[float]) -> Optional[float]:
    return None if value is None or not math.isfinite(value) else round(value, 6)
