"""What a training says: one live line, one line an epoch. All that ESPnet says goes to train.log only."""

import contextlib
import dataclasses
import logging
import math
import sys
import time
from pathlib import Path
from typing import Callable, Iterator, Optional, Tuple

import espnet2.tasks.abs_task
from espnet.utils.cli_utils import get_commandline_args
from espnet2.train.reporter import SubReporter, aggregate
from tqdm import tqdm

import espnet2_nhv
from espnet2_nhv.train.budget import Budget

_OURS = str(Path(espnet2_nhv.__file__).parent)
_LIVE_STEPS = 20  # over which the live line's losses are means
_LIVE_SECONDS = 0.5
_PLAYERS = "generator", "discriminator"
_FORMAT = "{percentage:3.0f}%|{bar:10}| {desc}"


@contextlib.contextmanager
def log_to(path: Path) -> Iterator[None]:
    """Log everything to a file too, and of it on the console what this package says, and errors."""
    # Before ESPnet's own basicConfig, which does nothing once there is a handler.
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s: %(message)s")
    path.parent.mkdir(parents=True, exist_ok=True)
    root, handler = logging.getLogger(), logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s (%(module)s:%(lineno)d) %(levelname)s: %(message)s"))
    consoles = [h for h in root.handlers if getattr(h, "stream", None) in (sys.stdout, sys.stderr)]
    root.addHandler(handler)
    for console in consoles:
        console.addFilter(_is_for_people)
    logging.captureWarnings(True)
    try:
        logging.getLogger("espnet").info("command: %s", get_commandline_args())
        yield
    finally:
        logging.captureWarnings(False)
        for console in consoles:
            console.removeFilter(_is_for_people)
        root.removeHandler(handler)
        handler.close()


def _is_for_people(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.ERROR or (record.name == "root" and record.pathname.startswith(_OURS))


@contextlib.contextmanager
def without_echo() -> Iterator[None]:
    """Keep ESPnet's task from printing the command line, which :func:`log_to` logs."""
    names = vars(espnet2.tasks.abs_task)
    names["print"] = lambda *words, **options: None
    try:
        yield
    finally:
        del names["print"]


@dataclasses.dataclass(frozen=True)
class Progress:
    """How far a training is.

    Attributes
    ----------
    share : float in [0, 1], of the whole
    left : float, seconds to go
    """

    share: float
    left: float


def how_far(
    budget: Budget, seconds: float, steps: int, epochs: float, max_epoch: int, rates: Tuple[float, float]
) -> Progress:
    """What ends first, the budget or the last epoch, and how far it is.

    Parameters
    ----------
    budget : Budget
    seconds, steps, epochs : float, int, float, done so far
    max_epoch : int >= 1
    rates : tuple of steps and epochs a second
    """
    ends = [Progress(epochs / max_epoch, (max_epoch - epochs) / rates[1])]
    if budget.seconds is not None:
        ends.append(Progress(seconds / budget.seconds, budget.seconds - seconds))
    if budget.steps is not None:
        ends.append(Progress(steps / budget.steps, (budget.steps - steps) / rates[0]))
    first = min(ends, key=lambda end: end.left)
    return Progress(min(1.0, first.share), max(0.0, first.left))


@contextlib.contextmanager
def live_line(name: str, reporter: SubReporter, progress: Callable[[], Progress]) -> Iterator[Callable[[], None]]:
    """Show, where there is a terminal, how an epoch goes; gives a function to call after each step.

    Parameters
    ----------
    name : str, what is shown first
    reporter : SubReporter of the epoch
    progress : called now and then
    """
    # Not left to tqdm's own clock: what is shown costs more than a step of a small vocoder.
    with tqdm(total=1.0, desc=name, bar_format=_FORMAT, leave=False, dynamic_ncols=True, disable=None) as bar:
        shown = begin = time.perf_counter()
        step_before, count = reporter.get_total_count(), 0

        def update() -> None:
            nonlocal shown, count
            count += 1
            now = time.perf_counter()
            if bar.disable or now - shown < _LIVE_SECONDS:
                return
            shown, so_far = now, progress()
            rate = f"{count / (now - begin):.3g} steps/s, {duration(so_far.left)} left"
            bar.n = so_far.share
            bar.set_description_str(f"{name}, step {step_before + count}, {rate}, {describe(reporter, _LIVE_STEPS)}")

        yield update


def describe(reporter: SubReporter, last: Optional[int] = None) -> str:
    """The losses of an epoch, or of its last steps: ``generator 1.23 (mr_stft 0.98, ...), discriminator 4.01``."""
    means = {}
    for key, values in reporter.stats.items():
        if not key.endswith("_time") and not key.startswith("optim"):
            mean = aggregate(values[-last:] if last else values)
            if not math.isnan(mean):  # which stands for "not in these steps"
                means[key] = f"{mean:.3f}"
    whole = [f"{player} {means.pop(f'{player}_loss')}" for player in _PLAYERS if f"{player}_loss" in means]
    parts = ", ".join(f"{key} {mean}" for key, mean in means.items() if not key.startswith("discriminator_"))
    if whole and parts:
        whole[0] += f" ({parts})"
    return ", ".join(whole)


def duration(seconds: float) -> str:
    """``45 s``, ``4 min`` or ``3.2 h``."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5940 else f"{seconds / 3600:.1f} h"
