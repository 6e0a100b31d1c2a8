"""The results as tables whose columns a browser can sort by."""

from typing import List, Optional, Sequence

from espnet2_nhv.report.ranks import FAMILIES, MEANING, by_composite, shown_metrics, with_interval
from espnet2_nhv.report.table import (
    group_metrics,
    groups,
    main_metrics,
    ranked,
    remarks,
    speed_setting,
    spread,
    titled,
    training_facts,
)
from espnet2_nhv.score.metrics import Metric
from espnet2_nhv.score.robustness.rows import Table, robustness_tables


def result_tables(rows: Sequence[dict]) -> List[dict]:
    """The tables of each set, one for each group of columns, and those of robustness, from the rows of RESULTS.json.

    Returns
    -------
    tables : list of dict
        title : str
        columns : list of dict of label, definition, better ("lower", "higher", "zero", or "" where there is no better),
            and wide, where it holds sentences
        note : str, said above it
        rows : list of lists of dict of text and value (a number or str to sort by, None sorts last)
    """
    copied, robustness = [row for row in rows if "probe" not in row], [row for row in rows if "probe" in row]
    tables = []
    for set_name in dict.fromkeys(row["set"] for row in copied):
        ours = ranked([row for row in copied if row["set"] == set_name])
        tables += [_copied(set_name, ours), *(_grouped(set_name, ours, group) for group in groups(ours))]
        tables += [_ranks(set_name, ours)] if by_composite(ours) else []
    return tables + [_robustness(table) for table in robustness_tables(robustness)]


def _robustness(table: Table) -> dict:
    columns = [_plain_column("vocoder"), _plain_column("probe"), *map(_metric_column, table.metrics)]
    lines = [
        [
            *(_cell(_name(line.row)), _cell(line.row["probe"])),
            *(_metric_cell(line.row[metric.key], metric) for metric in table.metrics),
            _note(line.note),
        ]
        for line in table.lines
    ]
    absent = [f"Without a row: {', '.join(map(_name, rows))} ({reason})." for reason, rows in table.absent]
    note = " ".join([table.note, *absent])
    return dict(title=table.title, note=note, columns=[*columns, _note_column()], rows=lines)


def _copied(set_name: str, rows: Sequence[dict]) -> dict:
    metrics = main_metrics(rows)
    columns = [_plain_column("vocoder"), *map(_metric_column, metrics)]
    columns += [_plain_column(label) for label in ("RTF on", "parameters", "training", "utterances")]
    columns.append(_note_column())
    lines = []
    for row in rows:
        line = [_cell(_name(row)), *(_metric_cell(row.get(metric.key), metric) for metric in metrics)]
        line.append(_cell(speed_setting(row)))
        line.append(_cell("" if row["params"] is None else f"{row['params']:,}", row["params"]))
        line.append(_cell(training_facts(row), row["steps"]))
        line.append(
            _cell("" if row["n_scored"] is None else f"{row['n_scored']}/{row['n_utterances']}", row["n_scored"])
        )
        line.append(_note(remarks(row)))
        lines.append(line)
    return dict(title=f"Copy synthesis of {set_name}", columns=columns, rows=lines)


def _grouped(set_name: str, rows: Sequence[dict], group: str) -> dict:
    metrics = group_metrics(rows, group)
    columns = [_plain_column("vocoder"), *map(_metric_column, metrics)]
    lines = [
        [_cell(_name(row)), *(_metric_cell(row.get(metric.key), metric, spread(row, metric)) for metric in metrics)]
        for row in rows
        if row["error"] is None
    ]
    return dict(title=f"{group} of {set_name}", columns=columns, rows=lines)


def _ranks(set_name: str, rows: Sequence[dict]) -> dict:
    metrics = shown_metrics()
    columns = [_plain_column("vocoder"), *(_rank_column(name) for name in ("composite", *FAMILIES))]
    columns += [dict(_metric_column(metric), label=f"{titled(metric)} [95 %] #rank") for metric in metrics]
    lines = []
    for row in by_composite(rows):
        means = [row["composite"].get(name) for name in ("all", *FAMILIES)]
        line = [_cell(_name(row)), *(_cell("–" if mean is None else f"{mean:.2f}", mean) for mean in means)]
        lines.append(line + [_cell(with_interval(row, metric.key) or "–", row.get(metric.key)) for metric in metrics])
    return dict(title=f"Ranks of {set_name}", note=MEANING, columns=columns, rows=lines)


def _rank_column(label: str) -> dict:
    return dict(label=label, definition="mean rank", better="lower")


def _name(row: dict) -> str:
    return row["vocoder"] + (f" ({row['tag']})" if row["tag"] else "")


def _plain_column(label: str) -> dict:
    return dict(label=label, definition="", better="")


def _note_column() -> dict:
    return dict(_plain_column("note"), wide=True)


def _note(text: str) -> dict:
    return dict(_cell(text), wide=True)


def _metric_column(metric: Metric) -> dict:
    return dict(
        label=titled(metric),
        definition=metric.definition,
        better=metric.better,
    )


def _metric_cell(value: Optional[float], metric: Metric, spread: str = "") -> dict:
    return _cell("–" if value is None else metric.show(value) + spread, value)


def _cell(text: str, value=None) -> dict:
    return dict(text=text, value=value if value is not None or text in ("", "–") else text)
