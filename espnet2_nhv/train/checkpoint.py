"""Checkpoints that survive being killed while they are written."""

import os
import shutil
from pathlib import Path
from typing import Optional, Sequence, Union

import torch
from espnet2.main_funcs.average_nbest_models import average_nbest_models
from espnet2.train.reporter import Reporter

from espnet2_nhv.errors import UserError
from espnet2_nhv.files import sync_file, write_whole

_NAME, _BEFORE = "checkpoint.pth", "checkpoint.before.pth"
_CONFIG, _CONFIG_BEFORE = "config.yaml", "config.before.yaml"


def set_aside(folder: Path) -> None:
    """Before ESPnet writes ``checkpoint.pth`` in place: keep the one before under another name.

    While that other name is there, saving is not finished; an empty file stands for "there was none before".
    """
    if (folder / _NAME).exists():
        os.replace(folder / _NAME, folder / _BEFORE)
    else:
        (folder / _BEFORE).touch()


def config_of(folder: Path) -> Path:
    """The configuration of the training in `folder`: the one before, while ESPnet writes another in place."""
    before = folder / _CONFIG_BEFORE
    return before if before.exists() else folder / _CONFIG


def set_config_aside(folder: Path) -> None:
    """Before ESPnet writes ``config.yaml`` in place: keep the one before, until the first epoch begins."""
    if config_of(folder) == folder / _CONFIG and (folder / _CONFIG).exists():
        write_whole(folder / _CONFIG_BEFORE, (folder / _CONFIG).read_bytes())


def release(folder: Path) -> None:
    """After ESPnet has written everything: what was before is not needed any more."""
    (folder / _CONFIG_BEFORE).unlink(missing_ok=True)
    if (folder / _BEFORE).exists():
        sync_file(folder / _NAME)  # lest a power failure takes both
        (folder / _BEFORE).unlink()


def restore(folder: Path) -> None:
    """Before training goes on: if saving was not finished, go back to the checkpoint before it."""
    before = folder / _BEFORE
    if not before.exists():
        return
    if before.stat().st_size:
        os.replace(before, folder / _NAME)
    else:
        (folder / _NAME).unlink(missing_ok=True)
        before.unlink()


def trained_so_far(folder: Path) -> Optional[dict]:
    """``dict(seconds, steps, epoch)`` of the checkpoint in `folder`, or None where there is none."""
    path = folder / _NAME
    if not path.exists():
        return None
    try:
        # ESPnet's checkpoint holds optimizers and its reporter beside tensors; it is the user's own file.
        # Mapped, not read: only three numbers of it are wanted.
        states = torch.load(path, map_location="cpu", mmap=True, weights_only=False)
        model = states["model"]
        model["steps"], model["milliseconds"]
    except Exception as error:  # damaged bytes fail in as many ways as there are bytes
        raise UserError(
            f"{path}: damaged, or not a checkpoint of a vocoder's training ({type(error).__name__}): "
            "give another --output_dir, or remove that file to train from the start"
        ) from None
    return dict(seconds=int(model["milliseconds"]) / 1000, steps=int(model["steps"]), epoch=states["reporter"]["epoch"])


def average_best(folder: Path, criterion: Sequence[Sequence[str]], nbest: Union[int, Sequence[int]]) -> None:
    """ESPnet's means of the best models, where a training that was killed has not come to make them."""
    if all((folder / f"{phase}.{name}.ave.pth").exists() for phase, name, _ in criterion):
        return
    reporter = Reporter()
    reporter.load_state_dict(torch.load(folder / _NAME, map_location="cpu", mmap=True, weights_only=False)["reporter"])
    average_nbest_models(output_dir=folder, reporter=reporter, best_model_criterion=criterion, nbest=nbest)


def explain_failed_write(error: RuntimeError, folder: Path) -> None:
    """Raise a UserError if PyTorch failed to write because the disk is full; it says so in no clear way."""
    if "PytorchStreamWriter" in str(error) or "unexpected pos" in str(error):
        free = shutil.disk_usage(folder).free / 2**20
        raise UserError(
            f"{folder}: a checkpoint could not be written ({free:.0f} MiB are free on that disk): "
            "free some space and run the same command again; training goes on from the checkpoint before"
        ) from error
