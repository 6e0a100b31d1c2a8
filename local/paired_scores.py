"""Systems side by side on the same phrases, a training's seeds as rows, and what one is better by than another.

paired_scores.py start=exp/start/decode/eval b=exp/b0/decode/eval b=exp/b1/decode/eval --difference b-start

A folder holds the scores.json of bin.score. The n-th folder of a name is its n-th seed, and is compared with the n-th
of the other name, or with its only one. Standard errors are over phrases; over all seeds a phrase's difference is their
mean.
"""

import argparse
import json
from pathlib import Path
from typing import Dict, List

import numpy as np

from espnet2_nhv.bin.cli import run_cli
from espnet2_nhv.errors import UserError
from espnet2_nhv.score.evaluate import SCORES
from espnet2_nhv.score.metrics import METRICS
from espnet2_nhv.score.optional import OPTIONAL

# Heading: the metrics that stand in one column.
_COLUMNS = {
    "MR-STFT (neper) ↓": ("mrstft",),
    "MCD (dB) ↓": ("mcd",),
    "V/UV (%) ↓": ("vuv_error",),
    "LSD 0-4 / 4-8 / 8-16 / 16-22 (dB) ↓": ("lsd_0_4", "lsd_4_8", "lsd_8_16", "lsd_16_22"),
    "worst frame (dB) ↓": ("lsd_worst",),
    "aperiodicity, absolute (dB) ↓": ("ap_abs",),
    "mean error at 3 / 6 / 9 / 12 / 15 kHz (dB) → 0": ("ap_3", "ap_6", "ap_9", "ap_12", "ap_15"),
    "between harmonics 0-4 / 4-8 / 8-16 (dB) → 0": ("between_0_4", "between_4_8", "between_8_16"),
    "DistillMOS ↑": ("distillmos",),
    "PLCMOS ↑": ("plcmos",),
}
_COMPARED = ("mrstft", "mcd", "vuv_error", "lsd_0_4", "lsd_4_8", "lsd_8_16", "ap_abs", "distillmos", "plcmos")
_KNOWN = {metric.key: metric for metric in (*METRICS, *(extra.metric for extra in OPTIONAL.values()))}


def read_systems(given: List[str]) -> Dict[str, List[dict]]:
    """From NAME=FOLDER, a folder a seed, to the scores of each name's seeds, phrase by phrase."""
    systems: Dict[str, List[dict]] = {}
    for item in given:
        name, found, folder = item.partition("=")
        if not found:
            raise UserError(f"{item}: give NAME=FOLDER")
        try:
            scores = json.loads((Path(folder) / SCORES).read_text(encoding="utf-8"))["utterances"]
        except (OSError, ValueError, KeyError):
            raise UserError(f"{folder}: no {SCORES} of bin.score there") from None
        systems.setdefault(name, []).append(scores)
    phrases = [set(scores) for seeds in systems.values() for scores in seeds]
    if any(these != phrases[0] for these in phrases):
        raise UserError("not all of these folders have scores of the same phrases")
    return systems


def differences(systems: Dict[str, List[dict]], better: str, worse: str, key: str) -> np.ndarray:
    """`better` less `worse`, ndarray [shape=(seeds, phrases)]; phrases without a value are left out."""
    first, second = systems[better], systems[worse]
    n_seeds = max(len(first), len(second))
    if {len(first), len(second)} - {1, n_seeds}:
        raise UserError(f"{better} has {len(first)} seeds and {worse} {len(second)}: as many, or one")
    pairs = [(first[n % len(first)], second[n % len(second)]) for n in range(n_seeds)]
    phrases = [utt for utt in first[0] if all(seed[utt].get(key) is not None for pair in pairs for seed in pair)]
    return np.array([[one[utt][key] - other[utt][key] for utt in phrases] for one, other in pairs])


def in_brackets(values: np.ndarray, key: str) -> str:
    """Mean and, in brackets, standard error; "-" of fewer than two values."""
    if len(values) < 2:
        return "-"
    decimals = max(_KNOWN[key].decimals, 2)
    error = values.std(ddof=1) / len(values) ** 0.5
    return f"{round(values.mean(), decimals) + 0.0:+.{decimals}f} ({error:.{decimals}f})"


def shown(values: np.ndarray, key: str) -> str:
    """Mean, with its standard error where the metric asks for it, and its sign where that is the metric's."""
    metric = _KNOWN[key]
    if metric.uncertain or not len(values):
        return in_brackets(values, key)
    return ("+" if metric.signed and values.mean() > 0 else "") + metric.show(values.mean())


def print_table(first: str, heads: List[str], rows: Dict[str, List[str]]) -> None:
    print(f"| {first} | " + " | ".join(heads) + " |")
    print("|---|" + "---:|" * len(heads))
    for name, cells in rows.items():
        print(f"| {name} | " + " | ".join(cells) + " |")
    print()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("systems", nargs="+", help="NAME=FOLDER, with the scores of one seed")
    parser.add_argument("--difference", nargs="*", default=[], help="A-B: what A has more than B, phrase by phrase")
    args = parser.parse_args()
    systems = read_systems(args.systems)
    rows: Dict[str, List[str]] = {}
    for name, seeds in systems.items():
        for n, scores in enumerate(seeds):
            cells = []
            for keys in _COLUMNS.values():
                kept = [np.array([s[k] for s in scores.values() if s.get(k) is not None]) for k in keys]
                cells.append(" / ".join(map(shown, kept, keys)))
            rows[name if len(seeds) == 1 else f"{name}, seed {n}"] = cells
    print_table("", list(_COLUMNS), rows)
    rows = {}
    for pair in args.difference:
        better, _, worse = pair.partition("-")
        if better not in systems or worse not in systems:
            raise UserError(f"--difference {pair}: give A-B, of {', '.join(systems)}")
        tables = {key: differences(systems, better, worse, key) for key in _COMPARED}
        n_seeds = len(tables["mrstft"])
        for n in range(n_seeds if n_seeds > 1 else 0):
            rows[f"{pair}, seed {n}"] = [in_brackets(tables[k][n], k) for k in _COMPARED]
        label = f"{pair}, all seeds" if n_seeds > 1 else pair
        rows[label] = [in_brackets(tables[k].mean(axis=0), k) for k in _COMPARED]
    if rows:
        print_table("less", [f"{_KNOWN[k].label} ({_KNOWN[k].unit})" for k in _COMPARED], rows)


if __name__ == "__main__":
    run_cli(main)
