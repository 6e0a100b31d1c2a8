"""Two runs in one folder: the second is told, and nothing is mixed."""

import multiprocessing
import os

import numpy as np
import pytest
import soundfile
from waiting import LONG

from espnet2_nhv.alone import alone_in
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.prepare import prepare_data_dir
from espnet2_nhv.feature.spec import FeatureSpec


def test_the_second_is_told_and_the_first_leaves_nothing(tmp_path):
    with alone_in(tmp_path / "out"):
        with pytest.raises(UserError, match="out: another run is at work in it: wait"), alone_in(tmp_path / "out"):
            pass
        with alone_in(tmp_path / "other"):
            pass
    with alone_in(tmp_path / "out"):
        assert os.listdir(tmp_path / "out") == []


def _hold(folder, ready):
    with alone_in(folder):
        ready.set()
        multiprocessing.Event().wait()


def test_a_killed_run_holds_nothing(tmp_path):
    fork = multiprocessing.get_context("fork")
    ready = fork.Event()
    process = fork.Process(target=_hold, args=(tmp_path, ready))
    process.start()
    assert ready.wait(LONG)
    with pytest.raises(UserError), alone_in(tmp_path):
        pass
    process.kill()
    process.join()
    with alone_in(tmp_path):
        pass


def test_stage_2_is_alone(tmp_path):
    (tmp_path / "data").mkdir()
    soundfile.write(tmp_path / "a.wav", 0.1 * np.random.default_rng(0).standard_normal(44100), 44100)
    (tmp_path / "data/wav.scp").write_text(f"a {tmp_path}/a.wav\n")
    (tmp_path / "dump/train").mkdir(parents=True)
    with alone_in(tmp_path / "dump/train"), pytest.raises(UserError, match="dump/train: another run is at work"):
        prepare_data_dir(tmp_path / "data", tmp_path / "dump/train", FeatureSpec())
    assert prepare_data_dir(tmp_path / "data", tmp_path / "dump/train", FeatureSpec()).phrases == 1
