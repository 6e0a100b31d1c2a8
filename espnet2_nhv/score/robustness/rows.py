"""The robustness of every vocoder as rows of RESULTS.json and as tables."""

from pathlib import Path
from typing import Dict, List, NamedTuple, Sequence

from espnet2_nhv.score.files import load_facts
from espnet2_nhv.score.metrics import Metric
from espnet2_nhv.score.robustness.columns import COLUMNS, kind_of

SET = "robustness"  # what these rows have as their set
FILE = "robustness.json"
TITLES = {"held": "Held notes", "shifted": "Other keys and voices", "speed": "Time and memory"}


class Table(NamedTuple):
    """Rows of one kind: its title, what was asked, its columns, and the rows with probe and vocoder in order."""

    title: str
    note: str
    metrics: Sequence[Metric]
    rows: List[dict]


def collect_robustness(folder: Path, vocoder: str, tag: str = "") -> List[dict]:
    """Rows of one experiment; none where its robustness was not measured.

    Returns
    -------
    rows : list of dict of vocoder, tag, set ("robustness"), probe, the metrics of the probe's kind
        (:data:`COLUMNS`; None where not measured), held_from, phrases, and error (why a probe was skipped, or None)
    """
    results = load_facts(folder / "robustness" / FILE)
    training = load_facts(folder / "vocoder" / "training.yaml")
    rows = []
    for probe, values in results.get("probes", {}).items():
        row = dict(vocoder=vocoder, tag=tag, set=SET, probe=probe)
        row.update({metric.key: values.get(metric.key) for metric in COLUMNS[kind_of(probe)]})
        if probe == "speed" and training.get("steps") and training.get("seconds"):
            row["steps_per_second"] = round(training["steps"] / training["seconds"], 4)
        row.update(held_from=results.get("held_from"), phrases=results.get("phrases"), error=values.get("skipped"))
        rows.append(row)
    return rows


def robustness_tables(rows: Sequence[dict]) -> List[Table]:
    """The tables that rows of :func:`collect_robustness` fill, vocoders side by side under each probe."""
    tables = []
    for kind, metrics in COLUMNS.items():
        ours = [row for row in rows if kind_of(row["probe"]) == kind]
        if ours:
            probes: Dict[str, int] = {probe: index for index, probe in enumerate(_ordered(ours))}
            ours.sort(key=lambda row: probes[row["probe"]])
            tables.append(Table(TITLES[kind], _asked(kind, ours[0]), metrics, ours))
    return tables


def _ordered(rows: Sequence[dict]) -> List[str]:
    return list(dict.fromkeys(row["probe"] for row in rows))


def _asked(kind: str, row: dict) -> str:
    held = row["held_from"]
    if kind == "held" and held:
        return (
            f"One frame ({held['utt']} at {held['seconds']:.2f} s, {held['f0']:.1f} Hz) held for 10 s and longer, the "
            "half second at either end left out. From frames all alike, a convolutional network without F0 can make "
            "no pitch but multiples of the frame rate."
        )
    if kind == "shifted" and row["phrases"]:
        return (
            f"Phrases ({', '.join(row['phrases'])}) with their own mel and another F0: scaled (x), moved by semitones "
            "(key), or to a median of 82.4 Hz (low male) or 880 Hz (high soprano). Means over the phrases."
        )
    return "On the CPU of the machine that measured, while it did what else it had to do."
