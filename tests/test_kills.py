"""Killed, out of disk, interrupted, at any moment: the same command again ends with the bytes of an undisturbed run.

Each trial is a process forked from this one, in which an audit hook counts what is done to files (opened for writing,
renamed, removed, made) and at the n-th of these kills it, or says that the disk is full. One trial a stage and fault;
``NHV_KILLS=30`` tries thirty (tests/nightly.sh).
"""

import errno
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from exports import save_small
from tiny_dump import tone

from espnet2_nhv import load_vocoder
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.extract import extract_features
from espnet2_nhv.feature.pitch.source import PitchSource
from espnet2_nhv.feature.prepare import prepare_data_dir
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.score.evaluate import evaluate
from espnet2_nhv.synthesis.copy_synthesis import copy_synthesis
from espnet2_nhv.synthesis.decode import decode_set
from espnet2_nhv.synthesis.synthesize import synthesize_files

TRIALS = int(os.environ.get("NHV_KILLS", "1"))
SPEC = FeatureSpec()
_EVENTS = {"os.rename", "os.remove", "os.mkdir", "os.rmdir"}
# What says when something was done, or how fast.
_NOTES = ("job.", "prepared.jsonl", "made.tsv", "done.tsv", "rtf.json", "source.yaml", "utt2seconds", "made_with.yaml")


def prepare():
    prepare_data_dir(Path("data"), Path("dump/eval"), SPEC)


def extract():
    extract_features(Path("dump/eval"), SPEC, method="dio")


def decode():
    decode_set("nhv", "dump/eval", "exp/decode")


def score():
    decode()
    evaluate("dump/eval", "exp/decode")


def copy():
    copy_synthesis("in", "out", load_vocoder("nhv"), "digest", pitch=PitchSource("dio"))


def synthesize():
    synthesize_files("dump/eval/feats.scp", "dump/eval/f0.scp", "out", load_vocoder("nhv"), "digest")


STAGES = [prepare, extract, decode, copy, synthesize, *([score] if TRIALS > 2 else [])]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """A folder with all that the stages read; nothing of it is run in this process, which is forked again and again."""
    folder = tmp_path_factory.mktemp("inputs")
    (folder / "data").mkdir()
    (folder / "in").mkdir()
    for name, pitch in (("a", 200), ("b", 300)):
        soundfile.write(folder / "in" / f"{name}.wav", tone(0.5, pitch)[0], SPEC.fs)
    (folder / "data/wav.scp").write_text("a in/a.wav\nb in/b.wav\n")
    (folder / "data/utt2spk").write_text("a x\nb x\n")
    save_small(folder / "nhv")
    assert run_forked(folder, prepare, (None, 0))[0] == "done"
    shutil.copytree(folder / "dump", folder / "prepared")
    assert run_forked(folder, extract, (None, 0))[0] == "done"
    return folder


@pytest.fixture(scope="module")
def undisturbed(inputs, tmp_path_factory):
    """Of each stage what it makes (:func:`tree`), its events, and how long it takes (s)."""
    made = {}
    for stage in STAGES:
        folder, start = fresh(tmp_path_factory.mktemp("whole") / "run", inputs, stage), time.perf_counter()
        said, n_events = run_forked(folder, stage, (None, 0))
        assert said == "done" and n_events > 3
        made[stage] = tree(folder), n_events, time.perf_counter() - start
        assert made[stage][0]
    return made


def run_forked(folder, stage, fault):
    """Run a stage in a process of its own; ``done``, ``killed`` or what it said, and how many events there were."""
    kind, at = fault
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        os.chdir(folder)
        count, said = 0, "done"

        def watch(event, arguments):
            nonlocal count
            writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
            if not writes and event not in _EVENTS or "/dev/" in str(arguments[0]) or "site-packages" in str(arguments):
                return
            count += 1
            if count == at and kind == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            if count >= at and kind == "full" and event in ("open", "os.mkdir"):
                raise OSError(errno.ENOSPC, "No space left on device", str(arguments[0]))
            if count == at and kind == "interrupt":
                raise KeyboardInterrupt

        torch.set_num_threads(1)
        sys.addaudithook(watch)
        try:
            stage()
        except (UserError, OSError) as error:
            said = f"said {type(error).__name__}: {error}"
        except KeyboardInterrupt:
            said = "interrupted"
        except BaseException:
            said = traceback.format_exc()
        os.write(writer, f"{count}\n{said}".encode()[:60000])
        os._exit(0)
    os.close(writer)
    if kind == "moment":
        time.sleep(at)
        os.kill(child, signal.SIGKILL)
    with os.fdopen(reader) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    count, _, said = text.partition("\n")
    return said or "killed", int(count or 0)


