"""Killed, out of disk, interrupted, at any moment: the same command again ends with the bytes of an undisturbed run.

One trial a stage and fault (tests/faults.py); ``NHV_KILLS=30`` tries thirty (tests/nightly.sh).
"""

import json
import os
import random
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from exports import save_small
from faults import KINDS, run_forked, small_disk
from tiny_dump import tone

from espnet2_nhv import load_vocoder
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
    assert run_forked(folder, prepare)[0] == "done"
    shutil.copytree(folder / "dump", folder / "prepared")
    assert run_forked(folder, extract)[0] == "done"
    return folder


@pytest.fixture(scope="module")
def undisturbed(inputs, tmp_path_factory):
    """Of each stage what it makes (:func:`tree`), its events, and how long it takes (s)."""
    made = {}
    for stage in STAGES:
        folder, start = fresh(tmp_path_factory.mktemp("whole") / "run", inputs, stage), time.perf_counter()
        said, n_events = run_forked(folder, stage)
        assert said == "done" and n_events > 3
        made[stage] = tree(folder), n_events, time.perf_counter() - start
        assert made[stage][0]
    return made


def tree(folder):
    """Bytes of all that a stage has made, by path."""
    paths = (path for top in ("dump", "exp", "out") for path in sorted((folder / top).rglob("*")))
    return {
        str(path.relative_to(folder)): _content(path)
        for path in paths
        if path.is_file() and not path.name.startswith(_NOTES) and "cache" not in path.parts[-2]
    }


def _content(path):
    """The bytes of a file; of scores without what they were made from, which has dates in it."""
    content = path.read_bytes()
    return content if path.name != "scores.json" else {**json.loads(content), "made_from": None}


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
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_bytes_as_undisturbed(inputs, undisturbed, tmp_path, stage, kind):
    whole, n_events, seconds = undisturbed[stage]
    for trial in range(TRIALS):
        rng = random.Random(f"{stage.__name__} {kind} {trial}")
        at = rng.uniform(0, seconds) if kind == "moment" else rng.randint(1, n_events)
        folder = fresh(tmp_path / f"{trial}", inputs, stage)
        said, _ = run_forked(folder, stage, kind, at)
        expected = {
            "kill": "killed",
            "torn": "killed",
            "interrupt": "interrupted",
            "full": "said OSError: [Errno 28]",
        }.get(kind, "")
        assert said.startswith(expected) or said == "done", (trial, at, said)
        assert not said.startswith("Traceback"), said
        for again in range(2):  # and a third time, when there is nothing left to do
            said, _ = run_forked(folder, stage)
            assert said == "done", (trial, at, said)
            got = tree(folder)
            assert got.keys() == whole.keys(), (trial, at)
            assert [name for name in whole if got[name] != whole[name]] == [], (trial, at)


@pytest.mark.skipif(TRIALS <= 2, reason="mounts file systems: only in tests/nightly.sh")
@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.__name__)
def test_a_small_disk(inputs, undisturbed, tmp_path, stage):
    """Full in the middle of a write, at as many sizes as there are trials; then it is made larger."""
    whole = undisturbed[stage][0]
    needed = sum(len(content) if isinstance(content, bytes) else 9999 for content in whole.values()) + (
        4096 * len(whole)
    )
    disk = tmp_path / "disk"
    given = sum(file.stat().st_size + 8192 for file in (inputs / "prepared").rglob("*")) if stage is extract else 0
    for trial in range(TRIALS):
        size = given + (trial + 1) * needed // (TRIALS + 1) // 4096 * 4096 + 4096
        with small_disk(disk, size) as enlarge:
            if enlarge is None:
                pytest.skip("may not mount a file system")
            folder = disk / "run"
            said, _ = run_forked(fresh(folder, inputs, stage), stage)
            assert said == "done" or said.startswith("said") and "Traceback" not in said, (size, said)
            assert "No space left" in said or said == "done" or "disk" in said or "could" in said, (size, said)
            assert enlarge()
            assert run_forked(folder, stage)[0] == "done"
            assert tree(folder) == whole, size


def test_a_clock_set_back_takes_nothing_for_done(inputs, tmp_path):
    folder = fresh(tmp_path / "run", inputs, None)
    (folder / "in").unlink()
    (folder / "in").mkdir()
    for name in "ab":
        (folder / "in" / f"{name}.wav").write_bytes((inputs / "in" / f"{name}.wav").read_bytes())

    def both():
        prepare()
        extract()

    assert run_forked(folder, both)[0] == "done"
    before = tree(folder)
    wav, fs = soundfile.read(folder / "in/a.wav", dtype="int16")
    soundfile.write(folder / "in/a.wav", wav // 2, fs)  # of the same size
    os.utime(folder / "in/a.wav", (0, 0))
    assert run_forked(folder, both)[0] == "done"
    after = tree(folder)
    changed = {name for name in after if after[name] != before[name]}
    assert "dump/eval/flac/a_0000.flac" in changed and "dump/eval/flac/b_0000.flac" not in changed
    assert {"dump/eval/ark/feats.1.ark"} <= changed
    got = soundfile.read(folder / "dump/eval/flac/a_0000.flac", dtype="int16")[0]
    np.testing.assert_allclose(got, wav[: len(got)] // 2, atol=1)
