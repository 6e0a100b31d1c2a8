"""Stage 4: from features to a saved vocoder."""

import argparse
import contextlib
import logging
import os
import shutil
from pathlib import Path
from typing import Optional

import torch
import yaml

from espnet2_nhv.alone import alone_in
from espnet2_nhv.discriminator.registry import build_discriminator
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.balance import read_weights
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.train.checkpoint import config_of, set_config_aside
from espnet2_nhv.train.dump import Dump, require_same_spec
from espnet2_nhv.train.finish import finish
from espnet2_nhv.train.nodes import Nodes
from espnet2_nhv.train.provenance import provenance
from espnet2_nhv.train.resumed import say_what_changed
from espnet2_nhv.train.segments import list_segments, pick_evenly, write_shapes
from espnet2_nhv.train.stats import collect_stats
from espnet2_nhv.train.task import GANVocoderTask
from espnet2_nhv.vocoder.registry import build_vocoder, full_arguments, vocoder_class
from espnet2_nhv.vocoder.saved import load_card, save_vocoder

# What makes a checkpoint's tensors what they are.
_IDENTITY = ("vocoder", "vocoder_conf", "discriminator", "discriminator_conf", "optim", "optim2")

_SHARED_MB = 64  # a container's own default; batches of several readers are in it at once


def train_vocoder(args: argparse.Namespace) -> Path:
    """Check everything, collect statistics, train or go on training, save the best.

    Parameters
    ----------
    args : Namespace of :class:`GANVocoderTask`'s parser, with train_data, valid_data, licence, trained_on,
        sources and inference_model beside

    Returns
    -------
    folder : Path, of the saved vocoder

    Raises
    ------
    UserError
        For anything the user can mend, before anything is written.
    """
    nodes = Nodes(args)
    nodes.wait()
    if args.ngpu > torch.cuda.device_count():
        raise UserError(f"ngpu is {args.ngpu}, but PyTorch sees {torch.cuda.device_count()} GPUs here")
    train, valid = Dump.load(args.train_data), Dump.load(args.valid_data)
    spec = _agreed_spec(args.spec, train, valid)
    output_dir = Path(args.output_dir)
    if not vocoder_class(args.vocoder).trainable:
        return _save_as_it_is(args, spec, output_dir / "vocoder")
    if args.init_vocoder is not None:
        _check_init(args, spec)
    _check_same_training(args, spec, output_dir)
    facts = provenance(args)

    args.spec = spec.to_dict()
    _try_to_build(args)
    with alone_in(output_dir) if nodes.count == 1 else contextlib.nullcontext():
        collect_stats(GANVocoderTask, args, train, valid)
        _write_segments(args, train, valid, spec, max(args.ngpu, 1) * nodes.count)
        spec.save(output_dir / "spec.yaml")
        nodes.announce()
        args.train_data_path_and_name_and_type = train.sources()
        args.valid_data_path_and_name_and_type = valid.sources()
        if args.num_workers is None:
            # Reading a segment takes a millisecond: on a CPU a reader would only take a core from the training.
            args.num_workers = min(4, os.cpu_count() or 1) if args.ngpu > 0 else 0
        if args.num_workers and (free := shared_memory()) < _SHARED_MB:
            logging.warning("/dev/shm has %d MB free, too few for processes that read segments: there are none", free)
            args.num_workers = 0
        if nodes.is_first:
            set_config_aside(output_dir)
        GANVocoderTask.main(args=args)
        if not nodes.is_first:
            return output_dir / "vocoder"
        return finish(output_dir, args.inference_model, *facts)


def shared_memory(folder: str = "/dev/shm") -> float:
    """MB free where processes hand each other tensors; infinite where there is no such folder."""
    try:
        return shutil.disk_usage(folder).free / 2**20
    except OSError:
        return float("inf")


