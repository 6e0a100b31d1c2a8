"""Training a refiner: on blurred mels, on an acoustic model's, interrupted, and refused."""

import sys

import kaldiio
import numpy as np
import pytest
import torch

from espnet2_nhv.bin import train_refiner as command
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.refiner.saved import load_refiner
from espnet2_nhv.train.refiner import train_refiner

SPEC = FeatureSpec(n_mels=12)
SMALL = dict(channels=8, hidden=16, n_blocks=1, batch_size=2, segment_frames=16)


def write(folder, seed=0, spec=SPEC, lengths=(40, 9)):
    """A set of two utterances, one of them shorter than a segment."""
    folder.mkdir(parents=True)
    spec.save(folder.parent / "spec.yaml")
    rng = np.random.default_rng(seed)
    with kaldiio.WriteHelper(f"ark,scp:{folder}/feats.ark,{folder}/feats.scp") as writer:
        for index, length in enumerate(lengths):
            writer[f"song{index}"] = (rng.normal(size=(length, spec.n_mels)) - 2).astype(np.float32)
    return folder


def test_it_goes_on_where_it_stopped(tmp_path):
    data = write(tmp_path / "dump" / "train")
    predicted = write(tmp_path / "predicted" / "train", seed=1, lengths=(41, 9))
    whole = load_refiner(train_refiner(data, tmp_path / "whole", predicted, "4steps", **SMALL))
    train_refiner(data, tmp_path / "parts", predicted, "2steps", **SMALL)
    states = torch.load(tmp_path / "parts" / "checkpoint.pth", weights_only=True)
    assert states["steps"] == 2 and states["seconds"] > 0
    parts = load_refiner(train_refiner(data, tmp_path / "parts", predicted, "4steps", **SMALL))
    again = parts.state_dict()
    assert all(torch.equal(value, again[name]) for name, value in whole.state_dict().items())
    frames = np.concatenate([kaldiio.load_mat(line.split()[1]) for line in (data / "feats.scp").open()])
    np.testing.assert_allclose(whole.mel_mean[:, 0], frames.mean(axis=0), rtol=1e-4)


def test_command(tmp_path, monkeypatch, capsys):
    data = write(tmp_path / "dump" / "train")
    arguments = ["--data", data, "--out", tmp_path / "out", "--budget", "1steps", "--channels", "8", "--n_blocks", "1"]
    monkeypatch.setattr(sys, "argv", ["train_refiner", *map(str, arguments), "--licence", "CC0-1.0"])
    command.main()
    assert f"saved refiner: {tmp_path / 'out' / 'refiner'}" in capsys.readouterr().out
    assert "licence: CC0-1.0" in (tmp_path / "out" / "refiner" / "refiner.yaml").read_text()


def test_what_does_not_belong_together(tmp_path):
    data = write(tmp_path / "dump" / "train")
    other = write(tmp_path / "other" / "train", spec=FeatureSpec(n_mels=12, hop_length=512))
    late = write(tmp_path / "late" / "train", lengths=(50, 9))
    for predicted, message in ((other, "hop_length 512"), (late, "not one timing")):
        with pytest.raises(UserError, match=message):
            train_refiner(data, tmp_path / predicted.parent.name / "out", predicted, "3steps", **SMALL)
    train_refiner(data, tmp_path / "out", None, "1steps", **SMALL)
    with pytest.raises(UserError, match="of another refiner"):
        train_refiner(data, tmp_path / "out", None, "2steps", **{**SMALL, "channels": 16})
