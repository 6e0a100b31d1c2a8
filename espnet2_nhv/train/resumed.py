"""A training that goes on takes its state from the checkpoint, and its options from those that are given now."""

import argparse
import inspect
import logging
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Union

import torch

# Options of which a training that goes on says that they are others than before; all of them count from then on.
_TOLD = (
    "optim_conf", "optim2_conf", "scheduler", "scheduler_conf", "scheduler2", "scheduler2_conf", "loss_weights",
    "stft_loss_conf", "periodicity_loss_conf", "band_level_loss_conf", "modulation_loss_conf",
    "adversarial_loss_conf", "feature_matching_loss_conf",
    "adversarial_start_steps", "generator_grad_norm", "discriminator_grad_norm", "batch_size", "accum_grad",
    "segment_frames", "valid_segments", "augment", "num_iters_per_epoch",
)  # fmt: skip


def say_what_changed(before: Dict[str, Any], args: argparse.Namespace) -> List[str]:
    """Log the options that are others than in the run before, `before` of its config.yaml; returns their names."""
    changed = [name for name in _TOLD if name in before and _plain(before[name]) != _plain(getattr(args, name))]
    for name in changed:
        logging.info("the training goes on with %s %s instead of %s", name, getattr(args, name), before[name])
    if args.init_vocoder is not None and args.init_vocoder != before.get("init_vocoder"):
        logging.warning(
            "--init_vocoder %s is not used: the training goes on from its own checkpoint", args.init_vocoder
        )
    return changed


class Asked:
    """What optimizers and schedulers were built with, before a checkpoint overwrites it.

    A checkpoint holds the options of an optimizer (rates, betas) and of a scheduler beside their state, and PyTorch
    takes both from it: without this, a rate that is given to a training that goes on would mean nothing.

    Parameters
    ----------
    optimizers : sequence of Optimizer
    schedulers : sequence of scheduler or None, one an optimizer
    """

    def __init__(self, optimizers: Sequence[torch.optim.Optimizer], schedulers: Sequence[Optional[Any]]):
        self.optimizers, self.schedulers = optimizers, schedulers
        self.groups = [[_options(group) for group in optimizer.param_groups] for optimizer in optimizers]
        self.schedules = [_arguments(scheduler) for scheduler in schedulers]

    def restore(self) -> List[str]:
        """Make them count again over what the checkpoint has brought; returns what that has changed, in words."""
        told = []
        for optimizer, scheduler, groups in zip(self.optimizers, self.schedulers, self.groups):
            for number, (group, asked) in enumerate(zip(optimizer.param_groups, groups)):
                told += _set_group(group, asked, scheduler, number)
        for scheduler, asked in zip(self.schedulers, self.schedules):
            for name, value in asked.items():
                if _plain(getattr(scheduler, name)) != _plain(value):
                    told.append(f"{name} {value} instead of {getattr(scheduler, name)}")
                    setattr(scheduler, name, value)
        return told


def schedulers_with_state(checkpoint: Union[str, Path], schedulers: Sequence[Optional[Any]]) -> Sequence[Optional[Any]]:
    """Schedulers that the checkpoint has a state of; of the others, which are new, the schedule begins here."""
    states = torch.load(checkpoint, map_location="cpu", mmap=True, weights_only=False)["schedulers"]
    for scheduler, state in zip(schedulers, states):
        if scheduler is not None and state is None:
            logging.info("%s is new to this training: its schedule begins here", type(scheduler).__name__)
    return [None if state is None else scheduler for scheduler, state in zip(schedulers, states)]


def _options(group: dict) -> dict:
    options = {name: value for name, value in group.items() if name not in ("params", "lr", "initial_lr")}
    return {**options, "lr": group.get("initial_lr", group["lr"])}


def _set_group(group: dict, asked: dict, scheduler: Optional[Any], number: int) -> List[str]:
    told = []
    for name, value in asked.items():
        had = group.get("initial_lr", group["lr"]) if name == "lr" else group.get(name)
        if _plain(had) == _plain(value):
            continue
        told.append(f"{name} {value} instead of {had}")
        if name != "lr":
            group[name] = value
            continue
        # Where the schedule has got to stays: half the first rate is half of the present one.
        group["lr"] = group["lr"] * value / had if had else value
        if "initial_lr" in group:
            group["initial_lr"] = value
        if scheduler is not None and getattr(scheduler, "base_lrs", None):
            scheduler.base_lrs[number] = value
    return told


def _arguments(scheduler: Optional[Any]) -> dict:
    """What a scheduler was built with, as far as it is plain values that it keeps under the same names."""
    if scheduler is None:
        return {}
    names = set(inspect.signature(type(scheduler).__init__).parameters) - {"self", "optimizer", "last_epoch", "verbose"}
    values = {name: vars(scheduler)[name] for name in names & set(vars(scheduler))}
    return {name: value for name, value in values.items() if isinstance(value, (int, float, str, list, tuple))}


def _plain(value: Any) -> Any:
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value
