"""The bench measures what it says: rows, ratios, memory that grows only where it does."""

import json
import math

import pytest
import torch

from espnet2_nhv.bench.measure import _peak_memory, peak_memory, real_time_factors, training_step
from espnet2_nhv.bench.subjects import Subject, build_subject, subject_names
from espnet2_nhv.bench.table import as_markdown, run_bench
from espnet2_nhv.errors import UserError


class Clock:
    """Time that passes only where somebody sleeps: a busy machine's would pass meanwhile."""

    now = 0.0

    def perf_counter(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    monkeypatch.setattr("espnet2_nhv.bench.measure.time", clock := Clock())
    return clock


def test_real_time_factors_of_known_durations(clock):
    """Subjects that sleep for a known share of their audio's length."""
    subjects = {f"{share}": Subject(lambda s, share=share: lambda: clock.sleep(s * share)) for share in (0.02, 0.06)}
    rtf = real_time_factors(subjects, seconds=2.0, threads=1, repeats=3, limit=60.0)
    assert rtf == pytest.approx({"0.02": 0.02, "0.06": 0.06})


def test_what_would_take_too_long_is_left_out(clock):
    subjects = {"slow": Subject(lambda s: lambda: clock.sleep(s * 0.2))}
    assert real_time_factors(subjects, seconds=100.0, threads=1, repeats=3, limit=1.0) == {"slow": None}


def test_rows_and_table(tmp_path):
    rows = run_bench(["nhv", "world"], [1.0], [1], [1.0], [], repeats=2, limit=math.inf, device="cpu")
    json.dumps(rows)
    nhv, world = rows
    assert nhv["vocoder"] == "nhv" and nhv["params"] > 5e5 and nhv["saved_mb"] > 2
    assert nhv["speed_vs_world"] == pytest.approx(world["rtf"] / nhv["rtf"])
    table = as_markdown(rows)
    assert table.count("\n") == 3 and "x WORLD" in table and "x HiFi-GAN" not in table


def test_memory_of_nhv_does_not_grow_with_length():
    assert peak_memory("nhv", 120.0) < 60.0


def test_memory_measure_sees_what_is_taken(monkeypatch):
    """A subject that holds 200 MB for a moment."""
    from espnet2_nhv.bench import measure

    def synthesize(seconds):
        return lambda: torch.ones(int(50e6 * seconds) if seconds > 1 else 10)[:10].clone()

    monkeypatch.setattr(measure, "build_subject", lambda name: Subject(synthesize))
    grad, threads = torch.is_grad_enabled(), torch.get_num_threads()
    try:
        assert _peak_memory("held", 1.01) == pytest.approx(202, rel=0.1)
    finally:
        torch.set_grad_enabled(grad)
        torch.set_num_threads(threads)


@pytest.mark.slow
def test_training_step_is_measured():
    row = training_step("nhv", segments=2, samples=4096, device="cpu")
    assert row["train_step_seconds"] > 0 and row["train_peak_mb"] > 0


def test_unknown_name_is_refused():
    with pytest.raises(UserError, match="there is no vocoder 'x'"):
        build_subject("x")


def test_names_are_those_installed():
    assert {"nhv", "nhv-direct", "hifigan", "world"} <= set(subject_names())


def test_exports_are_rows():
    assert {"nhv-onnx", "nhv-torchscript"} <= set(subject_names())
    subject = build_subject("nhv-onnx")
    assert 3 < subject.saved_mb < 12 and len(subject.synthesize(0.5)()) == 86 * 256
