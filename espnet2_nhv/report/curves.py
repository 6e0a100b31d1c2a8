"""Learning curves of trainings that were made side by side."""

from pathlib import Path
from typing import Dict, List, Sequence

from espnet2_nhv.score.metrics import Metric
from espnet2_nhv.train.curve import read_curve

_SHARES = (1 / 8, 1 / 4, 1 / 2, 1)

# What validation measures of every vocoder while it trains, the lower the better.
CURVE_METRICS = (
    Metric("mr_stft", "MR-STFT loss", "neper", 3, True, "the training's own, in validation on segments of dev"),
    Metric("mel", "mel loss", "log10", 3, True, "mean absolute difference of log-mels of those segments"),
    Metric("periodicity", "periodicity loss", "", 3, True, "how far bands are from being as periodic as recorded"),
)

CURVES = (
    "MR-STFT loss in validation (neper, on segments of dev) after shares of the time, and (steps) made until then; the "
    "last column is what the second half of the time brought."
)


def read_curves(expdir: Path, experiments: Sequence[str]) -> Dict[str, List[dict]]:
    """The curves of those of the experiments that have one, as :func:`~espnet2_nhv.train.curve.read_curve` gives them.

    Parameters
    ----------
    expdir : folder of the experiments
    experiments : names of folders in it
    """
    curves = {name: read_curve(expdir / name) for name in experiments}
    return {name: points for name, points in curves.items() if points}


def curve_table(curves: Dict[str, List[dict]], key: str = "mr_stft") -> str:
    """Markdown: a loss after shares of the longest training's time, so that one sees where each is heading.

    A cell is of the last point not later than that (by a second), with the steps made; the last column is by how much
    the second half of the time has lowered it.
    """
    end = max(points[-1]["seconds"] for points in curves.values())
    times = [share * end for share in _SHARES]
    head = ["vocoder", *(f"after {time / 60:.1f} min" for time in times), "second half"]
    lines = []
    for name, points in sorted(curves.items(), key=lambda item: item[1][-1].get(key, float("inf"))):
        cells = [_last_before(points, time) for time in times]
        shown = [
            "" if point is None or key not in point else f"{point[key]:.3f} ({point['steps']:,})" for point in cells
        ]
        both = cells[-2] and cells[-1] and key in cells[-2] and key in cells[-1]
        lines.append([f"`{name}`", *shown, f"{cells[-1][key] - cells[-2][key]:+.3f}" if both else ""])
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, rule, *lines])


def _last_before(points: Sequence[dict], seconds: float):
    return next((point for point in reversed(points) if point["seconds"] <= seconds + 1.0), None)
