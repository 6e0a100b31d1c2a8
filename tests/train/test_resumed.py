"""A training that goes on: rates, schedules and losses are those that are given now, or said to be kept."""

import argparse

import pytest
import torch
from espnet2.schedulers.warmup_lr import WarmupLR
from espnet2.train.reporter import Reporter

from espnet2_nhv.train import recipe
from espnet2_nhv.train.resumed import say_what_changed
from espnet2_nhv.train.trainer import VocoderTrainer


def build(lr=1e-3, betas=(0.8, 0.99), warmup=10, schedule=WarmupLR):
    model = torch.nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, betas=betas, weight_decay=0.0)
    if schedule is WarmupLR:
        scheduler = WarmupLR(optimizer, warmup_steps=warmup)
    else:
        scheduler = schedule and schedule(optimizer)
    return model, optimizer, scheduler


def steps(optimizer, scheduler, count):
    for _ in range(count):
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
    return optimizer.param_groups[0]["lr"]


def checkpoint(tmp_path, model, optimizer, scheduler):
    states = dict(
        model=model.state_dict(), reporter=Reporter().state_dict(), optimizers=[optimizer.state_dict()],
        schedulers=[scheduler and scheduler.state_dict()], scaler=None,
    )  # fmt: skip
    torch.save(states, tmp_path / "checkpoint.pth")
    return tmp_path / "checkpoint.pth"


def go_on(path, model, optimizer, scheduler):
    VocoderTrainer.resume(path, model, Reporter(), [optimizer], [scheduler], None)


def test_a_changed_rate_counts(tmp_path, caplog):
    caplog.set_level("INFO")
    old = build()
    steps(*old[1:], 25)
    path = checkpoint(tmp_path, *old)
    undisturbed = steps(*old[1:], 5)
    same = build()
    go_on(path, *same)
    assert steps(*same[1:], 5) == pytest.approx(undisturbed) and "from here on" not in caplog.text
    new = build(lr=2e-4, betas=(0.9, 0.95), warmup=40)
    go_on(path, *new)
    group = new[1].param_groups[0]
    assert tuple(group["betas"]) == (0.9, 0.95) and len(new[1].state) == 0
    # As if it had had that rate and that warm-up from the first step on, 25 + 5 steps in.
    fresh = build(lr=2e-4, warmup=40)
    assert steps(*new[1:], 5) == pytest.approx(steps(*fresh[1:], 30))
    for words in ("lr 0.0002 instead of 0.001", "warmup_steps 40 instead of 10", "betas (0.9, 0.95) instead of"):
        assert f"from here on {words}" in caplog.text


@pytest.mark.parametrize(
    "before, after", [(None, None), ("exponential", "exponential"), (None, WarmupLR), (WarmupLR, None)]
)
def test_with_other_schedules_and_without(tmp_path, before, after):
    def exponential(optimizer):
        return torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.9)

    kinds = {None: None, WarmupLR: WarmupLR, "exponential": exponential}
    old = build(schedule=kinds[before])
    steps(*old[1:], 10)
    rate = old[1].param_groups[0]["lr"]
    new = build(lr=5e-4, schedule=kinds[after])
    go_on(checkpoint(tmp_path, *old), *new)
    assert new[1].param_groups[0]["lr"] == pytest.approx(rate / 2)
    if after == "exponential":
        assert steps(*new[1:], 2) == pytest.approx(rate / 2 * 0.81)


def test_what_changed_is_said(caplog):
    caplog.set_level("INFO")
    before = dict(
        loss_weights={"mr_stft": 1.0}, batch_size=8, optim_conf={"lr": 1e-3, "betas": [0.8, 0.99]}, init_vocoder=None
    )
    names = dict.fromkeys(("scheduler", "augment"))
    args = argparse.Namespace(**{**before, **names, "batch_size": 16, "optim_conf": {"lr": 1e-3, "betas": [0.8, 0.99]}})
    assert say_what_changed(before, args) == ["batch_size"]
    assert "goes on with batch_size 16 instead of 8" in caplog.text
    args = argparse.Namespace(**before, **names)
    args.init_vocoder = "pretrained/nhv"
    assert say_what_changed(before, args) == []
    assert "--init_vocoder pretrained/nhv is not used" in caplog.text


def test_shared_memory(tmp_path):
    assert recipe.shared_memory(str(tmp_path)) > 0
    assert recipe.shared_memory(str(tmp_path / "none")) == float("inf")