def tree(folder):
    """Bytes of all that a stage has made, by path."""
    paths = (path for top in ("dump", "exp", "out") for path in sorted((folder / top).rglob("*")))
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in paths
        if path.is_file() and not path.name.startswith(_NOTES) and "cache" not in path.parts[-2]
    }


def fresh(folder, inputs, stage):
    """A folder in which a stage can begin: with what the stages before it have made."""
    folder.mkdir()
    for name in ("data", "in", "nhv"):
        (folder / name).symlink_to(inputs / name)
    if stage is extract:
        shutil.copytree(inputs / "prepared", folder / "dump")
    elif stage not in (prepare, copy, None):
        (folder / "dump").symlink_to(inputs / "dump")
    return folder


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.__name__)
@pytest.mark.parametrize("kind", ["kill", "full", "interrupt", "moment"])
def test_the_same_bytes_as_undisturbed(inputs, undisturbed, tmp_path, stage, kind):
    whole, n_events, seconds = undisturbed[stage]
    for trial in range(TRIALS):
        rng = random.Random(f"{stage.__name__} {kind} {trial}")
        at = rng.uniform(0, seconds) if kind == "moment" else rng.randint(1, n_events)
        folder = fresh(tmp_path / f"{trial}", inputs, stage)
        said, _ = run_forked(folder, stage, (kind, at))
        expected = {"kill": "killed", "interrupt": "interrupted", "full": "said OSError: [Errno 28]"}.get(kind, "")
        assert said.startswith(expected) or said == "done", (trial, at, said)
        assert not said.startswith("Traceback"), said
        for again in range(2):  # and a third time, when there is nothing left to do
            said, _ = run_forked(folder, stage, (None, 0))
            assert said == "done", (trial, at, said)
            got = tree(folder)
            assert got.keys() == whole.keys(), (trial, at)
            assert [name for name in whole if got[name] != whole[name]] == [], (trial, at)


def _mount(*arguments):
    return subprocess.run(["mount", *map(str, arguments)], capture_output=True).returncode == 0


@pytest.mark.skipif(TRIALS <= 2, reason="mounts file systems: only in tests/nightly.sh")
@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.__name__)
def test_a_small_disk(inputs, undisturbed, tmp_path, stage):
    """Full in the middle of a write, at as many sizes as there are trials; then it is made larger."""
    whole = undisturbed[stage][0]
    needed = sum(map(len, whole.values())) + (4096 * len(whole))
    disk = tmp_path / "disk"
    disk.mkdir()
    for trial in range(TRIALS):
        size = (trial + 1) * needed // (TRIALS + 1) // 4096 * 4096 + 4096
        if not _mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", disk):
            pytest.skip("may not mount a file system")
        try:
            folder = disk / "run"
            said, _ = run_forked(fresh(folder, inputs, stage), stage, (None, 0))
            assert said == "done" or said.startswith("said") and "Traceback" not in said, (size, said)
            assert "No space left" in said or said == "done" or "disk" in said or "could" in said, (size, said)
            assert _mount("-o", "remount,size=200m", disk)
            assert run_forked(folder, stage, (None, 0))[0] == "done"
            assert tree(folder) == whole, size
        finally:
            subprocess.run(["umount", disk], check=True)


def test_a_clock_set_back_takes_nothing_for_done(inputs, tmp_path):
    folder = fresh(tmp_path / "run", inputs, None)
    (folder / "in").unlink()
    (folder / "in").mkdir()
    for name in "ab":
        (folder / "in" / f"{name}.wav").write_bytes((inputs / "in" / f"{name}.wav").read_bytes())

    def both():
        prepare()
        extract()

    assert run_forked(folder, both, (None, 0))[0] == "done"
    before = tree(folder)
    wav, fs = soundfile.read(folder / "in/a.wav", dtype="int16")
    soundfile.write(folder / "in/a.wav", wav // 2, fs)  # of the same size
    os.utime(folder / "in/a.wav", (0, 0))
    assert run_forked(folder, both, (None, 0))[0] == "done"
    after = tree(folder)
    changed = {name for name in after if after[name] != before[name]}
    assert "dump/eval/flac/a_0000.flac" in changed and "dump/eval/flac/b_0000.flac" not in changed
    assert {"dump/eval/ark/feats.1.ark"} <= changed
    got = soundfile.read(folder / "dump/eval/flac/a_0000.flac", dtype="int16")[0]
    np.testing.assert_allclose(got, wav[: len(got)] // 2, atol=1)
