"""Mel of an acoustic model as data for a vocoder, and singing in a model's own timing."""

import dataclasses
import sys
from pathlib import Path

import numpy as np
import own_timing
import predicted_dump
import pytest
import torch
from tiny_dump import SPEC, features, tone, write_set

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.ark import ArkTable
from espnet2_nhv.feature.convert import convert_features
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.train.config import load_config
from espnet2_nhv.train.dump import Dump
from espnet2_nhv.vocoder import build_vocoder, save_vocoder

ROOT = Path(__file__).resolve().parents[2]
COARSE = dataclasses.replace(SPEC, hop_length=2 * SPEC.hop_length)


def predicted(root, *more, n_mels=128):
    wav, f0 = tone(0.5, 220.0, COARSE)
    write_set(root / "dump" / "train", {"song": (wav, *features(wav, f0, COARSE))}, COARSE)
    (root / "decode" / "denorm").mkdir(parents=True)
    mel = np.random.default_rng(0).normal(-3, 1, (len(wav) // COARSE.hop_length + 1, n_mels)).astype(np.float32)
    np.save(root / "mel.npy", mel)
    (root / "decode" / "denorm" / "feats.scp").write_text(f"song {root / 'mel.npy'}\n")
    sys.argv = ["predicted_dump", "--decode", str(root / "decode"), "--dump", str(root / "dump" / "train"),
                "--out", str(root / "out" / "train"), *map(str, more)]  # fmt: skip
    predicted_dump.main()
    return mel


def test_frames_of_a_finer_vocoder_are_interpolated(tmp_path):
    save_vocoder(build_vocoder("nhv", SPEC, channels=16, hidden=16, n_blocks=1), tmp_path / "nhv", "none", "nothing")
    mel = predicted(tmp_path, "--vocoder", tmp_path / "nhv")
    f0 = ArkTable(tmp_path / "dump" / "train" / "f0.scp")["song"]
    n_frames = len(f0)
    wanted = convert_features(torch.from_numpy(mel[:n_frames]), torch.tensor(np.array(f0[:, 0])), COARSE, SPEC)
    dump = Dump.load(tmp_path / "out" / "train")  # what training reads
    assert dump.spec == SPEC == FeatureSpec.load(tmp_path / "out" / "spec.yaml")
    got = [ArkTable(tmp_path / "out" / "train" / f"{name}.scp")["song"] for name in ("feats", "f0")]
    assert len(got[0]) == 2 * n_frames
    np.testing.assert_array_equal(got[0], wanted[0])
    np.testing.assert_array_equal(got[1][:, 0], wanted[1])
    np.testing.assert_array_equal(got[0][::2], mel[:n_frames])


def test_the_models_own_frames_stay(tmp_path):
    mel = predicted(tmp_path)
    got = ArkTable(tmp_path / "out" / "train" / "feats.scp")["song"]
    np.testing.assert_array_equal(got, mel[: len(got)])
    assert FeatureSpec.load(tmp_path / "out" / "spec.yaml") == COARSE


def test_mel_that_is_not_the_dumps_is_refused(tmp_path):
    with pytest.raises(UserError, match="does not line up with the"):
        predicted(tmp_path, n_mels=80)


def test_finetuning_reads_the_mel_it_is_given():
    """An augmentation would make another mel of the recording."""
    assert not load_config(ROOT / "conf" / "train" / "finetune" / "nhv.yaml")["augment"]


def test_a_score_is_moved_to_where_its_vowels_are():
    notes = [
        (0.0, 0.3, "P", 0, "pau"),
        (0.3, 0.8, "か", 57, "k_a"),
        (0.8, 1.3, "お", 60, "o"),
        (1.3, 1.6, "P", 0, "pau"),
    ]
    phrase = own_timing.phrase_of(notes, np.array([0.0, 0.3, 0.4, 0.9, 1.4]))
    times = [(s.start, s.end) for s in phrase]
    np.testing.assert_allclose(times, [(0.0, 0.4), (0.4, 0.9), (0.9, 1.4), (1.4, 1.7)])
    assert [s.phones for s in phrase] == [["pau"], ["k", "a"], ["o"], ["pau"]]
    lines = own_timing.tally(dict(vowels=[0.01, -0.03, 0.06], consonants=[-0.1])).splitlines()
    assert lines == ["| vowels | +10 | 30 | 33.3 | 3 |", "| consonants | -100 | 100 | 100.0 | 1 |"]
