"""A training killed, out of disk or interrupted at any moment goes on, and loses an epoch at most.

One trial of two faults (tests/faults.py); ``NHV_KILLS=30`` tries thirty of each (tests/nightly.sh).
"""

import logging
import os
import random
import re
import signal
import time

import pytest
import torch
from faults import KINDS, run_forked, small_disk
from tiny_dump import write_dump
from tiny_training import options

from espnet2_nhv import load_vocoder
from espnet2_nhv.bin.train import parse_args
from espnet2_nhv.train.recipe import train_vocoder
from espnet2_nhv.train.task import GANVocoderTask

TRIALS = int(os.environ.get("NHV_KILLS", "1"))
EPOCHS, STEPS = 4, 2
SMALLER = ["--num_iters_per_epoch", str(STEPS), "--valid_segments", "2"]
pytestmark = pytest.mark.slow


def run(max_epoch=EPOCHS):
    logging.basicConfig(level=logging.INFO, stream=open(os.devnull, "w"), force=True)  # as a command does
    train_vocoder(parse_args([*options("it"), *SMALLER, "--max_epoch", str(max_epoch), "--num_workers", "0"]))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A folder with a dump, how many events a training has in it, and how long it takes (s)."""
    root = tmp_path_factory.mktemp("kills")
    write_dump(root)
    whole = fresh(root / "whole", root)
    start = time.perf_counter()
    said, n_events = run_forked(whole, run)
    seconds = time.perf_counter() - start
    assert said == "done" and n_events > 20
    check(whole)
    return root, n_events, seconds, {path.name for path in (whole / "exp/it").iterdir()}


def fresh(folder, root):
    folder.mkdir()
    (folder / "dump").symlink_to(root / "dump")
    return folder


def check(folder):
    """All epochs are there once, and what they led to can be used."""
    states = torch.load(folder / "exp/it/checkpoint.pth", weights_only=False)
    assert sorted(states["reporter"]["stats"]) == list(range(1, EPOCHS + 1))
    assert int(states["model"]["steps"]) == EPOCHS * STEPS
    load_vocoder(folder / "exp/it/vocoder")


def epochs_of(log):
    """The first and the last epoch that each run in a log has begun: [[first, last], ...]."""
    runs = []
    for line in log.read_text(errors="replace").splitlines() if log.exists() else []:
        if "command: " in line:
            runs.append([])
        elif found := re.search(rf"(\d+)/{EPOCHS}epoch started", line):
            runs[-1].append(int(found[1]))
    return [(epochs[0], epochs[-1]) if epochs else None for epochs in runs]


@pytest.mark.parametrize("kind", KINDS if TRIALS > 1 else KINDS[:2])
def test_it_goes_on(undisturbed, tmp_path, kind):
    root, n_events, seconds, names = undisturbed
    for trial in range(TRIALS):
        rng = random.Random(f"training {kind} {trial}")
        at = rng.uniform(0, seconds) if kind == "moment" else rng.randint(1, n_events)
        folder = fresh(tmp_path / f"{trial}", root)
        said, _ = run_forked(folder, run, kind, at)
        assert not said.startswith("Traceback"), (trial, at, said)
        for again in range(2):
            said, _ = run_forked(folder, run)
            assert said == "done", (trial, at, said)
            check(folder)
        assert {path.name for path in (folder / "exp/it").iterdir()} == names, (trial, at)
        begun = [epochs for epochs in epochs_of(folder / "exp/it/train.log") if epochs]
        assert begun, "a log of no epochs"
        for before, after in zip(begun, begun[1:]):
            assert after[0] >= before[1] - 1, (trial, at, begun)


def test_killed_while_the_configuration_is_written(undisturbed, tmp_path):
    """ESPnet writes it in place at every start; the checkpoint beside it must not be lost with it."""
    root, *_ = undisturbed
    folder = fresh(tmp_path / "run", root)
    assert run_forked(folder, lambda: run(max_epoch=EPOCHS - 1))[0] == "done"

    def killed_in_it():
        def write(*_, **__):
            (folder / "exp/it/config.yaml").write_bytes(b"accum_grad: 1\nspec:\n")
            os.kill(os.getpid(), signal.SIGKILL)

        GANVocoderTask.main = write
        run()

    assert run_forked(folder, killed_in_it)[0] == "killed"
    assert run_forked(folder, run)[0] == "done"
    check(folder)
    assert epochs_of(folder / "exp/it/train.log")[-1] == (EPOCHS, EPOCHS)
    assert not (folder / "exp/it/config.before.yaml").exists()


@pytest.mark.skipif(TRIALS <= 2, reason="mounts file systems: only in tests/nightly.sh")
def test_on_a_small_disk(undisturbed, tmp_path):
    root, *_ = undisturbed
    needed = sum(path.stat().st_size for path in (root / "whole/exp").rglob("*") if path.is_file())
    for trial in range(TRIALS):
        size = (trial + 1) * needed // TRIALS // 4096 * 4096
        with small_disk(tmp_path / "disk", size) as enlarge:
            if enlarge is None:
                pytest.skip("may not mount a file system")
            folder = fresh(tmp_path / "disk/run", root)
            said, _ = run_forked(folder, run)
            assert said == "done" or said.startswith("said"), (size, said)
            assert "No space left" in said or said == "done" or "free some space" in said, (size, said)
            assert enlarge()
            said, _ = run_forked(folder, run)
            assert said == "done", (size, said)
            check(folder)
