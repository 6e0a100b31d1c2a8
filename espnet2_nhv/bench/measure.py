"""The measurements themselves: time, interleaved; memory and training steps, each in a process of its own."""

import contextlib
import multiprocessing
import os
import statistics
import time
from pathlib import Path
from typing import Callable, Dict, List, Optional

import torch
from tqdm import tqdm

from espnet2_nhv.bench.example import example_features
from espnet2_nhv.bench.subjects import Subject, build_subject
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.loss.stft import MultiResolutionSTFTLoss
from espnet2_nhv.vocoder.registry import build_vocoder

# glibc keeps freed blocks for later; without this the peak counts them as if they were in use.
_RETURN_FREED_MEMORY = {"MALLOC_MMAP_THRESHOLD_": "65536"}


def real_time_factors(
    subjects: Dict[str, Subject], seconds: float, threads: int, repeats: int, limit: float
) -> Dict[str, Optional[float]]:
    """Median compute time over audio time of each subject, all taking turns so that noise hits them alike.

    Parameters
    ----------
    subjects : by name
    seconds : float > 0, of audio
    threads : int >= 1, for PyTorch
    repeats : int >= 1, rounds; a subject takes part in as many as fit into `limit`
    limit : float > 0, seconds of compute a subject may take; one whose single run exceeds it yields None
    """
    torch.set_num_threads(threads)
    times: Dict[str, List[float]] = {name: [] for name in subjects}
    runs = {}
    with torch.no_grad(), tqdm(total=repeats * len(subjects), dynamic_ncols=True, disable=None) as bar:
        for name, subject in subjects.items():
            # Speed at one second tells whether the whole length fits.
            short = subject.synthesize(1.0)
            short()
            if _timed(short) * seconds <= limit:
                runs[name] = subject.synthesize(seconds)
        for _ in range(repeats):
            for name in subjects:
                bar.set_description(f"{seconds:g} s, {threads} thread(s), {name}")
                spent = sum(times[name])
                typical = spent / len(times[name]) if times[name] else 0.0
                if name in runs and spent + typical <= limit:
                    times[name].append(_timed(runs[name]))
                bar.update()
    return {name: statistics.median(taken) / seconds if taken else None for name, taken in times.items()}


def _timed(run: Callable[[], object]) -> float:
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


def peak_memory(name: str, seconds: float, threads: int = 1) -> float:
    """Megabytes that synthesis takes at its highest, over the loaded model, its input and its output."""
    return _in_own_process(_RETURN_FREED_MEMORY, _peak_memory, name, seconds, threads)


def _peak_memory(name: str, seconds: float, threads: int = 1) -> float:
    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    subject = build_subject(name)
    subject.synthesize(1.0)()
    run = subject.synthesize(seconds)
    before = _reset_peak_rss()
    wav = run()
    n_bytes = wav.nbytes if hasattr(wav, "nbytes") else wav.numel() * wav.element_size()
    return (_rss("VmHWM") - before - n_bytes) / 1e6


def training_step(name: str, segments: int, samples: int, device: str) -> Dict[str, float]:
    """Seconds and peak megabytes of one generator step: forward, multi-resolution STFT loss, backward."""
    arguments = name, segments, samples, device
    return dict(
        train_step_seconds=_in_own_process({}, _training_time, *arguments),
        train_peak_mb=_in_own_process(_RETURN_FREED_MEMORY, _training_memory, *arguments),
    )


def _training_time(name: str, segments: int, samples: int, device: str) -> float:
    step = _generator_step(name, segments, samples, device)
    step()
    return statistics.median(_timed(step) for _ in range(5))


def _training_memory(name: str, segments: int, samples: int, device: str) -> float:
    _generator_step(name, 1, samples, device)()  # libraries take what they need once
    step = _generator_step(name, segments, samples, device)
    if device == "cpu":
        before = _reset_peak_rss()
        step()
        return (_rss("VmHWM") - before) / 1e6
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    step()
    return (torch.cuda.max_memory_allocated() - before) / 1e6


def _generator_step(name: str, segments: int, samples: int, device: str) -> Callable[[], None]:
    torch.manual_seed(0)
    spec = FeatureSpec()
    vocoder = build_vocoder(name, spec).to(device).train()
    loss = MultiResolutionSTFTLoss().to(device)
    features = example_features(spec, samples / spec.fs + 1)
    n_frames = samples // spec.hop_length
    mel = features["mel"][:n_frames].T.expand(segments, -1, -1).to(device)
    f0 = features["f0"][:n_frames].expand(segments, 1, -1).to(device)
    target = torch.randn(segments, 1, samples, device=device) * 0.1

    def step() -> None:
        vocoder.zero_grad()
        loss(vocoder(mel, f0)[:, 0], target[:, 0]).backward()
        if device != "cpu":
            torch.cuda.synchronize()

    return step


def _in_own_process(environment: Dict[str, str], function: Callable, *arguments):
    """What `function` returns in a fresh process: memory taken and freed before must not hide what it takes."""
    with _environment(environment), multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


@contextlib.contextmanager
def _environment(entries: Dict[str, str]):
    before = dict(os.environ)
    os.environ.update(entries)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _reset_peak_rss() -> int:
    Path("/proc/self/clear_refs").write_text("5")
    return _rss("VmRSS")


def _rss(entry: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(entry):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"/proc/self/status has no {entry}")
