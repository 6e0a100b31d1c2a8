"""Features of NNSVS, all the way: preset, training, singing, exports."""

from pathlib import Path

import numpy as np
import pytest
import torch
from exports import song
from tiny_dump import write_dump

from espnet2_nhv import load_vocoder
from espnet2_nhv.bin.train import parse_args
from espnet2_nhv.export.export import export
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.train.recipe import train_vocoder
from espnet2_nhv.vocoder import build_vocoder

ROOT = Path(__file__).resolve().parents[2]
SPEC = FeatureSpec.load(ROOT / "conf/feature/48k_hop240_nnsvs.yaml")


def test_preset_is_nnsvs():
    assert (SPEC.fs, SPEC.hop_length, SPEC.frame_rate) == (48000, 240, 200)
    assert (SPEC.n_mels, SPEC.fmin, SPEC.fmax, SPEC.log_base) == (80, 30, 24000, 10)


@pytest.mark.parametrize("name", ["nhv", "vocos", "griffinlim"])
def test_vocoders_are_built_on_it(name):
    vocoder = build_vocoder(name, SPEC)
    mel, f0 = (torch.from_numpy(x) for x in song(vocoder, 0.1))
    with torch.no_grad():
        assert vocoder.eval().inference(mel, f0 if vocoder.needs_f0 else None).shape == (len(mel) * 240,)


@pytest.mark.slow
def test_from_a_dump_to_an_export(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_dump(tmp_path, SPEC, n_train=2, n_dev=1)
    folder = train_vocoder(
        parse_args([
            "--config", str(ROOT / "conf/train/nhv.yaml"), "--train_data", "dump/train", "--valid_data", "dump/dev",
            "--stats_dir", "exp/stats", "--output_dir", "exp/nhv", "--vocoder_conf", "channels=16",
            "--vocoder_conf", "hidden=16", "--vocoder_conf", "n_blocks=1", "--discriminator", "none",
            "--batch_size", "2", "--valid_segments", "1", "--num_iters_per_epoch", "2", "--budget", "2steps",
            "--use_tensorboard", "false",
        ])
    )  # fmt: skip
    vocoder = load_vocoder(folder)
    assert vocoder.spec == SPEC
    (whole, _), difference = export(folder, "onnx", tmp_path / "out")
    mel, f0 = song(vocoder, 0.5)
    np.testing.assert_allclose(load_vocoder(whole)(mel, f0), vocoder(mel, f0), atol=1e-4)
    assert difference < 1e-4
