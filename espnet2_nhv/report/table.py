"""RESULTS.md from the rows of RESULTS.json."""

from typing import List, Optional, Sequence

from espnet2_nhv.report.ranks import FAMILIES, MEANING, by_composite, shown_metrics, with_interval
from espnet2_nhv.score.metrics import METRICS, Metric
from espnet2_nhv.score.optional import OPTIONAL
from espnet2_nhv.score.robustness.rows import Table, robustness_tables

RTF = Metric("rtf", "RTF", "", 4, True, "seconds of computing for a second of audio, in stage 5, on the device named")

ARROWS = {"lower": "↓", "higher": "↑", "zero": "→ 0"}
COPY_SYNTHESIS = "the recordings' own features (copy synthesis)"


def render(rows: Sequence[dict], command: Optional[str] = None, made_from: str = COPY_SYNTHESIS) -> str:
    """RESULTS.md of such rows: per set a table and its worst utterances, then what the columns mean."""
    rows, robustness = [row for row in rows if "probe" not in row], [row for row in rows if "probe" in row]
    parts = ["# Results", _how_made(command, made_from) + _trackers(rows)]
    for set_name in dict.fromkeys(row["set"] for row in rows):
        ours = ranked([row for row in rows if row["set"] == set_name])
        parts += [f"## {set_name}", _results_table(ours)]
        for group in groups(ours):
            parts += [f"### {group} of {set_name}", _group_table(ours, group)]
        parts += [f"### Ranks of {set_name}", MEANING, _rank_table(ours)] if by_composite(ours) else []
        worst = _worst_table(ours)
        if worst:
            parts += [f"### Worst utterances of {set_name}", worst]
    parts += ["## Columns", _legend(rows)]
    if robustness:
        parts += ["## Robustness", *_robustness(robustness)]
    return "\n\n".join(parts) + "\n"


def groups(rows: Sequence[dict]) -> List[str]:
    """Titles of the tables that such rows need beside the main one."""
    return list(dict.fromkeys(metric.group for metric in known_metrics(rows) if metric.group and _any(rows, metric)))


def main_metrics(rows: Sequence[dict]) -> List[Metric]:
    """The columns of the main table."""
    return [metric for metric in known_metrics(rows) if not metric.group]


def group_metrics(rows: Sequence[dict], group: str) -> List[Metric]:
    """The columns of the table of one group; none of bands that no set's sampling rate reaches."""
    return [metric for metric in known_metrics(rows) if metric.group == group and _any(rows, metric)]


def _any(rows: Sequence[dict], metric: Metric) -> bool:
    return any(row.get(metric.key) is not None for row in rows)


def known_metrics(rows: Sequence[dict]) -> List[Metric]:
    """All columns such rows need: optional metrics only where one was asked for."""
    asked = [
        extra.metric
        for key, extra in OPTIONAL.items()
        if any(row.get(key) is not None or key in row.get("skipped", {}) for row in rows)
    ]
    return [*METRICS, *asked, RTF]


def _how_made(command: Optional[str], made_from: str) -> str:
    command = f"`{command}`" if command else "stage 6 of `./run.sh` (`python -m espnet2_nhv.bin.report`)"
    return (
        f"Made by {command}. Every vocoder synthesised the set from {made_from} and is compared with the recordings "
        "without any warping in time. Ordered by MR-STFT, which is no verdict (it rewards buzz: read periodicity "
        "with it); the best of a column is bold, among means over all utterances (and real-time factors only where all "
        "are of one device)."
    )


def _trackers(rows: Sequence[dict]) -> str:
    """Which F0 is in the features, and which in the scores."""
    scores, features = (sorted({row[key] for row in rows if row.get(key)}) for key in ("f0_tracker", "features_f0"))
    said = f" F0 scores hear by {' and '.join(scores)}, whatever the features' F0 is by" if scores else ""
    return f"{said}: {' and '.join(features)}." if said and features else f"{said}." if said else ""


def ranked(rows: Sequence[dict]) -> List[dict]:
    """The rows of a set in the order of MR-STFT, those that do not compete behind, those without scores last."""
    competing = dict(zip(map(id, rows), _competing(rows)))

    def rank(row: dict):
        return row["error"] is not None, not competing[id(row)], row["mrstft"] is None, row["mrstft"] or 0.0

    return sorted(rows, key=rank)


