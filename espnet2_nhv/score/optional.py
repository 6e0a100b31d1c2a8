"""Metrics of other people's packages: taken where asked for and installed, skipped with a reason otherwise."""

import importlib
import importlib.util
import math
from typing import Dict, NamedTuple, Optional, Sequence, Tuple

from espnet2_nhv.errors import UserError
from espnet2_nhv.score.metrics import Metric

LOWEST = 1.0  # mean opinion score
LEARNED = "Learned scores"


class Extra(NamedTuple):
    """A metric, the package it needs (as pip names it and as Python does), and ours that calls it."""

    metric: Metric
    package: str
    module: str
    function: str

    @property
    def file(self) -> str:
        """The name of our file."""
        return self.function.split(":")[0].rpartition(".")[2]


OPTIONAL: Dict[str, Extra] = {
    extra.metric.key: extra
    for extra in (
        Extra(
            Metric(
                *("visqol", "ViSQOL", "MOS", 2, False),
                "mean opinion score that ViSQOL predicts in audio mode (48 kHz), from 1 to 4.73, the score of a copy",
            ),
            *("visqol-python", "visqol", "espnet2_nhv.score.visqol:visqol"),
        ),
        Extra(
            Metric(
                *("pesq", "PESQ", "MOS", 2, False),
                "mean opinion score that wideband PESQ predicts, from 1 to 4.64; made for speech, deaf above 8 kHz",
            ),
            *("pesq", "pesq", "espnet2_nhv.score.pesq:pesq"),
        ),
        *(
            Extra(
                Metric(
                    *(key, label, "MOS", 2, False),
                    f"mean opinion score that {label} predicts ({of}), copy less recording, ± its standard error over "
                    "the utterances; made for speech, deaf above 8 kHz",
                    group=LEARNED,
                    uncertain=True,
                ),
                *(package, package, f"espnet2_nhv.score.learned:{key}"),
            )
            for key, label, of, package in (
                ("distillmos", "DistillMOS", "of quality as a whole", "distillmos"),
                ("plcmos", "PLCMOS", "of roughness and gaps", "speechmos"),
                ("dnsmos", "DNSMOS SIG", "of the voice, without its background", "speechmos"),
            )
        ),
    )
}


def available(keys: Sequence[str]) -> Tuple[Tuple[str, ...], Dict[str, str]]:
    """Which of the optional metrics asked for can be measured here, and why the others cannot.

    Raises
    ------
    UserError
        If there is no such metric.
    """
    skipped = {}
    for key in keys:
        if key not in OPTIONAL:
            raise UserError(f"there is no optional metric {key!r}; there are {', '.join(OPTIONAL)}")
        if importlib.util.find_spec(OPTIONAL[key].module) is None:
            skipped[key] = f"{OPTIONAL[key].package} is not installed"
    return tuple(dict.fromkeys(key for key in keys if key not in skipped)), skipped


def measure_optional(key: str, reference, synthesised, spec) -> Dict[str, Optional[float]]:
    """One optional metric of two aligned signals, as its own file says; None where there is nothing to judge.

    The packages say nothing of silence. Where they could have judged the recording, it gets the lowest opinion there
    is rather than none, for an utterance left out would raise the mean.
    """
    module, function = OPTIONAL[key].function.split(":")
    measure = getattr(importlib.import_module(module), function)
    value = measure(reference, synthesised, spec)[key]
    if value is not None and math.isfinite(value):
        return {key: value}
    is_lost = not synthesised.any() and measure(reference, reference, spec)[key] is not None
    return {key: LOWEST if is_lost else None}