def _save_as_it_is(args: argparse.Namespace, spec: FeatureSpec, folder: Path) -> Path:
    logging.info("there is nothing to train in %s: it is saved as it is", args.vocoder)
    vocoder = build_vocoder(args.vocoder, spec, **args.vocoder_conf)
    save_vocoder(vocoder, folder, licence="none needed: no weights", trained_on="nothing")
    return folder


def _try_to_build(args: argparse.Namespace) -> None:
    """What ESPnet builds later, so that a wrong argument is found before a folder is made or a process is spawned."""
    build_discriminator(args.discriminator, **args.discriminator_conf)
    model = GANVocoderTask.build_model(argparse.Namespace(**{**vars(args), "collect_stats": True}))
    GANVocoderTask.build_optimizers(args, model)


def _agreed_spec(path: Optional[str], train: Dump, valid: Dump) -> FeatureSpec:
    require_same_spec(
        valid.spec, train.spec, f"features in {valid.folder}", str(train.folder), "extract both with one spec"
    )
    if path is not None:
        require_same_spec(
            train.spec, FeatureSpec.load(path), f"features in {train.folder}", str(path),
            "extract them again with that spec, or leave --spec out",
        )  # fmt: skip
    return train.spec


def _check_init(args: argparse.Namespace, spec: FeatureSpec) -> None:
    card = load_card(args.init_vocoder)
    where = f"{args.init_vocoder}/vocoder.yaml"
    require_same_spec(
        spec, FeatureSpec.from_dict(card["spec"], where=where), f"features in {args.train_data}",
        f"the vocoder in {args.init_vocoder}", "extract them again with its spec, or start without --init_vocoder",
    )  # fmt: skip
    # With defaults written out on both sides: one may spell what the other leaves out.
    had, wanted = card["arguments"], full_arguments(args.vocoder, **args.vocoder_conf)
    if card["vocoder"] == args.vocoder:
        had = full_arguments(args.vocoder, **{**vocoder_class(args.vocoder).before, **had})
    for name, have, want in (("vocoder", card["vocoder"], args.vocoder), ("arguments", had, wanted)):
        if have != want:
            raise UserError(f"{where}: {name} is {have} but this training has {want}: its weights would not fit")


def _check_same_training(args: argparse.Namespace, spec: FeatureSpec, output_dir: Path) -> None:
    """A folder holds one training; what would not fit its checkpoint is refused before it is touched."""
    if not args.resume or not any(output_dir.glob("checkpoint*.pth")):
        return
    try:
        before = yaml.safe_load(config_of(output_dir).read_text(encoding="utf-8"))
        FeatureSpec.from_dict(before["spec"])
    except (OSError, yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError):
        raise UserError(
            f"{output_dir}: has a checkpoint but no config.yaml of this task: give another --output_dir"
        ) from None
    require_same_spec(
        spec, FeatureSpec.from_dict(before["spec"]), f"features in {args.train_data}",
        f"the training in {output_dir}", "give another --output_dir (or --tag)",
    )  # fmt: skip
    for name in _IDENTITY:
        if before.get(name) != getattr(args, name):
            raise UserError(
                f"{output_dir}: {name} was {before.get(name)} and is now {getattr(args, name)}: "
                "give another --output_dir (or --tag), or the configuration it was begun with"
            )
    say_what_changed(before, args)


def _write_segments(args: argparse.Namespace, train: Dump, valid: Dump, spec: FeatureSpec, n_processes: int) -> None:
    all_valid = list_segments(valid.n_frames, args.segment_frames, multiple_of=n_processes)
    segments = dict(
        train=list_segments(
            train.n_frames, args.segment_frames, args.batch_size, read_weights(train.folder, train.n_frames)
        ),
        valid=pick_evenly(all_valid, max(args.valid_segments // n_processes, 1) * n_processes),
    )
    folder = Path(args.output_dir) / "segments"
    for name, names in segments.items():
        write_shapes(folder / name, names, spec, args.segment_frames)
        setattr(args, f"{name}_shape_file", [str(folder / name)])
    logging.info("%d segments to train on, %d for validation", *map(len, segments.values()))
