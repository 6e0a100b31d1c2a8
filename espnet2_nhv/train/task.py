"""The task that ESPnet runs: train a vocoder."""

import argparse
import contextlib
from pathlib import Path
from typing import List, Optional

import numpy as np
import torch
from espnet2.tasks.abs_task import AbsTask, optim_classes
from espnet2.utils.nested_dict_action import NestedDictAction
from espnet2.utils.types import str_or_none
from tqdm import tqdm

from espnet2_nhv.discriminator.registry import build_discriminator
from espnet2_nhv.errors import UserError, in_one_line
from espnet2_nhv.feature.datadir import read_table
from espnet2_nhv.feature.mel import LogMel
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.train.augment import Augmentation, margin_frames
from espnet2_nhv.train.budget import Budget
from espnet2_nhv.train.model import ESPnetGANVocoderModel
from espnet2_nhv.train.optim import guard_gradients
from espnet2_nhv.train.progress import log_to, without_echo
from espnet2_nhv.train.segments import FreshSegments, SegmentDataset, collate
from espnet2_nhv.train.stats import load_stats
from espnet2_nhv.train.trainer import CLOCKS, VocoderTrainer
from espnet2_nhv.vocoder.registry import build_vocoder
from espnet2_nhv.vocoder.saved import load_vocoder

# Where this task differs from ESPnet's defaults, which are those of speech recognition.
_DEFAULTS = dict(
    vocoder="nhv",
    batch_type="unsorted",
    batch_size=16,
    shuffle_within_batch=True,
    generator_first=True,
    unused_parameters=True,  # each turn leaves the other's parameters alone
    multiprocessing_distributed=True,  # with one GPU or none this means nothing
    grad_clip=-1.0,
    optim="adamw",
    optim2="adamw",
    best_model_criterion=[("valid", "generator_loss", "min")],
    early_stopping_criterion=("valid", "generator_loss", "min"),
    val_scheduler_criterion=("valid", "generator_loss"),
    keep_nbest_models=[1],
    num_att_plot=0,
    use_matplotlib=False,  # takes seconds an epoch; tensorboard shows the same
    resume=True,
)


