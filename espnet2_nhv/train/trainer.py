"""ESPnet's GAN trainer with a budget, a live line and a line an epoch."""

import argparse
import contextlib
import dataclasses
import logging
import time
from pathlib import Path
from typing import Callable, ClassVar, ContextManager, Iterable, Optional

import torch
from espnet2.train.gan_trainer import GANTrainer, GANTrainerOptions
from espnet2.train.reporter import aggregate
from espnet2.utils.build_dataclass import build_dataclass
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from espnet2_nhv.train import checkpoint, curve
from espnet2_nhv.train.budget import Budget
from espnet2_nhv.train.progress import Progress, describe, duration, how_far, live_line
from espnet2_nhv.train.resumed import Asked, schedulers_with_state

CLOCKS = dict(wall=time.perf_counter, cpu=time.process_time)
# What validation measures of every vocoder, whatever it is trained on.
_ON_THE_CURVE = ("mr_stft", "mel", "periodicity", "generator_loss")


@dataclasses.dataclass
class VocoderTrainerOptions(GANTrainerOptions):
    """GANTrainerOptions and, as :meth:`Budget.parse` reads them, the time of a training and of one epoch.

    `clock` is which time that is: 'wall', or 'cpu', what this process has computed, which others on the machine do not
    lengthen.
    """

    budget: Optional[str]
    max_epoch_time: Optional[str]
    clock: str
    trained: ClassVar[str] = ""  # what is to be said of the epoch once it is validated


