"""An hour of sound through the commands: does memory stay flat, is there progress, does Ctrl-C keep what is done?

    tests/hour.py [--minutes 60] [--only prepare extract decode copy_synthesis synthesize]

Prints a line a command: time, peak of memory and updates of its progress, for a tenth of the length and for all of it;
then what an interruption left, of six recordings. Not a test by pytest: it takes about twenty minutes of CPU.
"""

import argparse
import fcntl
import os
import pty
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from pathlib import Path
from typing import Sequence

import numpy as np
import soundfile

ROOT = Path(__file__).resolve().parent.parent
SPEC = ROOT / "conf/feature/44k_hop256.yaml"
FS, PARTS = 44100, 6
BIN = [sys.executable, "-m"]
# In this order: what one makes the next reads.
COMMANDS = {
    "prepare": [
        "prepare",
        "--data",
        "data",
        "--out",
        "dump/train",
        "--spec",
        str(SPEC),
    ],
    "extract": ["extract", "--data", "dump/train", "--f0_method", "swift"],
    "decode": ["decode", "--vocoder", str(ROOT / "pretrained/nhv"), "--data", "dump/train", "--out", "decoded"],
    "copy_synthesis": ["copy_synthesis", "songs", "copied", "--f0_method", "swift", "--keep_features", "kept"],
    "synthesize": ["synthesize", "--mel", "kept", "--out", "sung"],
}
# What each makes for one input, and is not made again.
MADE = {
    "prepare": "dump/train/flac/*.flac",
    "extract": "dump/train/ark/job.*.json",
    "decode": "decoded/**/*.wav",
    "copy_synthesis": "copied/*.wav",
    "synthesize": "sung/*.wav",
}


def sing(path: Path, minutes: float, seed: int = 0) -> None:
    """A voice-like tone of many pitches with rests, written block by block."""
    with soundfile.SoundFile(path, "w", 48000, 1, "PCM_16") as file:
        phase, rng = 0.0, np.random.default_rng(seed)
        for second in range(max(1, round(60 * minutes))):
            f0 = 110 * 2 ** rng.uniform(0, 2) * np.ones(48000)
            angles = phase + np.cumsum(2 * np.pi * f0 / 48000)
            phase = angles[-1] % (2 * np.pi)
            wav = sum(np.cos(k * angles) / k for k in range(1, 12)) * 0.08 + 0.001 * rng.standard_normal(48000)
            file.write(wav * (0.0 if second % 9 == 8 else 1.0))


def lay_out(folder: Path, minutes: float, count: int, commands: Sequence[str]) -> Path:
    """A folder with `count` recordings, `minutes` in all, and the data directory of them, for these commands."""
    for name in ("data", "songs"):
        (folder / name).mkdir(parents=True)
    if "synthesize" in commands and "copy_synthesis" not in commands:
        lay_out_features(folder, minutes, count)
    if list(commands) == ["synthesize"]:
        return folder
    names = [f"song{number}" for number in range(count)]
    for number, name in enumerate(names):
        sing(folder / "songs" / f"{name}.wav", minutes / count, number)
    (folder / "data/wav.scp").write_text("".join(f"{name} {folder.resolve()}/songs/{name}.wav\n" for name in names))
    (folder / "data/utt2spk").write_text("".join(f"{name} x\n" for name in names))
    return folder


def lay_out_features(folder: Path, minutes: float, count: int) -> None:
    """What copy synthesis would have kept of them, without its work: mels of noise that rises and falls."""
    (folder / "kept").mkdir()
    shutil.copy(SPEC, folder / "kept/spec.yaml")
    n_frames = round(60 * minutes / count * FS / 256)
    for number in range(count):
        rng, frame = np.random.default_rng(number), np.arange(n_frames, dtype=np.float32)
        mel = rng.uniform(-3, -1, (n_frames, 128)).astype(np.float32) + np.sin(frame / 50)[:, None]
        np.savez(folder / f"kept/song{number}.npz", mel=mel, f0=220 * 2 ** np.sin(frame / 500))


class Run:
    """A command on a terminal, as a user has it: what it says, how far it says it is, how much memory it takes."""

    def __init__(self, name: str, folder: Path):
        self.said, self.begin = b"", time.perf_counter()
        self.terminal, end = pty.openpty()
        fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))  # a new one has no rows and columns
        module, *options = COMMANDS[name]
        self.process = subprocess.Popen(
            [*BIN, f"espnet2_nhv.bin.{module}", *options], cwd=folder, stdout=end, stderr=end, stdin=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )  # fmt: skip
        os.close(end)
        self.listener = threading.Thread(target=self._listen)
        self.listener.start()

    def _listen(self) -> None:
        try:
            while part := os.read(self.terminal, 4096):
                self.said += part
        except OSError:  # the other end is closed
            pass

    def wait(self) -> None:
        _, status, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = self.status = os.waitstatus_to_exitcode(status)
        self.seconds, self.peak = time.perf_counter() - self.begin, usage.ru_maxrss / 1024
        self.listener.join()
        os.close(self.terminal)
        self.lines = [line for line in self.said.decode(errors="replace").replace("\r", "\n").splitlines() if line]
        self.updates = sum("%|" in line for line in self.lines)


def measure(name: str, folder: Path, minutes: float) -> Run:
    run = Run(name, folder)
    run.wait()
    print(
        f"{name}: {minutes:g} min: status {run.status}, {run.seconds:.0f} s, peak {run.peak:.0f} MB, "
        f"{run.updates} updates of its progress",
        flush=True,
    )
    if run.status:
        print("   " + "\n   ".join(run.lines[-3:]))
    return run


def interrupt(name: str, folder: Path) -> bool:
    """Ctrl-C once something is made; then again to the end. Whether it said so, and kept what was made."""

    def made():
        return {path: path.stat().st_ino for path in folder.glob(MADE[name])}

    run = Run(name, folder)
    while not made() and run.process.poll() is None:
        time.sleep(0.01)
    if run.process.poll() is not None:
        print(f"{name}: ended before it could be interrupted: {run.said.decode(errors='replace')[-300:]}")
        return False
    run.process.send_signal(signal.SIGINT)
    run.wait()
    # Of prepare's phrases those of a finished recording are kept; the others are made again.
    kept = made() if name != "prepare" else {}
    again = Run(name, folder)
    again.wait()
    now = made()
    good = run.status == 130 and again.status == 0 and kept.items() <= now.items() and bool(now)
    print(
        f"{name}: interrupted: status {run.status}, {run.lines[-1]!r}; {len(kept)} kept; again: status {again.status}, "
        f"{len(now)} there: {'good' if good else 'WRONG'}",
        flush=True,
    )
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--only", nargs="+", default=list(COMMANDS), choices=list(COMMANDS))
    args = parser.parse_args()
    good = True
    with tempfile.TemporaryDirectory() as top:
        runs = {}
        for share in (0.1, 1.0):
            folder = lay_out(Path(top) / str(share), share * args.minutes, 1, args.only)
            for name in args.only:
                runs[name, share] = measure(name, folder, share * args.minutes)
                good &= runs[name, share].status == 0
        for name in args.only:
            grown = runs[name, 1.0].peak - runs[name, 0.1].peak
            print(f"{name}: ten times as long takes {grown:+.0f} MB")
        folder = lay_out(Path(top) / "parts", args.minutes / 10, PARTS, args.only)
        for name in args.only:
            good &= interrupt(name, folder)
    sys.exit(not good)


if __name__ == "__main__":
    main()
