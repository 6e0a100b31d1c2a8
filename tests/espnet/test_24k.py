"""Features of ESPnet's 24 kHz recipes, all the way: preset, training configuration, training, singing."""

from pathlib import Path

import pytest
import tiny_espnet as tiny
import torch
from espnet2.bin.svs_inference import SingingGenerate
from tiny_dump import write_dump

from espnet2_nhv import load_vocoder
from espnet2_nhv.bin.train import parse_args
from espnet2_nhv.espnet.listener import set_durations
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.train.recipe import train_vocoder

ROOT = Path(__file__).resolve().parents[2]
SPEC = FeatureSpec.load(ROOT / "conf/feature/24k_hop300.yaml")


@pytest.mark.slow
def test_from_a_24k_dump_to_song(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_dump(tmp_path, SPEC, n_train=2, n_dev=1)
    folder = train_vocoder(
        parse_args([
            "--config", str(ROOT / "conf/train/24k/nhv.yaml"), "--train_data", "dump/train", "--valid_data", "dump/dev",
            "--stats_dir", "exp/stats", "--output_dir", "exp/nhv", "--vocoder_conf", "channels=16",
            "--vocoder_conf", "hidden=16", "--vocoder_conf", "n_blocks=1", "--discriminator", "none",
            "--batch_size", "2", "--valid_segments", "1", "--num_iters_per_epoch", "2", "--budget", "2steps",
            "--use_tensorboard", "false",
        ])
    )  # fmt: skip
    assert load_vocoder(folder).spec == SPEC
    torch.manual_seed(0)
    args = tiny.singing_args("xiaoice", tiny.XIAOICE, spec=SPEC)
    files = tiny.save_model(tmp_path / "xiaoice", args, tiny.SVSTask.build_model(args))
    singer = SingingGenerate(*files, vocoder_checkpoint=str(folder))
    notes, label, _, _ = tiny.score(SPEC)
    set_durations("label")
    try:
        out = singer(dict(score=notes, label=label))
    finally:
        set_durations("predicted")
    assert singer.fs == 24000 and out["wav"].shape == (48 * 300,) and torch.isfinite(out["wav"]).all()
