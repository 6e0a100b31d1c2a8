"""Trainings of a small HiFi-GAN on a dump of a few seconds, in a folder that a test module has for itself."""

import pytest
import torch
from tiny_dump import write_dump

from espnet2_nhv.bin.train import parse_args
from espnet2_nhv.train.recipe import train_vocoder


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A folder with a dump; tests train in it, each under its own name."""
    path = tmp_path_factory.mktemp("recipe")
    write_dump(path)
    return path


@pytest.fixture(autouse=True)
def here(root, monkeypatch):
    monkeypatch.chdir(root)


def options(name, *extra):
    return [
        "--train_data", "dump/train", "--valid_data", "dump/dev", "--stats_dir", "exp/stats",
        "--output_dir", f"exp/{name}", "--vocoder", "hifigan", "--vocoder_conf", "channels=16",
        "--discriminator", "none", "--loss_weights", "{mr_stft: 1.0, mel: 1.0}", "--segment_frames", "16",
        "--batch_size", "2", "--valid_segments", "4", "--num_iters_per_epoch", "3", "--use_tensorboard", "false",
        *extra,
    ]  # fmt: skip


def train(name, *extra):
    return train_vocoder(parse_args(options(name, *extra)))


def epochs(name):
    """ESPnet's reporter of what has been trained: {epoch: {phase: {key: value}}}."""
    return torch.load(f"exp/{name}/checkpoint.pth", weights_only=False)["reporter"]["stats"]
