"""What it costs until something is heard: starting, loading and singing, beside PyTorch's own start."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Dict, List

import numpy as np
import soundfile
from tqdm import tqdm

from espnet2_nhv.errors import UserError

_FS, _SECONDS = 44100, 10
# Runs a module or code as the interpreter would, then writes its highest memory: what wait() gives would have the
# parent's in it.
_CHILD = """
import runpy, sys
report, kind, what, *sys.argv[1:] = sys.argv[1:]
try:
    exec(what, {}) if kind == "code" else runpy.run_module(what, run_name="__main__", alter_sys=True)
finally:
    with open("/proc/self/status") as status:
        peak = next(line.split()[1] for line in status if line.startswith("VmHWM"))
    with open(report, "w") as file:
        file.write(peak)
"""
_TORCH = "import torch; torch.ones(256, 256) @ torch.ones(256, 256)"
_LOAD = """
import numpy as np
from espnet2_nhv import load_vocoder
from espnet2_nhv.synthesis.default import vocoder_path
vocoder = load_vocoder(vocoder_path(None))
vocoder(np.full((100, vocoder.spec.n_mels), -2.0, np.float32), np.full(100, 220.0, np.float32))
"""
_PYTORCH = "import torch, one product"


def measure_start(repeats: int = 5) -> List[Dict]:
    """Time and memory of whole processes, each as a user starts it, all taking turns.

    Parameters
    ----------
    repeats : int >= 1, rounds, of which the median counts

    Returns
    -------
    rows : list of dict of start (what), seconds, cpu_seconds, peak_mb, and each over PyTorch's: x_seconds,
        x_cpu_seconds, x_peak_mb
    """
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "sung.wav"
        soundfile.write(source, _song(), _FS)
        copy = "espnet2_nhv.bin.copy_synthesis"
        commands = {
            _PYTORCH: ("code", _TORCH),
            "copy_synthesis --help": ("module", copy, "--help"),
            "load_vocoder, one synthesis": ("code", _LOAD),
            f"copy_synthesis of {_SECONDS} s": ("module", copy, str(source), str(Path(folder) / "out.wav")),
        }
        taken: Dict[str, List[Dict]] = {what: [] for what in commands}
        with tqdm(total=repeats * len(commands), dynamic_ncols=True, disable=None) as bar:
            for _ in range(repeats):
                for what, command in commands.items():
                    bar.set_description(what)
                    taken[what].append(_run(command, Path(folder) / "peak"))
                    bar.update()
    rows = []
    for what, runs in taken.items():
        median = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        rows.append(dict(start=what, **median))
    for row in rows:
        row.update({f"x_{key}": row[key] / rows[0][key] for key in ("seconds", "cpu_seconds", "peak_mb")})
    return rows


def _run(command: tuple, report: Path) -> Dict[str, float]:
    """Seconds, seconds of CPU and highest megabytes of one process."""
    begin, before = time.perf_counter(), os.times()
    done = subprocess.run([sys.executable, "-c", _CHILD, report, *command], capture_output=True, text=True)
    after = os.times()
    if done.returncode:
        last = (done.stderr.strip() or "nothing").splitlines()[-1]
        raise UserError(f"{' '.join(command[1:])[:60]}: ended with status {done.returncode}, saying {last}")
    cpu = after.children_user - before.children_user + after.children_system - before.children_system
    return dict(
        seconds=time.perf_counter() - begin, cpu_seconds=cpu, peak_mb=int(report.read_text(encoding="ascii")) / 1024
    )


def _song() -> np.ndarray:
    """A note with vibrato and twenty harmonics."""
    time = np.arange(_SECONDS * _FS) / _FS
    phase = 2 * np.pi * np.cumsum(220.0 * 2 ** (np.sin(2 * np.pi * 6 * time) / 24)) / _FS
    return 0.05 * sum(np.cos(k * phase) / k for k in range(1, 21))


def start_table(rows: List[Dict]) -> str:
    """Rows as a Markdown table."""
    lines = ["| start | time (s) | x torch | CPU (s) | x torch | memory (MB) | x torch |", "|" + "---|" * 7]
    for row in rows:
        lines.append(
            f"| {row['start']} | {row['seconds']:.2f} | {row['x_seconds']:.2f} | {row['cpu_seconds']:.2f} "
            f"| {row['x_cpu_seconds']:.2f} | {row['peak_mb']:.0f} | {row['x_peak_mb']:.2f} |"
        )
    return "\n".join(lines)
