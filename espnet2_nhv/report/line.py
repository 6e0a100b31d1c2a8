"""The scores of one vocoder in one line."""

import re

from espnet2_nhv.score.metrics import METRICS, Metric
from espnet2_nhv.score.optional import OPTIONAL


def scores_in_one_line(scores: dict) -> str:
    """All columns that decide, side by side, those of one kind with slashes between them.

    Parameters
    ----------
    scores : dict, as :func:`espnet2_nhv.score.evaluate.summarise` makes it

    Returns
    -------
    line : str, e.g. "MR-STFT 0.528  MCD 1.82  LSD 3.32/1.28/1.06/0.80 ..."; "-" for what there is nothing to judge by
    """

    def shown(metric: Metric) -> str:
        value, error = scores["mean"].get(metric.key), scores["stderr"].get(metric.key)
        spread = f"±{error:.{metric.decimals}f}" if metric.uncertain and error is not None else ""
        return "-" if value is None else metric.show(value) + spread

    def together(pattern: str) -> str:
        return "/".join(shown(metric) for metric in METRICS if re.fullmatch(pattern, metric.key))

    known = {metric.key: metric for metric in METRICS}
    parts = [f"{known[key].label} {shown(known[key])}" for key in ("mrstft", "mcd")]
    parts.append("LSD " + together(r"lsd_\d.*"))
    parts += [f"{known[key].label} {shown(known[key])}" for key in ("f0_rmse", "f0_gross", "vuv_error")]
    mean, absolute = (together(rf"{name}_\d+") for name in ("ap", "ap_abs"))
    parts.append(f"aperiodicity {mean} absolute {absolute} between {together('between_.*')}")
    parts.append(f"swell {together('swell_.*')}")
    for extra in OPTIONAL.values():
        if scores["mean"].get(extra.metric.key) is not None:
            parts.append(f"{extra.metric.label} {shown(extra.metric)}")
    return "  ".join(parts)