def _competing(rows: Sequence[dict]) -> List[bool]:
    """Which rows of a set are comparable: not a mean over fewer utterances than others have, nor an old vocoder's."""
    most = max((row["n_scored"] or 0 for row in rows), default=0)
    return [row["n_scored"] == most and not row["stale"] for row in rows]


def _full_means(rows: Sequence[dict], competing: Sequence[bool], metric: Metric) -> List[bool]:
    """Which means are comparable: who sings an utterance without a voiced frame has an F0 error less in its mean."""
    counts = [(row["count"] or {}).get(metric.key, 0) for row in rows]
    most = max((count for count, one in zip(counts, competing) if one), default=0)
    return [one and count == most for count, one in zip(counts, competing)]


def _results_table(rows: Sequence[dict]) -> str:
    columns = main_metrics(rows)
    head = ["vocoder", *(f"{titled(metric)} {ARROWS[metric.better]}" for metric in columns)]
    head += ["RTF on", "parameters", "training", "utterances", "note"]
    cells = [[_named(row) for row in rows]]
    competing, settings = _competing(rows), [speed_setting(row) for row in rows]
    for metric in columns:
        if metric is not RTF:
            comparable = _full_means(rows, competing, metric)
        else:  # times on other devices, or of other numbers of threads, are not compared
            comparable = [one and len({*settings} - {""}) < 2 for one in competing]
        marked = _marked([row.get(metric.key) for row in rows], metric, comparable)
        cells.append([text or ("-" if metric.key in row.get("skipped", {}) else "") for text, row in zip(marked, rows)])
    cells.append(settings)
    cells.append(["" if row["params"] is None else f"{row['params']:,}" for row in rows])
    cells.append([training_facts(row) for row in rows])
    cells.append(["" if row["n_scored"] is None else f"{row['n_scored']}/{row['n_utterances']}" for row in rows])
    cells.append([_escape(remarks(row)) for row in rows])
    return _table(head, list(zip(*cells)), left={0, len(head) - 1})


def _group_table(rows: Sequence[dict], group: str) -> str:
    columns = group_metrics(rows, group)
    rows = [row for row in rows if row["error"] is None]
    competing = _competing(rows)
    cells = [[_named(row) for row in rows]]
    for metric in columns:
        marked = _marked([row.get(metric.key) for row in rows], metric, _full_means(rows, competing, metric))
        cells.append([text + spread(row, metric) for text, row in zip(marked, rows)])
    head = ["vocoder", *(f"{titled(metric)} {ARROWS[metric.better]}" for metric in columns)]
    return _table(head, list(zip(*cells)), left={0})


def _rank_table(rows: Sequence[dict]) -> str:
    metrics = shown_metrics()
    head = ["vocoder", "composite ↓", *(f"{name} ↓" for name in FAMILIES), *map(titled, metrics)]
    lines = []
    for row in by_composite(rows):
        means = [f"{row['composite'][name]:.2f}" if name in row["composite"] else "" for name in ("all", *FAMILIES)]
        lines.append([_named(row), *means, *(with_interval(row, metric.key) for metric in metrics)])
    return _table(head, lines, left={0})


def spread(row: dict, metric: Metric) -> str:
    """The standard error that belongs to a mean, as text, e.g. " ± 0.06"; nothing where it is not shown."""
    error = (row.get("stderr") or {}).get(metric.key)
    return f" ± {error:.{metric.decimals}f}" if metric.uncertain and error is not None else ""


def _worst_table(rows: Sequence[dict]) -> str:
    rows, metrics = [row for row in rows if row["worst"]], [metric for metric in METRICS if not metric.group]
    lines = []
    for row in rows:
        cells = {metric.key: _worst_cell(row["worst"].get(metric.key), metric) for metric in metrics}
        if row["lsd_worst_at"] is not None:
            cells["lsd_worst"] += f" at {row['lsd_worst_at']:.2f} s"
        lines.append([_named(row), *cells.values()])
    head = ["vocoder", *(titled(metric) for metric in metrics)]
    return _table(head, lines, left=range(len(head))) if rows else ""


def _worst_cell(worst: Optional[list], metric: Metric) -> str:
    return "" if not worst else f"{metric.show(worst[1])} {_escape(worst[0])}"


def _named(row: dict) -> str:
    return f"`{row['vocoder']}`" + (f" ({row['tag']})" if row["tag"] else "")


def titled(metric: Metric) -> str:
    """Its label and unit."""
    return f"{metric.label} ({metric.unit})" if metric.unit else metric.label


