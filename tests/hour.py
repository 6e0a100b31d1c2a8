"""An hour of sound through the commands: does memory stay flat, is there progress, does Ctrl-C keep what is done?

    tests/hour.py [--minutes 60] [--only copy_synthesis prepare extract synthesize]

Prints a line a command: peak of memory for a tenth of the length and for all of it, and what an interruption left. Not
a test by pytest: it takes about twenty minutes of CPU.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

ROOT = Path(__file__).resolve().parent.parent
FS = 44100


def sing(path: Path, minutes: float) -> None:
    """A voice-like tone of many pitches with rests, written block by block."""
    with soundfile.SoundFile(path, "w", FS, 1, "PCM_16") as file:
        phase, rng = 0.0, np.random.default_rng(0)
        for second in range(round(60 * minutes)):
            f0 = 110 * 2 ** rng.uniform(0, 2) * np.ones(FS)
            angles = phase + np.cumsum(2 * np.pi * f0 / FS)
            phase = angles[-1] % (2 * np.pi)
            wav = sum(np.cos(k * angles) / k for k in range(1, 12)) * 0.08 + 0.001 * rng.standard_normal(FS)
            file.write(wav * (0.0 if second % 9 == 8 else 1.0))


def commands(folder: Path) -> dict:
    bin_ = [sys.executable, "-m"]
    spec = str(ROOT / "conf/feature/44k_hop256.yaml")
    return {
        "copy_synthesis": [*bin_, "espnet2_nhv.bin.copy_synthesis", "song.wav", "copy.wav", "--f0_method", "swift",
                           "--keep_features", "kept"],
        "synthesize": [*bin_, "espnet2_nhv.bin.synthesize", "--mel", "kept", "--out", "sung"],
        "prepare": [*bin_, "espnet2_nhv.bin.prepare", "--data", "data", "--out", "dump/train", "--spec", spec],
        "extract": [*bin_, "espnet2_nhv.bin.extract", "--data", "dump/train", "--f0_method", "swift"],
    }  # fmt: skip


def run(command, folder, interrupt_after=None):
    """Status, seconds, peak memory (MB) and what was said."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    start = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    if interrupt_after is not None:
        try:
            process.wait(interrupt_after)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
    said = process.communicate()[0]
    return process.returncode, time.perf_counter() - start, said


def peak_of(command, folder):
    """Peak memory (MB) of a command, measured by a process that does nothing else."""
    code = "import resource, subprocess, sys; status = subprocess.call(sys.argv[1:]); "
    code += "print('PEAK', resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(status)"
    status, seconds, said = run([sys.executable, "-c", code, *command], folder)
    peak = next((int(line.split()[1]) / 1024 for line in said.splitlines() if line.startswith("PEAK")), float("nan"))
    return status, seconds, peak, said


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--only", nargs="+", default=["copy_synthesis", "synthesize", "prepare", "extract"])
    args = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory() as top:
        peaks = {}
        for share in (0.1, 1.0):
            folder = Path(top) / str(share)
            (folder / "data").mkdir(parents=True)
            sing(folder / "song.wav", share * args.minutes)
            (folder / "data/wav.scp").write_text(f"song {folder}/song.wav\n")
            (folder / "data/utt2spk").write_text("song x\n")
            for name in args.only:
                status, seconds, peak, said = peak_of(commands(folder)[name], folder)
                peaks[name, share] = peak
                print(
                    f"{name}: {share * args.minutes:g} min: status {status}, {seconds:.0f} s, peak {peak:.0f} MB",
                    flush=True,
                )
                if status:
                    failed = True
                    print("   " + "\n   ".join(said.splitlines()[-3:]))
        for name in args.only:
            grown = peaks[name, 1.0] - peaks[name, 0.1]
            print(f"{name}: ten times as long takes {grown:+.0f} MB")
        shutil.rmtree(Path(top) / "1.0" / "dump", ignore_errors=True)
        for name in (name for name in args.only if name == "prepare"):
            status, seconds, said = run(commands(folder)[name], folder, interrupt_after=6)
            print(f"{name}: interrupted: status {status}, {said.splitlines()[-1] if said else ''}")
            status, *_ = run(commands(folder)[name], folder)
            print(f"{name}: again: status {status}")
            failed |= status != 0
    sys.exit(failed)


if __name__ == "__main__":
    main()
