"""Who is better beyond chance: intervals of means, ranks with ties, and a composite of ranks over columns."""

from typing import Dict, List, Optional, Sequence

import numpy as np

from espnet2_nhv.score.between import BANDS
from espnet2_nhv.score.metrics import METRICS, Metric

# What the composite is made of: each family counts a third, each of its columns the same.
FAMILIES = {
    "spectra": ("mrstft", "mcd", "lsd_0_4", "lsd_4_8", "lsd_8_16", "lsd_16_22", "lsd_worst"),
    "periodicity": ("ap_abs", *BANDS),
    "pitch": ("f0_rmse", "f0_gross", "vuv_error"),
}
SHOWN = ("mrstft", "mcd", "ap_abs", "f0_gross", "vuv_error")  # with interval and rank in the table
MEANING = (
    "Means with 95 % intervals (bootstrap over utterances, 2000 draws) and, behind #, ranks: 1 and how many are better "
    "beyond chance, that is in 97.5 % of draws of the utterances both have. Who shares a rank was not told apart. The "
    "composite is the mean rank over three families that count the same: spectra (MR-STFT, MCD, LSD, worst frame), "
    "periodicity (aperiodicity, between harmonics) and pitch (F0 fine and gross, V/UV); who has no value in a column "
    "is last in it. Of fewer than five utterances nothing is told apart."
)

_DRAWS, _LEAST = 2000, 5
_METRICS = {metric.key: metric for metric in METRICS}
_COLUMNS = tuple(dict.fromkeys([*(key for keys in FAMILIES.values() for key in keys), *SHOWN]))


def add_ranks(rows: Sequence[dict], utterances: Sequence[Dict[str, dict]]) -> None:
    """Write intervals, ranks and composites into the rows of one set.

    Parameters
    ----------
    rows : as :func:`~espnet2_nhv.report.results.collect_row` makes them; each gets
        interval : {metric: [low, high] or None}, of its mean
        ranks : {metric: int >= 1}; empty where it does not take part (no scores, or of another vocoder)
        composite : {"all" or family: float >= 1}, mean ranks
    utterances : of each row, {utterance: {metric: value or None}}
    """
    names = sorted(set().union(*utterances))
    taking_part = [index for index, row in enumerate(rows) if row["error"] is None and not row["stale"]]
    for row in rows:
        row.update(interval={}, ranks={}, composite={})
    if not names:
        return
    # How often each utterance is in each draw, (utterances, draws).
    draws = np.random.default_rng(0).multinomial(len(names), np.full(len(names), 1 / len(names)), _DRAWS).T
    for key in _COLUMNS:
        values = np.array([[_value(scores, name, key) for name in names] for scores in utterances], dtype=float)
        values = values.reshape(len(rows), len(names))
        for index, row in enumerate(rows):
            row["interval"][key] = _interval(values[index], draws)
        for index, rank in _ranks(values[taking_part], draws, _METRICS[key]).items():
            rows[taking_part[index]]["ranks"][key] = rank
    for index in taking_part:
        ranks = rows[index]["ranks"]
        families = {name: _mean(ranks[key] for key in keys if key in ranks) for name, keys in FAMILIES.items()}
        families = {name: value for name, value in families.items() if value is not None}
        if families:
            rows[index]["composite"] = {"all": round(_mean(families.values()), 2), **families}


def with_interval(row: dict, key: str) -> str:
    """``0.537 [0.51, 0.56] #2``; what is not known is left out."""
    metric, value, interval = _METRICS[key], row.get(key), row["interval"].get(key)
    shown = "" if value is None else metric.show(value)
    if shown and interval:
        shown += f" [{metric.show(interval[0])}, {metric.show(interval[1])}]"
    return shown + (f" #{row['ranks'][key]}" if shown and key in row["ranks"] else "")


def by_composite(rows: Sequence[dict]) -> List[dict]:
    """Those that have one, the best first; none where there is nobody to compare with."""
    ranked = [row for row in rows if row.get("composite")]
    return sorted(ranked, key=lambda row: row["composite"]["all"]) if len(ranked) > 1 else []


def shown_metrics() -> List[Metric]:
    """The columns that :func:`with_interval` fills."""
    return [_METRICS[key] for key in SHOWN]


def _value(scores: Dict[str, dict], utterance: str, key: str) -> float:
    value = scores.get(utterance, {}).get(key)
    return np.nan if value is None else value


def _interval(values: np.ndarray, draws: np.ndarray) -> Optional[List[float]]:
    known = values[~np.isnan(values)]
    if len(known) < 2:
        return None
    low, high = np.percentile(_means(values, draws), [2.5, 97.5])
    return [round(float(low), 6), round(float(high), 6)]


def _means(values: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Mean of each draw ``(..., _DRAWS)`` of ``(..., n)``, over what is known; where that is nothing, of all."""
    known = ~np.isnan(values)
    values = np.where(known, values, 0.0)
    sums, counts = values @ draws, known.astype(float) @ draws
    whole = values.sum(-1) / np.maximum(known.sum(-1), 1)
    return np.where(counts > 0, sums / np.maximum(counts, 1), whole[..., None])


def _ranks(values: np.ndarray, draws: np.ndarray, metric: Metric) -> Dict[int, int]:
    """Rank of each row of ``(vocoders, utterances)``; nobody's where nobody has a value."""
    if not len(values) or np.isnan(values).all():
        return {}
    better = np.zeros((len(values), len(values)), dtype=bool)
    for one in range(len(values)):
        for two in range(len(values)):
            better[one, two] = one != two and _is_better(values[one], values[two], draws, metric)
    return {index: 1 + int(better[:, index].sum()) for index in range(len(values))}


def _is_better(one: np.ndarray, two: np.ndarray, draws: np.ndarray, metric: Metric) -> bool:
    has_one, has_two = ~np.isnan(one), ~np.isnan(two)
    if has_one.any() and not has_two.any():
        return True
    both = has_one & has_two
    if both.sum() < _LEAST:
        return False
    pair = np.where(both, np.stack([one, two]), np.nan)
    faults = _fault(_means(pair, draws), metric)
    return bool((faults[0] < faults[1]).mean() > 0.975)


def _fault(values: np.ndarray, metric: Metric) -> np.ndarray:
    return np.abs(values) if metric.signed else values if metric.lower_is_better else -values


def _mean(values) -> Optional[float]:
    values = list(values)
    return round(float(np.mean(values)), 2) if values else None
