"""Intervals, ranks with ties, and the composite."""

import numpy as np
import pytest

from espnet2_nhv.report.ranks import FAMILIES, add_ranks, by_composite, with_interval
from espnet2_nhv.score.metrics import METRICS


def ranked(values, **extra):
    """Rows of vocoders whose every metric is `values` of {name: array of utterances}, ranked."""
    rows = [dict(vocoder=name, error=None, stale=False, **extra) for name in values]
    utterances = [
        {f"u{i}": {metric.key: None if np.isnan(v) else float(v) for metric in METRICS} for i, v in enumerate(column)}
        for column in values.values()
    ]
    for row, column in zip(rows, values.values()):
        row.update(
            {metric.key: float(np.nanmean(column)) if not np.isnan(column).all() else None for metric in METRICS}
        )
    add_ranks(rows, utterances)
    return {row["vocoder"]: row for row in rows}


def test_interval_is_that_of_the_mean():
    rng = np.random.default_rng(1)
    values = rng.normal(5.0, 2.0, 400)
    low, high = ranked({"a": values})["a"]["interval"]["mcd"]
    half = 1.96 * values.std() / np.sqrt(len(values))  # of many values it is the normal one
    assert low == pytest.approx(values.mean() - half, abs=0.05) and high == pytest.approx(
        values.mean() + half, abs=0.05
    )
    shown = with_interval(ranked({"a": np.array([1.0, 3.0])})["a"], "mcd")
    assert shown == "2.00 [1.00, 3.00] #1"


def test_utterances_are_compared_in_pairs():
    """Songs differ by much more than vocoders: what counts is the difference in each song."""
    songs = np.random.default_rng(2).uniform(1.0, 10.0, 20)
    rows = ranked({"better": songs, "worse": songs + 0.1, "alike": songs + np.tile([0.3, -0.3], 10)})
    assert rows["better"]["interval"]["mcd"][1] > rows["worse"]["interval"]["mcd"][0]  # they overlap by far
    assert rows["better"]["ranks"]["mcd"] == 1 and rows["worse"]["ranks"]["mcd"] == 2
    assert rows["alike"]["ranks"]["mcd"] == 1
    assert [row["vocoder"] for row in by_composite(list(rows.values()))][-1] == "worse"


def test_few_utterances_tell_nobody_apart_and_no_value_is_last():
    rows = ranked({"a": np.array([1.0, 2.0]), "b": np.array([3.0, 4.0])})
    assert rows["a"]["ranks"] == rows["b"]["ranks"] and set(rows["a"]["ranks"].values()) == {1}
    rows = ranked({"a": np.arange(1.0, 9.0), "silent": np.full(8, np.nan)})
    assert rows["silent"]["ranks"]["f0_gross"] == 2 and rows["silent"]["interval"]["f0_gross"] is None
    assert rows["a"]["composite"] == {"all": 1.0, **dict.fromkeys(FAMILIES, 1.0)}


def test_zero_is_best_where_a_column_has_a_sign():
    rows = ranked({"buzz": np.full(8, -3.0), "right": np.full(8, 0.1), "rough": np.full(8, 2.0)})
    between = FAMILIES["periodicity"][1]
    assert [rows[name]["ranks"][between] for name in ("right", "rough", "buzz")] == [1, 2, 3]
    assert [rows[name]["ranks"]["mcd"] for name in ("buzz", "right", "rough")] == [1, 2, 3]


def test_families_weigh_the_same():
    rows = ranked({"a": np.full(8, 1.0), "b": np.full(8, 2.0)})
    assert rows["b"]["composite"]["all"] == pytest.approx(2.0)
    rows = [dict(vocoder=name, error=None, stale=name == "old") for name in ("new", "old")]
    add_ranks(rows, [{}, {}])
    assert rows[1]["composite"] == {} and rows[1]["ranks"] == {}