class VocoderTrainer(GANTrainer):
    """GANTrainer that ends an epoch early when time is up, so that validation and saving still happen."""

    @classmethod
    def build_options(cls, args: argparse.Namespace) -> VocoderTrainerOptions:
        return build_dataclass(VocoderTrainerOptions, args)

    @staticmethod
    def resume(checkpoint, model, reporter, optimizers, schedulers, scaler, ngpu: int = 0, strict: bool = True) -> None:
        """ESPnet's, but rates and schedules are those that are given now, not those of the checkpoint."""
        asked = Asked(optimizers, schedulers)
        known = schedulers_with_state(checkpoint, schedulers)
        GANTrainer.resume(checkpoint, model, reporter, optimizers, known, scaler, ngpu, strict)
        for change in asked.restore():
            logging.info("from here on %s", change)

    @classmethod
    def run(cls, *, model, trainer_options, distributed_option, **others) -> None:
        """ESPnet's ``Trainer.run``: epochs until ``max_epoch``, or until the budget is spent."""
        folder = Path(trainer_options.output_dir)
        if _is_first(distributed_option):
            checkpoint.restore(folder)
        if distributed_option.distributed:
            torch.distributed.barrier()
        so_far = checkpoint.trained_so_far(folder) if trainer_options.resume else None
        if so_far and Budget.parse(trainer_options.budget).is_spent(so_far["seconds"], so_far["steps"]):
            logging.info(
                "the budget of %s is spent: %.0f s and %d steps",
                trainer_options.budget,
                so_far["seconds"],
                so_far["steps"],
            )
            if _is_first(distributed_option):
                checkpoint.average_best(folder, trainer_options.best_model_criterion, trainer_options.keep_nbest_models)
                checkpoint.release(folder)
            return
        try:
            with logging_redirect_tqdm():
                super().run(
                    model=model, trainer_options=trainer_options, distributed_option=distributed_option, **others
                )
        except RuntimeError as error:
            checkpoint.explain_failed_write(error, folder)
            raise
        if _is_first(distributed_option):
            checkpoint.release(folder)

    @classmethod
    def train_one_epoch(cls, model, iterator, reporter, options, distributed_option, **others) -> bool:
        """ESPnet's, cut short by the budget; when that is spent, this epoch is the last."""
        folder = Path(options.output_dir)
        budget, epoch_budget = Budget.parse(options.budget), Budget.parse(options.max_epoch_time)
        if _is_first(distributed_option):
            checkpoint.release(folder)
        vocoder_model = getattr(model, "module", model)
        steps_before, ms_before = int(vocoder_model.steps), int(vocoder_model.milliseconds)
        clock = CLOCKS[options.clock]
        start = clock()

        def is_over(steps: int) -> bool:
            seconds = clock() - start
            if epoch_budget.is_spent(seconds, steps):
                return True
            return budget.is_spent(ms_before / 1000 + seconds, steps_before + steps)

        def progress() -> Progress:
            seconds, steps = clock() - start, int(vocoder_model.steps) - steps_before
            epoch = max(epoch_budget.share(seconds, steps), min(1.0, steps / len(iterator)))
            done = ms_before / 1000 + seconds, steps_before + steps, reporter.get_epoch() - 1 + epoch
            return how_far(budget, *done, options.max_epoch, (steps / seconds, epoch / seconds))

        line = contextlib.nullcontext(lambda: None)
        if _is_first(distributed_option):
            line = live_line(f"epoch {reporter.get_epoch()}", reporter, progress)
        all_steps_are_invalid = super().train_one_epoch(
            model=model,
            iterator=_Batches(iterator, is_over, line),
            reporter=reporter,
            options=options,
            distributed_option=distributed_option,
            **others,
        )
        spent = torch.tensor(ms_before + round(1000 * (clock() - start)), device=vocoder_model.steps.device)
        if distributed_option.distributed:
            # Every process must come to the same conclusion.
            torch.distributed.all_reduce(spent, torch.distributed.ReduceOp.MAX)
        vocoder_model.milliseconds.copy_(spent)
        steps, seconds = int(vocoder_model.steps), clock() - start
        rate = f"{(steps - steps_before) / seconds:.3g} steps/s, {duration(seconds)}"
        options.trained = f"epoch {reporter.get_epoch()}, step {steps}: {describe(reporter)}; {rate}"
        if budget.is_spent(int(spent) / 1000, int(vocoder_model.steps)):
            logging.info("the budget of %s is spent: this was the last epoch", options.budget)
            # The one condition that ESPnet asks after it has validated and saved: patience of less than no epochs.
            options.patience = -1
        return all_steps_are_invalid

    @classmethod
    def validate_one_epoch(cls, model, iterator, reporter, options, distributed_option) -> None:
        """ESPnet's; what it saves afterwards cannot damage the checkpoint before."""
        quiet = None if _is_first(distributed_option) else True  # None: where there is no terminal
        super().validate_one_epoch(
            model=model,
            iterator=tqdm(iterator, desc="validation", unit="batch", leave=False, dynamic_ncols=True, disable=quiet),
            reporter=reporter,
            options=options,
            distributed_option=distributed_option,
        )
        if _is_first(distributed_option):
            logging.info("%s; validation: %s", options.trained, describe(reporter))
            _add_to_curve(Path(options.output_dir), getattr(model, "module", model), reporter)
            checkpoint.set_aside(Path(options.output_dir))


class _Batches:
    """The batches of an epoch, one at least, until `is_over(batches given)`.

    `line` is entered for as long and gives what is called after each of them.
    """

    def __init__(self, batches: Iterable, is_over: Callable[[int], bool], line: ContextManager[Callable[[], None]]):
        self.batches, self.is_over, self.line = batches, is_over, line

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self):
        with self.line as update:
            for count, batch in enumerate(self.batches, 1):
                yield batch
                update()
                if self.is_over(count):
                    return


def _add_to_curve(folder: Path, model, reporter) -> None:
    losses = {key: float(aggregate(values)) for key, values in reporter.stats.items() if not key.endswith("_time")}
    losses = {key: loss for key, loss in losses.items() if key in _ON_THE_CURVE}
    curve.add_point(folder, reporter.get_epoch(), int(model.steps), int(model.milliseconds) / 1000, losses)


def _is_first(distributed_option) -> bool:
    return not distributed_option.distributed or distributed_option.dist_rank == 0
