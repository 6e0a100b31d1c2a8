"""The bench's rows, and as a table for people."""

from typing import Dict, List, Optional, Sequence

from tqdm import tqdm

from espnet2_nhv.bench.measure import peak_memory, real_time_factors, training_step
from espnet2_nhv.bench.subjects import build_subject

# Ratios are over the speeds of these, where they take part.
_REFERENCES = ("hifigan", "world", "vocos", "nhv-direct")


def run_bench(
    names: Sequence[str],
    seconds: Sequence[float],
    threads: Sequence[int],
    memory_seconds: Sequence[float],
    train: Sequence[str],
    repeats: int,
    limit: float,
    device: str,
) -> List[Dict]:
    """Measure everything asked for; one row for each vocoder, length and number of threads."""
    subjects = {name: build_subject(name) for name in dict.fromkeys(names)}
    memory = {}
    for name in tqdm(subjects, desc="memory", dynamic_ncols=True, disable=None):
        for length in memory_seconds:
            memory[name, length] = peak_memory(name, length)
    training = {}
    for name in tqdm(train, desc="training step", dynamic_ncols=True, disable=None):
        training[name] = training_step(name, segments=16, samples=16384, device=device)

    rows = []
    for n_threads in threads:
        for length in seconds:
            rtf = real_time_factors(subjects, length, n_threads, repeats, limit)
            for name, subject in subjects.items():
                row = dict(vocoder=name, seconds=length, threads=n_threads, params=subject.params)
                row.update(saved_mb=subject.saved_mb, rtf=rtf[name], peak_mb=memory.get((name, length)))
                row.update({f"speed_vs_{r}": _ratio(rtf.get(r), rtf[name]) for r in _REFERENCES if r in subjects})
                row.update(training.get(name, {}))
                rows.append(row)
    measured = {(row["vocoder"], row["seconds"]) for row in rows}
    for (name, length), peak in memory.items():
        if (name, length) not in measured:
            rows.append(dict(vocoder=name, seconds=length, threads=1, params=subjects[name].params, peak_mb=peak))
    return rows


def _ratio(reference: Optional[float], own: Optional[float]) -> Optional[float]:
    return reference / own if reference and own else None


def as_markdown(rows: List[Dict]) -> str:
    """Rows as one Markdown table; what was not measured is a dash."""
    columns = {
        "vocoder": ("vocoder", "{}"),
        "seconds": ("audio (s)", "{:g}"),
        "threads": ("threads", "{}"),
        "params": ("parameters (M)", "{:.2f}"),
        "saved_mb": ("saved (MB)", "{:.1f}"),
        "rtf": ("real-time factor", "{:.4f}"),
        "speed_vs_hifigan": ("x HiFi-GAN", "{:.1f}"),
        "speed_vs_world": ("x WORLD", "{:.1f}"),
        "speed_vs_vocos": ("x Vocos", "{:.1f}"),
        "speed_vs_nhv-direct": ("x nhv-direct", "{:.1f}"),
        "peak_mb": ("peak memory (MB)", "{:.0f}"),
        "train_step_seconds": ("training step (s)", "{:.2f}"),
        "train_peak_mb": ("its memory (MB)", "{:.0f}"),
    }
    shown = {key: value for key, value in columns.items() if any(row.get(key) is not None for row in rows)}

    def cell(row: Dict, key: str) -> str:
        value = row.get(key)
        if value is None:
            return "-"
        return shown[key][1].format(value / 1e6 if key == "params" else value)

    lines = ["| " + " | ".join(title for title, _ in shown.values()) + " |", "|" + "---|" * len(shown)]
    lines += ["| " + " | ".join(cell(row, key) for key in shown) + " |" for row in rows]
    return "\n".join(lines)
