"""Configurations: laid over their base, and those of conf/train."""

from pathlib import Path

import pytest
import torch

from espnet2_nhv.bin.train import parse_args
from espnet2_nhv.discriminator.registry import DISCRIMINATORS
from espnet2_nhv.errors import UserError
from espnet2_nhv.train.config import load_config, with_numbers
from espnet2_nhv.train.model import LOSSES
from espnet2_nhv.train.task import GANVocoderTask
from espnet2_nhv.vocoder.registry import VOCODERS, build_vocoder, vocoder_class


def test_configuration_over_its_base(tmp_path):
    (tmp_path / "demo").mkdir()
    (tmp_path / "common.yaml").write_text("batch_size: 16\noptim_conf: {lr: 2.0e-4, betas: [0.8, 0.99]}\n")
    (tmp_path / "nhv.yaml").write_text("base: common.yaml\nvocoder: nhv\nkeep: [1, 2]\n")
    (tmp_path / "demo" / "nhv.yaml").write_text(
        "base: ../nhv.yaml\nbatch_size: 4\noptim_conf: {lr: 1.0e-3}\nkeep: [3]\n"
    )
    assert load_config(tmp_path / "demo" / "nhv.yaml") == {
        "batch_size": 4, "optim_conf": {"lr": 1e-3, "betas": [0.8, 0.99]}, "vocoder": "nhv", "keep": [3]
    }  # fmt: skip
    (tmp_path / "both.yaml").write_text("base: [demo/nhv.yaml, nhv.yaml]\noptim_conf: {lr: 5.0e-4}\n")
    assert load_config(tmp_path / "both.yaml") == {
        "batch_size": 16, "optim_conf": {"lr": 5e-4, "betas": [0.8, 0.99]}, "vocoder": "nhv", "keep": [1, 2]
    }  # fmt: skip
    (tmp_path / "both.yaml").write_text("base: [nhv.yaml, 3]\n")
    with pytest.raises(UserError, match=r"base is \['nhv.yaml', 3\]"):
        load_config(tmp_path / "both.yaml")
    (tmp_path / "common.yaml").write_text("base: demo/nhv.yaml\n")
    with pytest.raises(UserError, match="own base"):
        load_config(tmp_path / "nhv.yaml")
    (tmp_path / "list.yaml").write_text("- 1\n")
    for name in ("missing.yaml", "list.yaml"):
        with pytest.raises(UserError, match=name):
            load_config(tmp_path / name)


def test_every_configuration_is_one():
    folder = Path(__file__).parents[2] / "conf" / "train"
    paths = sorted(p for p in folder.rglob("*.yaml") if not p.name.startswith("_"))
    assert {p.stem for p in paths} == set(VOCODERS)
    where = ["--train_data", "a", "--valid_data", "b", "--stats_dir", "c", "--output_dir", "d"]
    for path in paths:
        args = parse_args(["--config", str(path), *where, "--vocoder_conf", "x=1", "--batch_size", "3"])
        GANVocoderTask.check_args(args)
        assert set(args.loss_weights) <= {*LOSSES, *vocoder_class(args.vocoder).own_losses}, path
        assert args.discriminator == "none" or args.discriminator in DISCRIMINATORS, path
        assert args.vocoder in VOCODERS and args.batch_size == 3 and args.vocoder_conf["x"] == 1, path
        assert isinstance(args.optim_conf["lr"], float), path  # YAML reads 2e-4 as text


def test_the_two_tiers_hold_every_vocoder_once():
    folder = Path(__file__).parents[2] / "conf" / "train"
    everyone, light, full = (
        [path.stem for path in sorted(at.glob("[!_]*.yaml"))] for at in (folder, folder / "light", folder / "full")
    )
    assert sorted([*light, *full, "griffinlim", "world"]) == sorted(everyone)
    for path in (folder / "full").glob("[!_]*.yaml"):
        config = load_config(path)
        assert "vocoder_conf" not in config and config["batch_size"] * config["segment_frames"] in (256, 264), path


def test_numbers_that_yaml_takes_for_words(tmp_path):
    (tmp_path / "nhv.yaml").write_text(
        "vocoder: nhv\noptim_conf: {lr: 2e-4, betas: [8e-1, .99]}\nloss_weights: {mr_stft: 1E0}\n"
    )
    where = ["--train_data", "a", "--valid_data", "b", "--stats_dir", "c", "--output_dir", "d"]
    args = parse_args(["--config", str(tmp_path / "nhv.yaml"), *where, "--optim2_conf", "lr=-1.e-3"])
    assert args.optim_conf == {"lr": 2e-4, "betas": [0.8, 0.99]} and args.loss_weights == {"mr_stft": 1.0}
    assert args.optim2_conf["lr"] == -1e-3 and with_numbers({"name": "e3", "at": "1e"}) == {"name": "e3", "at": "1e"}


@pytest.mark.parametrize("name", ["apnet2", "freev"])
def test_who_writes_phase_is_trained_on_more_than_it_sees(name):
    """In a segment that its network sees whole it counts phase from the edges: it learns what no phrase has."""
    for path in sorted((Path(__file__).parents[2] / "conf" / "train").rglob(f"{name}.yaml")):
        config = load_config(path)
        vocoder = build_vocoder(name, **{**config.get("vocoder_conf", {}), "channels": 8, "hidden": 8})
        mel = torch.zeros(1, vocoder.spec.n_mels, 201, requires_grad=True)
        vocoder.spectra(mel + 0.1 * torch.randn_like(mel))[1][0, 5:, 100].sum().backward()
        seen = int((mel.grad[0].abs().sum(dim=0) > 0).sum())
        assert 30 < seen < 100 and config["segment_frames"] >= 2 * seen, path