class GANVocoderTask(AbsTask):
    """Train any vocoder of the registry, with or without a discriminator."""

    num_optimizers: int = 2
    trainer = VocoderTrainer

    @classmethod
    def add_task_arguments(cls, parser: argparse.ArgumentParser) -> None:
        parser.set_defaults(**_DEFAULTS)
        add = parser.add_argument_group("Vocoder").add_argument
        add("--vocoder", help="a row of the registry; python -m espnet2_nhv.bin.list_vocoders shows them")
        add("--vocoder_conf", action=NestedDictAction, default={}, help="arguments of the vocoder's class")
        add("--spec", type=str_or_none, help="feature spec; spec.yaml beside the training data if not given")
        add("--stats_dir", type=str_or_none, help="statistics for normalisation; made there if missing")
        add("--init_vocoder", type=str_or_none, help="start from the weights of this saved vocoder (a folder)")
        add("--discriminator", default="hifigan_msmpd", help="a row of the registry, or none")
        add("--discriminator_conf", action=NestedDictAction, default={}, help="arguments of the discriminator's class")

        add = parser.add_argument_group("Losses").add_argument
        add(
            "--loss_weights", action=NestedDictAction, default=dict(mr_stft=1.0, adversarial=1.0),
            help="weights of mr_stft, mel, adversarial, feature_matching, the vocoder's own; those left out weigh 0",
        )  # fmt: skip
        add("--adversarial_start_steps", type=int, default=0, help="steps before the discriminator takes part")
        for loss in ("stft", "periodicity", "band_level", "modulation", "adversarial", "feature_matching"):
            add(f"--{loss}_loss_conf", action=NestedDictAction, default={}, help=f"arguments of the {loss} loss")
        add("--generator_grad_norm", type=float, default=-1.0, help="clip the generator's gradient to this norm")
        add("--discriminator_grad_norm", type=float, default=-1.0, help="clip the discriminator's to this norm")

        add = parser.add_argument_group("Segments and budget").add_argument
        add("--segment_frames", type=int, default=64, help="frames of a training segment")
        add(
            "--augment", action=NestedDictAction, default={},
            help="arguments of train/augment.py's Augmentation; without any, segments are trained on as they are",
        )  # fmt: skip
        add("--valid_segments", type=int, default=128, help="segments of the validation set, evenly spaced")
        add("--budget", type=str_or_none, help="time in training or steps, over all runs: 90s, 30m, 2h, 20000steps")
        add("--clock", default="wall", choices=list(CLOCKS), help="of times; cpu: what this process computes")
        add("--max_epoch_time", type=str_or_none, help="an epoch ends after so long, or after num_iters_per_epoch")

    @classmethod
    def check_args(cls, args: argparse.Namespace) -> None:
        """Refuse what ESPnet offers and this task cannot do."""
        if args.segment_frames < 1 or args.valid_segments < 1 or args.batch_size < 1:
            raise UserError("segment_frames, valid_segments and batch_size must be 1 or more")
        if not args.generator_first or args.skip_discriminator_prob > 0:
            raise UserError("the generator's turn comes first and none is skipped: leave generator_first true")
        if args.grad_clip > 0:
            raise UserError(
                "grad_clip takes one norm over generator and discriminator: "
                "use generator_grad_norm and discriminator_grad_norm, and leave it at -1"
            )
        for limit in (args.budget, args.max_epoch_time):
            Budget.parse(limit)
        if args.iterator_type != "sequence" or args.batch_type != "unsorted":
            raise UserError("segments are of one length: leave iterator_type at sequence and batch_type at unsorted")

    @classmethod
    def required_data_names(cls, train: bool = True, inference: bool = False):
        return ("feats",) if inference or not train else ("singing", "feats", "f0")

    @classmethod
    def optional_data_names(cls, train: bool = True, inference: bool = False):
        return ("singing", "f0")

    @classmethod
    def build_collate_fn(cls, args: argparse.Namespace, train: bool):
        return collate

    @classmethod
    def build_preprocess_fn(cls, args: argparse.Namespace, train: bool) -> None:
        return None

    @classmethod
    def build_dataset(cls, args: argparse.Namespace, iter_options, keys_to_load=None) -> SegmentDataset:
        spec = FeatureSpec.from_dict(args.spec)
        scp = {name: read_table(path) for path, name, _ in iter_options.data_path_and_name_and_type}
        parts = scp, spec, args.segment_frames, log_mel_of_silence(spec), iter_options.train
        if args.augment and iter_options.train and not args.collect_stats:
            key = args.augment.get("key", (1.0, 1.0))
            dataset = FreshSegments(*parts, key=key, margin_frames=margin_frames(spec))
        else:
            dataset = SegmentDataset(*parts)
        cls.check_task_requirements(dataset, args.allow_variable_data_keys, train=True)
        return dataset

    @classmethod
    def build_streaming_iterator(cls, *args, mode=None, **kwargs):
        """ESPnet's, with a progress bar: collect_stats has none."""
        loader = super().build_streaming_iterator(*args, mode=mode, **kwargs)

        def shown():  # not before its turn: ESPnet makes those of both sets at once
            name = f"statistics of {mode}"
            yield from tqdm(loader, name, unit="batch", leave=False, dynamic_ncols=True, disable=None)

        return shown()

    @classmethod
    def build_model(cls, args: argparse.Namespace) -> ESPnetGANVocoderModel:
        """The model; ``args.spec`` becomes the spec's values, so that config.yaml says it all."""
        cls.check_args(args)
        spec = FeatureSpec.from_dict(args.spec) if isinstance(args.spec, dict) else FeatureSpec.load(args.spec)
        args.spec = spec.to_dict()
        generator = build_vocoder(args.vocoder, spec, **args.vocoder_conf)
        if not generator.trainable:
            raise UserError(f"vocoder {args.vocoder} has nothing to train")
        if args.init_vocoder is not None:
            # With its statistics: they are part of what its weights were trained on.
            generator.load_state_dict(load_vocoder(args.init_vocoder, fuse=False).state_dict(), strict=True)
        elif not args.collect_stats and args.stats_dir is not None:
            mean, std = load_stats(args.stats_dir)
            generator.set_stats(torch.from_numpy(mean).float(), torch.from_numpy(std).float())
        discriminator = (
            None if args.collect_stats else build_discriminator(args.discriminator, **args.discriminator_conf)
        )
        return ESPnetGANVocoderModel(
            generator,
            discriminator,
            loss_weights=args.loss_weights,
            adversarial_start_steps=args.adversarial_start_steps,
            stft_loss_conf=args.stft_loss_conf,
            adversarial_loss_conf=args.adversarial_loss_conf,
            feature_matching_loss_conf=args.feature_matching_loss_conf,
            periodicity_loss_conf=args.periodicity_loss_conf,
            band_level_loss_conf=args.band_level_loss_conf,
            modulation_loss_conf=args.modulation_loss_conf,
            augmentation=_augmentation(args.augment, spec),
        )

    @classmethod
    def build_optimizers(cls, args: argparse.Namespace, model: ESPnetGANVocoderModel) -> List[torch.optim.Optimizer]:
        """One for the generator, one for the discriminator, both guarded against gradients that are not finite.

        Raises
        ------
        UserError
            For arguments that an optimizer does not take.
        """
        both, trained = [], dict(optim=model.generator.parameters(), optim2=model.discriminator_parameters())
        for name, parameters in trained.items():
            try:
                both.append(optim_classes[getattr(args, name)](parameters, **getattr(args, f"{name}_conf")))
            except (TypeError, ValueError) as error:
                raise UserError(f"{name}_conf: {in_one_line(error)}") from None
        generator, discriminator = both
        guard_gradients(generator, "generator", args.generator_grad_norm)
        guard_gradients(discriminator, "discriminator", args.discriminator_grad_norm)
        return [generator, discriminator]

    @classmethod
    def main_worker(cls, args: argparse.Namespace) -> None:
        """ESPnet's, with its log in ``output_dir/train.log`` too."""
        is_first = args.dist_rank in (None, 0)
        with log_to(Path(args.output_dir) / "train.log") if is_first else contextlib.nullcontext():
            super().main_worker(args)

    @classmethod
    def main(cls, args=None, cmd=None) -> None:
        """ESPnet's, without its echo of the command."""
        with without_echo():
            super().main(args, cmd)


def _augmentation(conf: dict, spec: FeatureSpec) -> Optional[Augmentation]:
    try:
        return Augmentation(spec, **conf) if conf else None
    except TypeError as error:
        raise UserError(f"augment: {in_one_line(error)}") from error


def log_mel_of_silence(spec: FeatureSpec) -> np.ndarray:
    """Log-mel ``(n_mels,)`` of digital silence: ESPnet's own floor may lie above the spec's."""
    return LogMel(spec)(torch.zeros(spec.hop_length))[0, :, 0].numpy()
