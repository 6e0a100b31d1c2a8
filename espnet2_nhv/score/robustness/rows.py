"""The robustness of every vocoder as rows of RESULTS.json and as tables."""

from collections import Counter
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from espnet2_nhv.score.f0 import GROSS
from espnet2_nhv.score.files import load_facts
from espnet2_nhv.score.metrics import Metric
from espnet2_nhv.score.robustness.columns import COLUMNS, kind_of
from espnet2_nhv.vocoder.saved import is_another

SET = "robustness"  # what these rows have as their set
FILE = "robustness.json"
TITLES = {
    "held": "Held notes",
    "shifted": "Other keys and voices",
    "cycle": "There and back",
    "level": "Quiet singing",
    "noise": "Noise without a voice",
    "limit": "Recordings without treble",
    "speed": "Time and memory",
}


class Line(NamedTuple):
    """A row as a table shows it: with a note, and whether it takes part in the comparison for the best value."""

    row: dict
    note: str
    competes: bool


class Table(NamedTuple):
    """Rows of one kind.

    Attributes
    ----------
    title : str
    note : str, what was asked
    metrics : its columns
    lines : the rows, the vocoders side by side under each probe
    absent : list of (reason, rows), one row for each vocoder none of whose probes could be measured
    """

    title: str
    note: str
    metrics: Sequence[Metric]
    lines: List[Line]
    absent: List[Tuple[str, List[dict]]]


def collect_robustness(folder: Path, vocoder: str, tag: str = "") -> List[dict]:
    """Rows of one experiment; none where its robustness was not measured.

    Returns
    -------
    rows : list of dict of vocoder, tag, set ("robustness"), probe, the metrics of the probe's kind
        (:data:`COLUMNS`; None where not measured), held_from, phrases, stale (whether another vocoder has been saved
        since), and error (why a probe was skipped, or None)
    """
    results = load_facts(folder / "robustness" / FILE)
    training = load_facts(folder / "vocoder" / "training.yaml")
    stale = is_another(folder / "vocoder", results.get("vocoder"))
    rows = []
    for probe, values in results.get("probes", {}).items():
        row = dict(vocoder=vocoder, tag=tag, set=SET, probe=probe)
        row.update({metric.key: values.get(metric.key) for metric in COLUMNS[kind_of(probe)]})
        if probe == "speed" and training.get("steps") and training.get("seconds"):
            row["steps_per_second"] = round(training["steps"] / training["seconds"], 4)
        row.update(held_from=results.get("held_from"), phrases=results.get("phrases"), stale=stale)
        row["error"] = values.get("skipped")
        rows.append(row)
    return rows


def robustness_tables(rows: Sequence[dict]) -> List[Table]:
    """The tables that rows of :func:`collect_robustness` fill."""
    tables = []
    for kind, metrics in COLUMNS.items():
        ours = [row for row in rows if kind_of(row["probe"]) == kind]
        if ours:
            absent = _absent(ours)
            shown = [row for row in ours if not any(_name(row) in map(_name, others) for _, others in absent)]
            usual = _usual(kind, shown or ours)
            lines = [_line(kind, row, usual) for row in sorted(shown, key=_order(kind, shown))]
            tables.append(Table(TITLES[kind], _asked(kind, usual), metrics, lines, absent))
    return tables


def _name(row: dict) -> Tuple[str, str]:
    return row["vocoder"], row["tag"]


def _absent(rows: Sequence[dict]) -> List[Tuple[str, List[dict]]]:
    """Vocoders all of whose probes were skipped for one reason, by that reason."""
    reasons: Dict[Tuple[str, str], set] = {}
    for row in rows:
        reasons.setdefault(_name(row), set()).add(row["error"])
    first = {_name(row): row for row in reversed(rows)}
    absent: Dict[str, List[dict]] = {}
    for name, found in reasons.items():
        if len(found) == 1 and None not in found:
            absent.setdefault(*found, []).append(first[name])
    return list(absent.items())


def _order(kind: str, rows: Sequence[dict]):
    """A key that sorts held notes by their length and other probes as they were measured."""
    probes = list(dict.fromkeys(row["probe"] for row in rows))
    if kind == "held":
        probes.sort(key=lambda probe: float(probe.removeprefix("held_")))
    return lambda row: probes.index(row["probe"])


def _usual(kind: str, rows: Sequence[dict]):
    """What most of the rows were made from: their held frame, or their phrases; None where nothing is said."""
    said = [_source(kind, row) for row in rows if _source(kind, row)]
    counts = Counter(map(repr, said))
    return max(said, key=lambda source: counts[repr(source)], default=None)


def _source(kind: str, row: dict):
    if kind == "held":
        return row["held_from"]
    return row["phrases"] if kind in ("shifted", "cycle", "level", "limit") else None


def _line(kind: str, row: dict, usual) -> Line:
    notes = [row["error"]] if row["error"] else []
    if row["stale"]:
        notes.append("measured before it was trained again")
    if _source(kind, row) != usual:
        notes.append("of another note" if kind == "held" else f"of other phrases ({', '.join(row['phrases'] or [])})")
    in_tune = kind != "held" or (row["f0_off"] is not None and row["f0_off"] <= GROSS)
    return Line(row, "; ".join(notes), in_tune and not notes)


def _asked(kind: str, source: Optional[object]) -> str:
    if kind == "held":
        what = f"{source['utt']} at {source['seconds']:.2f} s, {source['f0']:.1f} Hz" if source else "steady and sung"
        return (
            f"One frame ({what}) held, the half second at either end left out. From frames all alike, a convolutional "
            "network without F0 can make no pitch but multiples of the frame rate; what is off by over "
            f"{GROSS:g} cents, or has no pitch, is never marked as the best."
        )
    if kind == "shifted":
        return (
            f"Phrases ({', '.join(source or ['of the set'])}) with their own mel and another F0: scaled (x), moved by "
            "semitones (key), or to a median of 82.4 Hz (low male) or 880 Hz (high soprano). Means over the phrases. "
            "Where a vocoder can be told the F0 that the mel is of, the probes whose names end in mel_f0 tell it."
        )
    if kind == "cycle":
        return (
            f"Phrases ({', '.join(source or ['of the set'])}) sung so many semitones higher, analysed, and sung with "
            "their own F0 again, against the recording: what a change of key has cost comes to light; +0 is a copy of "
            "a copy."
        )
    if kind == "level":
        return (
            f"Phrases ({', '.join(source or ['of the set'])}) turned down by so many decibels before they are analysed."
        )
    if kind == "noise":
        return "Four seconds of noise at -36 dBFS, analysed as any recording is and copied."
    if kind == "limit":
        return (
            f"Phrases ({', '.join(source or ['of the set'])}) without what lies above so many kHz, rounded to 16 bits, "
            "before they are analysed."
        )
    return "On the CPU of the machine that measured, while it did what else it had to do."
