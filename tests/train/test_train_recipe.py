"""Stage 4 as a user meets it: statistics, training, budgets, being killed, the best checkpoint, clear errors."""

import shutil
from pathlib import Path

import kaldiio
import numpy as np
import pytest
import torch
import yaml
from tiny_dump import SPEC
from tiny_training import epochs, here, options, root, train  # noqa: F401

from espnet2_nhv import load_vocoder
from espnet2_nhv.bin.train import parse_args
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.train.checkpoint import trained_so_far
from espnet2_nhv.train.curve import read_curve
from espnet2_nhv.train.finish import finish
from espnet2_nhv.train.stats import load_stats
from espnet2_nhv.train.trainer import CLOCKS
from espnet2_nhv.vocoder.registry import build_vocoder
from espnet2_nhv.vocoder.saved import load_card, save_vocoder


def test_budget_is_counted_over_runs_and_the_best_is_saved():
    train("steps", "--budget", "4steps")
    assert trained_so_far(Path("exp/steps"))["steps"] == 4
    assert sorted(epochs("steps")) == [1, 2]  # the second is cut short, but validated and saved

    folder = train("steps", "--budget", "8steps")
    so_far = trained_so_far(Path("exp/steps"))
    assert so_far["steps"] == 8 and so_far["seconds"] > 0
    stats = epochs("steps")
    assert sorted(stats) == [1, 2, 3, 4]
    assert [stats[epoch]["train"]["total_count"] for epoch in sorted(stats)] == [3, 4, 7, 8]

    curve = read_curve("exp/steps")
    assert [(point["epoch"], point["steps"]) for point in curve] == [(1, 3), (2, 4), (3, 7), (4, 8)]
    assert [point["mr_stft"] for point in curve] == pytest.approx(
        [stats[epoch]["valid"]["mr_stft"] for epoch in sorted(stats)], abs=1e-6
    )
    assert curve[-1]["seconds"] == pytest.approx(so_far["seconds"], abs=1e-3)

    before = Path("exp/steps/checkpoint.pth").stat().st_mtime_ns
    assert train("steps", "--budget", "8steps") == folder == Path("exp/steps/vocoder")
    assert Path("exp/steps/checkpoint.pth").stat().st_mtime_ns == before

    best = min(stats, key=lambda epoch: stats[epoch]["valid"]["generator_loss"])
    assert Path("exp/steps/valid.generator_loss.best.pth").resolve().name == f"{best}epoch.pth"
    states = torch.load(f"exp/steps/{best}epoch.pth", weights_only=True)
    saved = torch.load(folder / "vocoder.pth", weights_only=True)
    assert set(saved) == {name[len("generator.") :] for name in states if name.startswith("generator.")}
    assert all(torch.equal(value, states[f"generator.{name}"]) for name, value in saved.items())
    assert yaml.safe_load((folder / "training.yaml").read_text())["checkpoint"] == f"{best}epoch.pth"
    assert FeatureSpec.load("exp/steps/spec.yaml") == SPEC

    mean, _ = load_stats("exp/stats")
    vocoder = load_vocoder(folder)
    assert torch.allclose(vocoder.mel_mean[:, 0], torch.from_numpy(mean).float())
    assert load_card(folder)["trained_on"] == "dump/train"

    finish("exp/steps", "latest.pth", licence="CC0", trained_on="tones")
    assert load_card(folder)["licence"] == "CC0"
    assert yaml.safe_load((folder / "training.yaml").read_text())["steps"] == 8
    with pytest.raises(UserError, match="4epoch.pth"):
        finish("exp/steps", "5epoch.pth")

    # A training that was killed has no average; one that has nothing left to train makes it.
    for path in Path("exp/steps").glob("*.ave*.pth"):
        path.unlink()
    train("steps", "--budget", "8steps", "--inference_model", "valid.generator_loss.ave.pth")
    assert Path("exp/steps/valid.generator_loss.ave.pth").exists()

    # ESPnet's average of two checkpoints has the mean of their weights and the sum of their steps.
    states["steps"] = states["steps"] + 8
    torch.save(states, "exp/steps/valid.generator_loss.ave_2best.pth")
    finish("exp/steps", "valid.generator_loss.ave_2best.pth")
    assert yaml.safe_load((folder / "training.yaml").read_text())["steps"] == 8


def test_time_budget_shorter_than_an_epoch_makes_a_step():
    train("second", "--budget", "0.001s", "--num_iters_per_epoch", "1000")
    assert trained_so_far(Path("exp/second"))["steps"] == 1
    train("second", "--budget", "0.001s", "--num_iters_per_epoch", "1000")
    assert trained_so_far(Path("exp/second"))["steps"] == 1


