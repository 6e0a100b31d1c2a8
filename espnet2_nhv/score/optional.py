"""Metrics of other people's packages: taken where asked for and installed, skipped with a reason otherwise."""

import importlib
import importlib.util
from typing import Dict, NamedTuple, Sequence, Tuple

from espnet2_nhv.errors import UserError
from espnet2_nhv.score.metrics import Metric


class Extra(NamedTuple):
    """A metric, the package it needs (as pip names it and as Python does), and ours that calls it."""

    metric: Metric
    package: str
    module: str
    function: str


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


def measure_optional(key: str, reference, synthesised, spec) -> Dict[str, float]:
    """One optional metric of two aligned signals, as its own file says."""
    module, function = OPTIONAL[key].function.split(":")
    return getattr(importlib.import_module(module), function)(reference, synthesised, spec)
