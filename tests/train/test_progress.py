"""What a training says, and what it leaves to train.log."""

import contextlib
import logging
import sys
import warnings

import pytest
from espnet2.train.reporter import SubReporter

from espnet2_nhv.train import progress
from espnet2_nhv.train.budget import Budget
from espnet2_nhv.train.progress import describe, duration, how_far, log_to


def reporter_of(*steps):
    reporter = SubReporter("train", 1, 0)
    for step in steps:
        reporter.register(step)
        reporter.next()
    return reporter


def test_losses_in_words():
    first = dict(generator_loss=2.0, mr_stft=1.0, iter_time=0.1, optim0_lr0=1e-3)
    second = dict(generator_loss=4.0, mr_stft=1.5, discriminator_loss=3.0, discriminator_real=1.0)
    reporter = reporter_of(first, second)
    assert describe(reporter) == "generator 3.000 (mr_stft 1.250), discriminator 3.000"
    assert describe(reporter, last=1) == "generator 4.000 (mr_stft 1.500), discriminator 3.000"
    assert describe(reporter_of(dict(generator_loss=1.0))) == "generator 1.000"


@pytest.mark.parametrize(
    "seconds, said", [(0.4, "0 s"), (59.0, "59 s"), (150, "2 min"), (3600, "60 min"), (7200, "2.0 h")]
)
def test_durations(seconds, said):
    assert duration(seconds) == said


@pytest.mark.parametrize(
    "budget, share, left",
    [
        (None, 0.25, 300.0),  # a quarter of four epochs, at a hundred seconds each
        ("200s", 0.5, 100.0),
        ("2000steps", 0.05, 190.0),
        ("2h", 0.25, 300.0),  # the epochs end first
        ("90s", 1.0, 0.0),
    ],
)
def test_what_ends_first_counts(budget, share, left):
    found = how_far(Budget.parse(budget), seconds=100.0, steps=100, epochs=1.0, max_epoch=4, rates=(10.0, 0.01))
    assert (found.share, found.left) == (pytest.approx(share), pytest.approx(left))


def test_the_console_hears_us_and_errors(tmp_path, capsys):
    with clean_logging(sys.stderr), log_to(tmp_path / "exp" / "train.log"):
        logging.getLogger().handle(record("theirs", "/site-packages/espnet2/train/trainer.py"))
        logging.getLogger().handle(record("their error", "/site-packages/espnet2/train/trainer.py", logging.ERROR))
        logging.getLogger().handle(record("ours", progress.__file__))
        warnings.warn("a warning of a library")
    said, log = capsys.readouterr().err, (tmp_path / "exp" / "train.log").read_text()
    assert [line.partition(": ")[2] for line in said.splitlines()] == ["their error", "ours"]
    assert all(words in log for words in ("theirs", "their error", "ours", "a warning of a library", "command: "))


def record(message, path, level=logging.INFO):
    return logging.LogRecord("root", level, path, 1, message, (), None)


@contextlib.contextmanager
def clean_logging(stream):
    """Logging as in a fresh interpreter whose standard error is `stream`."""
    root = logging.getLogger()
    handlers, level, root.handlers = root.handlers, root.level, []
    try:
        yield
    finally:
        root.handlers = handlers
        root.setLevel(level)