def _marked(values: Sequence[Optional[float]], metric: Metric, competing: Sequence[bool]) -> List[str]:
    """As text, the best of those that compete bold (all that print alike), unless there is nothing to compare with."""
    shown = ["" if value is None else metric.show(value) for value in values]
    known = [value for value, may in zip(values, competing) if may and value is not None]
    if len(known) < 2:
        return shown
    best = metric.show(min(map(metric.fault, known)))
    alike = ["" if value is None else metric.show(metric.fault(value)) for value in values]  # -0.3 is as good as 0.3
    return [f"**{text}**" if may and one == best else text for text, one, may in zip(shown, alike, competing)]


def speed_setting(row: dict) -> str:
    """The device and threads that its real-time factor is of, e.g. "cpu, 1 thread"."""
    if row["rtf"] is None:
        return ""
    threads = row["rtf_threads"]
    count = f"{threads} thread" + ("" if threads == 1 else "s") if threads else None
    return ", ".join(part for part in (row["rtf_device"], count) if part)


def training_facts(row: dict) -> str:
    """How a vocoder was trained, e.g. "12,000 steps, 20.0 min, cuda"."""
    facts = []
    if row["steps"] is not None:
        facts.append(f"{row['steps']:,} steps")
    if row["train_seconds"] is not None:
        facts.append(f"{row['train_seconds'] / 60:.1f} min")
    if row["train_device"]:
        facts.append(str(row["train_device"]))
    return ", ".join(facts)


def remarks(row: dict) -> str:
    """What is to be known of a row: what is missing in it and why, or what sets it apart; empty where nothing does."""
    if row["error"]:
        return f"failed: {row['error']}"
    notes = ["analyses the recording itself"] if row["reads_recording"] else []
    if row.get("peer"):
        notes.append(f"trained elsewhere, on other data; its own features; licence {row['peer']}")
    notes += ["mels refined first"] if row.get("refined") else []
    notes += [f"{row['bitrate'] / 1000:.1f} kbit/s"] if row.get("bitrate") else []
    notes += [f"{row['n_missing']} missing"] if row["n_missing"] else []
    notes += ["synthesised before it was trained again: run stage 5"] if row["stale"] else []
    notes += [f"{row['failed']}, after this was scored"] if row["failed"] else []
    notes += [f"no {OPTIONAL[key].metric.label}: {reason}" for key, reason in row.get("skipped", {}).items()]
    return "; ".join(notes)


def _robustness(rows: Sequence[dict]) -> List[str]:
    parts = []
    for table in robustness_tables(rows):
        parts += [f"### {table.title}", table.note]
        for reason, absent in table.absent:
            parts.append(f"Without a row: {', '.join(map(_named, absent))} ({_escape(reason)}).")
        if table.lines:
            parts += [_probe_table(table), "\n".join(_meaning(metric) for metric in table.metrics)]
    return parts


def _probe_table(table: Table) -> str:
    head = ["probe", "vocoder", *(f"{titled(metric)} {ARROWS[metric.better]}" for metric in table.metrics), "note"]
    cells = []
    for probe in dict.fromkeys(line.row["probe"] for line in table.lines):
        ours = [line for line in table.lines if line.row["probe"] == probe]
        competing = [line.competes for line in ours]
        columns = [_marked([line.row[metric.key] for line in ours], metric, competing) for metric in table.metrics]
        for line, values in zip(ours, zip(*columns)):
            shown = [value or "-" for value in values]
            cells.append([probe, _named(line.row), *shown, _escape(line.note)])
    return _table(head, cells, left={0, 1, len(head) - 1})


def _legend(rows: Sequence[dict]) -> str:
    lines = [_meaning(metric) for metric in known_metrics(rows)]
    lines.append(
        "- Frames count unless both signals are silent there (60 dB below the recording's loudest frame, or below "
        "-80 dBFS), and spectra count down to 70 dB below that frame. Means are over utterances; one without a voiced "
        "frame has no F0 error, and a mean over fewer utterances than others have is not marked as the best."
    )
    return "\n".join(lines)


def _meaning(metric: Metric) -> str:
    return f"- **{titled(metric)}**: {metric.definition}."


def _escape(text: str) -> str:
    return str(text).replace("|", "\\|").replace("\n", " ")


def _table(head: Sequence[str], lines: Sequence[Sequence[str]], left) -> str:
    rule = ["---" if column in left else "---:" for column in range(len(head))]
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, rule, *lines])
