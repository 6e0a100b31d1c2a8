"""What a user waits for: a recording in, a recording out, start included and apart, and where the time goes."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Dict, List, Sequence

import numpy as np
import soundfile
from tqdm import tqdm

from espnet2_nhv.errors import UserError, in_one_line

_FS = 44100
# Runs the command as the interpreter would, then writes its highest memory: what wait() gives would have the parent's
# in it. Parts are timed where they are called: what is yielded is made between two calls.
_CHILD = """
import json, runpy, sys, time
report, *sys.argv[1:] = sys.argv[1:]
begin = time.process_time()
from espnet2_nhv.synthesis import copy_synthesis as module, default
spent = dict(f0=0.0, mel=0.0, vocoder=0.0)

def timed(part, function):
    def run(*arguments, **options):
        start = time.process_time()
        try:
            return function(*arguments, **options)
        finally:
            spent[part] += time.process_time() - start
    return run

def timed_blocks(*arguments):
    blocks = mel_blocks(*arguments)
    while True:
        start = time.process_time()
        block = next(blocks, None)
        spent["mel"] += time.process_time() - start
        if block is None:
            return
        yield block

def timed_stream(vocoder, *arguments):
    stream = stream_of(vocoder, *arguments)
    if stream is not None:
        stream.push, stream.flush = timed("vocoder", stream.push), timed("vocoder", stream.flush)
    else:
        vocoder.inference = timed("vocoder", vocoder.inference)
    return stream

mel_blocks, stream_of = module.mel_blocks, module.stream_of
module.f0_of, module.mel_blocks, module.stream_of = timed("f0", module.f0_of), timed_blocks, timed_stream
copy = module.copy_synthesis

def copying(*arguments, **options):
    spent["start"] = time.process_time()
    copy(*arguments, **options)

module.copy_synthesis = copying
runpy.run_module("espnet2_nhv.bin.copy_synthesis", run_name="__main__", alter_sys=True)
with open("/proc/self/status") as status:
    spent["peak_mb"] = int(next(line.split()[1] for line in status if line.startswith("VmHWM"))) / 1024
spent["cpu"] = time.process_time()
with open(report, "w") as file:
    json.dump(spent, file)
"""


def measure_end_to_end(
    methods: Sequence[str], seconds: Sequence[float], recording: str = "", vocoder: str = ""
) -> List[Dict]:
    """Copy synthesis of one recording on one thread, each run a process of its own.

    Parameters
    ----------
    methods : F0 methods
    seconds : lengths, s > 0; a recording that is shorter is repeated
    recording : path of singing; a synthetic one if not given
    vocoder : path, the one that comes along if not given

    Returns
    -------
    rows : list of dict of method, seconds; wall (s, from the start of the process to its end), cpu, start (both CPU s);
        f0, mel, vocoder, other (CPU s for a second of audio); peak_mb
    """
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for length in tqdm(seconds, desc="end to end", unit="length", dynamic_ncols=True, disable=None):
            source = Path(folder) / "in.wav"
            _write(source, length, recording)
            rows += [_run(method, length, source, Path(folder), vocoder) for method in methods]
    return rows


def _run(method: str, length: float, source: Path, folder: Path, vocoder: str) -> Dict:
    import json

    report = folder / "report.json"
    options = ["--f0_method", method, "--threads", "1", *(["--vocoder", vocoder] if vocoder else [])]
    begin = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, str(report), str(source), str(folder / "out.wav"), *options],
        capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    wall = time.perf_counter() - begin
    if done.returncode:
        raise UserError(f"copy_synthesis with {method}: {(done.stderr.strip().splitlines() or ['it was killed'])[-1]}")
    spent = json.loads(report.read_text(encoding="utf-8"))
    parts = {name: spent[name] / length for name in ("f0", "mel", "vocoder")}
    other = (spent["cpu"] - spent["start"]) / length - sum(parts.values())
    return dict(
        method=method, seconds=length, wall=wall, cpu=spent["cpu"], start=spent["start"], **parts, other=other,
        peak_mb=spent["peak_mb"],
    )  # fmt: skip


def _write(path: Path, seconds: float, recording: str) -> None:
    n_samples = int(seconds * _FS)
    if recording:
        try:
            samples, fs = soundfile.read(recording, dtype="float32", always_2d=True)
        except (OSError, RuntimeError) as error:
            raise UserError(f"{recording}: not readable as audio ({in_one_line(error)})") from None
        samples, n_samples = samples[:, 0], int(seconds * fs)
    else:
        moments, fs = np.arange(20 * _FS) / _FS, _FS
        phase = 2 * np.pi * np.cumsum(220.0 * 2 ** (np.sin(2 * np.pi * 6 * moments) / 24)) / _FS
        samples = (0.05 * sum(np.cos(k * phase) / k for k in range(1, 21)) * (moments % 4 < 3)).astype(np.float32)
    with soundfile.SoundFile(path, "w", fs, 1, subtype="PCM_16") as file:
        while n_samples > 0:
            file.write(samples[:n_samples])
            n_samples -= len(samples)


def end_to_end_table(rows: List[Dict]) -> str:
    """Rows as a Markdown table."""
    names = "F0 by", "audio (s)", "CPU (s)", "of it start", "CPU s per s", "F0", "mel", "vocoder", "rest", "wall (s)"
    lines = [f"| {' | '.join(names)} | peak memory (MB) |", "|" + "---|" * 11]
    for row in rows:
        parts = " | ".join(f"{row[name]:.4f}" for name in ("f0", "mel", "vocoder", "other"))
        lines.append(
            f"| {row['method']} | {row['seconds']:g} | {row['cpu']:.2f} | {row['start']:.2f} "
            f"| {row['cpu'] / row['seconds']:.4f} | {parts} | {row['wall']:.2f} | {row['peak_mb']:.0f} |"
        )
    return "\n".join(lines)