def test_computing_may_be_what_counts(monkeypatch):
    """Others on the machine lengthen the hours of a training, not what it computes."""
    monkeypatch.setitem(CLOCKS, "cpu", iter(range(10**6)).__next__)  # each look at this clock is a second later
    train("computing", "--budget", "5s", "--clock", "cpu", "--num_iters_per_epoch", "1000")
    so_far = trained_so_far(Path("exp/computing"))
    assert 2 <= so_far["steps"] <= 5 and so_far["seconds"] >= 5


def test_an_epoch_ends_when_its_time_is_over():
    train("epochs", "--max_epoch", "2", "--max_epoch_time", "1steps")
    assert [values["train"]["total_count"] for values in epochs("epochs").values()] == [1, 2]


def test_statistics_are_those_of_the_training_set_and_made_once():
    train("stats", "--budget", "1steps")
    mels = np.concatenate([mel for _, mel in kaldiio.load_scp_sequential("dump/train/feats.scp")]).astype(np.float64)
    mean, std = load_stats("exp/stats")
    np.testing.assert_allclose(mean, mels.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(std, mels.std(axis=0), atol=1e-4)
    before = Path("exp/stats/train/feats_stats.npz").stat().st_mtime_ns
    train("stats", "--budget", "2steps")
    assert Path("exp/stats/train/feats_stats.npz").stat().st_mtime_ns == before

    # One utterance less is another training set.
    shutil.copytree("dump", "dump_less")
    lines = Path("dump_less/train/utt2num_frames").read_text().splitlines()
    Path("dump_less/train/utt2num_frames").write_text("\n".join(lines[1:]) + "\n")
    shutil.copytree("exp/stats", "exp/stats_less")
    train("less", "--budget", "1steps", "--train_data", "dump_less/train", "--stats_dir", "exp/stats_less")
    mels = np.concatenate([kaldiio.load_scp("dump/train/feats.scp")[line.split()[0]] for line in lines[1:]])
    np.testing.assert_allclose(load_stats("exp/stats_less")[0], mels.mean(axis=0), atol=1e-5)


def test_adversarial_training_and_starting_from_a_saved_vocoder():
    small = (
        "{scales: 1, scale_discriminator_params: {channels: 8, max_downsample_channels: 32, max_groups: 4},"
        " periods: [2], period_discriminator_params: {channels: 4, max_downsample_channels: 16}}"
    )
    weights = "{mr_stft: 1.0, mel: 1.0, adversarial: 1.0, feature_matching: 2.0}"
    first = train(
        "gan", "--discriminator", "hifigan_msmpd", "--discriminator_conf", small, "--loss_weights", weights,
        "--adversarial_start_steps", "2", "--budget", "3steps",
    )  # fmt: skip
    stats = epochs("gan")[1]
    assert np.isfinite(stats["train"]["discriminator_loss"]) and "discriminator_loss" not in stats["valid"]

    second = train("tuned", "--init_vocoder", str(first), "--budget", "1steps", "--optim_conf", "lr=1.0e-6")
    before, after = (torch.load(folder / "vocoder.pth", weights_only=True) for folder in (first, second))
    assert all((after[name] - before[name]).abs().max() < 2e-6 for name in before)
    assert torch.equal(after["mel_mean"], before["mel_mean"])


def other_spec(name="n_fft", value=1024, folder="dump_other"):
    shutil.copytree("dump", folder)
    values = {**SPEC.to_dict(), name: value}
    FeatureSpec.from_dict(values).save(f"{folder}/spec.yaml")


def test_what_the_user_can_mend():
    with pytest.raises(UserError, match="dump/none: no such folder"):
        train("bad", "--train_data", "dump/none")
    with pytest.raises(UserError, match="no vocoder 'hifigam'"):
        train("bad", "--vocoder", "hifigam")
    with pytest.raises(UserError, match="no_such_argument"):
        train("bad", "--vocoder_conf", "no_such_argument=1")
    for option, message in {
        "no_such_argument=1": "no_such_argument",
        "lr=-1e-3": "nvalid learning rate: -0.001",
    }.items():
        with pytest.raises(UserError, match=f"optim_conf: .*{message}"):
            train("bad", "--optim_conf", option)
    with pytest.raises(UserError, match="ngpu"):
        train("bad", "--ngpu", "99")
    with pytest.raises(UserError, match="grad_clip"):
        train("bad", "--grad_clip", "1.0")
    with pytest.raises(UserError, match="budget"):
        train("bad", "--budget", "soon")
    with pytest.raises(UserError, match="--train_data is missing"):
        parse_args(["--output_dir", "exp/bad"])
    Path("typo.yaml").write_text("vocodr: nhv\n")
    with pytest.raises(UserError, match="typo.yaml: there is no option 'vocodr'"):
        train("bad", "--config", "typo.yaml")

    with pytest.raises(UserError, match="trial"):
        train("bad", "--discriminator_conf", "trial=1", "--discriminator", "hifigan_msmpd")
    with pytest.raises(UserError, match="loss_weights"):
        train("bad", "--loss_weights", "melody=1.0")
    assert not Path("exp/bad").exists()

    shutil.copytree("dump/train", "dump/no_f0")
    Path("dump/no_f0/f0.scp").unlink()
    with pytest.raises(UserError, match="f0.scp is missing"):
        train("bad", "--train_data", "dump/no_f0")
    Path("dump/no_f0/f0.scp").write_text("another_utterance nowhere:1\n")
    with pytest.raises(UserError, match="no utterance has"):
        train("bad", "--train_data", "dump/no_f0")


def test_specs_that_differ_are_refused_before_anything_is_written():
    train("spec", "--budget", "1steps")
    other_spec()
    with pytest.raises(UserError, match="n_fft is 1024 but dump/train has 2048"):
        train("never", "--valid_data", "dump_other/dev")
    with pytest.raises(UserError, match="n_fft is 2048 but dump_other/spec.yaml has 1024"):
        train("never", "--spec", "dump_other/spec.yaml")
    other = ["--train_data", "dump_other/train", "--valid_data", "dump_other/dev"]
    with pytest.raises(UserError, match="statistics in exp/stats: n_fft is 2048 but dump_other/train has 1024"):
        train("never", *other)
    with pytest.raises(UserError, match="the training in exp/spec has 2048"):
        train("spec", *other, "--stats_dir", "exp/stats_other")
    save_vocoder(build_vocoder("hifigan", SPEC, channels=16), "exp/saved", licence="CC0", trained_on="nothing")
    with pytest.raises(UserError, match="the vocoder in exp/saved has 2048"):
        train("never", *other, "--stats_dir", "exp/stats_other", "--init_vocoder", "exp/saved")
    with pytest.raises(UserError, match="arguments is"):
        train("never", "--init_vocoder", "exp/saved", "--vocoder_conf", "channels=32")
    with pytest.raises(UserError, match="not a saved vocoder"):
        train("never", "--init_vocoder", "exp/spec")
    assert not Path("exp/never").exists() and not Path("exp/stats_other").exists()


def test_a_folder_holds_one_training():
    train("identity", "--budget", "1steps")
    before = Path("exp/identity/config.yaml").read_text()
    with pytest.raises(UserError, match="vocoder_conf was .*16.* and is now .*32"):
        train("identity", "--vocoder_conf", "channels=32", "--budget", "2steps")
    assert Path("exp/identity/config.yaml").read_text() == before
    Path("exp/foreign").mkdir()
    Path("exp/foreign/checkpoint.pth").write_text("something")
    with pytest.raises(UserError, match="no config.yaml of this task"):
        train("foreign")


def test_statistics_folder_of_something_else_is_left_alone():
    Path("exp/mine").mkdir(parents=True)
    Path("exp/mine/notes.txt").write_text("keep")
    with pytest.raises(UserError, match="does not hold statistics"):
        train("bad", "--stats_dir", "exp/mine")
    assert Path("exp/mine/notes.txt").read_text() == "keep"


def test_a_full_disk_costs_one_epoch(monkeypatch):
    train("full", "--max_epoch", "1")
    real = torch.save

    def no_space(states, path, *rest):
        if Path(path).name == "checkpoint.pth":
            Path(path).write_bytes(b"PK half of it")
            raise RuntimeError(
                "[enforce fail at inline_container.cc:664] . PytorchStreamWriter failed writing file data/3"
            )
        real(states, path, *rest)

    monkeypatch.setattr(torch, "save", no_space)
    with pytest.raises(UserError, match="exp/full: a checkpoint could not be written.*run the same command again"):
        train("full", "--max_epoch", "3")
    monkeypatch.setattr(torch, "save", real)
    train("full", "--max_epoch", "3")
    assert [values["train"]["total_count"] for values in epochs("full").values()] == [3, 6, 9]
    Path("exp/full/checkpoint.pth").write_bytes(b"PK half of it")
    with pytest.raises(UserError, match="checkpoint.pth: damaged"):
        train("full", "--max_epoch", "4")
