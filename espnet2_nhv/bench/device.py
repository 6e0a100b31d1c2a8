"""A device against the CPU: do vocoders make the same sound on it, and how fast do they make it and learn."""

import argparse
import contextlib
import math
import statistics
import tempfile
import time
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Optional, Sequence

import torch
import torch.multiprocessing
from tqdm import tqdm

from espnet2_nhv.bench.example import example_features
from espnet2_nhv.errors import UserError, in_one_line
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.train.config import load_config
from espnet2_nhv.train.task import GANVocoderTask
from espnet2_nhv.vocoder.registry import VOCODERS, build_vocoder, vocoder_class

_DRAWS = ("rand", "randn", "rand_like", "randn_like", "randint")
_SECONDS = 0.5  # of audio, on which devices are compared
_RTF_SECONDS = 10.0


def parity(names: Optional[Sequence[str]], device: str, seconds: float) -> List[dict]:
    """How far each vocoder, with random weights, is from itself on the CPU, in single precision and in bfloat16.

    Noise is the same on both. TensorFloat is off.

    Parameters
    ----------
    names : rows of the registry, None for all that are trained
    device : of PyTorch
    seconds : float > 0, to spend; vocoders that there is no time for are not in the rows

    Returns
    -------
    rows : list of dict: vocoder; device (dB), bf16 (dB): the level of the difference less the signal's; problem: str,
        where it failed
    """

    def measure(name: str) -> dict:
        vocoder = build_vocoder(name).eval()
        with torch.no_grad():
            for parameter in vocoder.parameters():  # heads that start at zero would hide what comes before them
                parameter.add_(0.01 * torch.randn_like(parameter))
        mel, f0 = _batch(vocoder.spec, 1, _SECONDS)
        with torch.no_grad(), _same_noise():
            expected = vocoder(mel, f0)
        vocoder, mel, f0 = vocoder.to(device), mel.to(device), f0.to(device)
        with torch.no_grad(), _same_noise(), _exact():
            row = dict(device=_difference(vocoder(mel, f0), expected))
        with torch.no_grad(), _same_noise(), torch.autocast(torch.device(device).type, torch.bfloat16):
            row["bf16"] = _difference(vocoder(mel, f0), expected)
        return row

    return _rows(_trained(names), measure, seconds)


def speed(names: Optional[Sequence[str]], device: str, seconds: float, configs: Path, tiny: bool = False) -> List[dict]:
    """Real-time factor, and steps a second of a training as its configuration has it, discriminator included.

    Parameters
    ----------
    names : rows of the registry, None for all that are trained
    device : of PyTorch
    seconds : float > 0, to spend
    configs : folder of training configurations
    tiny : bool, a batch of two short segments and a second of audio, for a rehearsal

    Returns
    -------
    rows : list of dict: vocoder, parameters, rtf, steps a second; problem: str, where it failed
    """

    def measure(name: str) -> dict:
        vocoder = build_vocoder(name).eval().fuse().to(device)
        length = 1.0 if tiny else _RTF_SECONDS
        mel, f0 = (x.to(device) for x in _batch(vocoder.spec, 1, length))
        with torch.no_grad():
            taken = _timed(lambda: vocoder(mel, f0), device)
        return {
            "parameters": sum(parameter.numel() for parameter in vocoder.parameters()),
            "rtf": float(f"{taken / length:.3g}"),
            "steps a second": float(f"{1 / _training_step(configs / f'{name}.yaml', device, tiny):.3g}"),
        }

    return _rows(_trained(names), measure, seconds)


def _training_step(config: Path, device: str, tiny: bool) -> float:
    """Seconds that generator and discriminator take for a step together."""
    args = GANVocoderTask.get_parser().parse_args([])
    args = argparse.Namespace(**{**vars(args), **load_config(config)})
    args.spec, args.collect_stats, args.adversarial_start_steps = FeatureSpec().to_dict(), False, 0
    args.augment = {}  # here features are given
    frames, size = (16, 2) if tiny else (args.segment_frames, args.batch_size)
    model = GANVocoderTask.build_model(args).to(device).train()
    optimizers = GANVocoderTask.build_optimizers(args, model)
    spec = model.generator.spec
    mel, f0 = (x.to(device) for x in _batch(spec, size, frames * spec.hop_length / spec.fs))
    wav = 0.1 * torch.randn(size, mel.shape[-1] * spec.hop_length, device=device)
    batch = dict(singing=wav, feats=mel.transpose(1, 2), f0=f0.transpose(1, 2))

    def step() -> None:
        for generator in (True, False):
            result = model(forward_generator=generator, **batch)
            result["loss"].backward()
            optimizers[result["optim_idx"]].step()
            for optimizer in optimizers:
                optimizer.zero_grad()

    return _timed(step, device)


def _timed(run: Callable[[], object], device: str, repeats: int = 5) -> float:
    """Median of the seconds a call takes, the first one, which makes plans and caches, left out."""
    times = []
    for _ in range(repeats + 1):
        begin = time.perf_counter()
        run()
        if torch.device(device).type == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - begin)
        if sum(times) > 30:
            break
    return statistics.median(times[1:] or times)


def _rows(names: Sequence[str], measure: Callable[[str], Dict], seconds: float) -> List[dict]:
    rows, end = [], time.monotonic() + seconds
    for name in tqdm(names, dynamic_ncols=True, disable=None):
        if time.monotonic() > end:
            break
        torch.manual_seed(0)
        try:
            rows.append(dict(vocoder=name, **measure(name)))
        except (RuntimeError, UserError, ImportError) as error:  # the others are measured all the same
            rows.append(dict(vocoder=name, problem=in_one_line(error)))
    return rows


def _trained(names: Optional[Sequence[str]]) -> List[str]:
    """`names`, or all rows, but for those that learn nothing or need the recording; classes that fail are kept."""
    kept = []
    for name in names or VOCODERS:
        try:
            row = vocoder_class(name)
        except (UserError, ImportError):  # its package is missing: its row is to say so
            kept.append(name)
            continue
        if row.trainable and not row.needs_wav:
            kept.append(name)
    return kept


def _batch(spec: FeatureSpec, size: int, seconds: float):
    """Log-mel ``(size, n_mels, T)`` and F0 ``(size, 1, T)`` of a held note."""
    features = example_features(spec, seconds)
    mel, f0 = features["mel"].T[None], features["f0"].float()[None, None]
    return mel.repeat(size, 1, 1), f0.repeat(size, 1, 1)


def _difference(made: torch.Tensor, expected: torch.Tensor) -> float:
    """Level of the difference less that of the signal, dB."""
    error = (made.cpu().double() - expected.double()).square().mean()
    return round(10 * math.log10(max(float(error / expected.double().square().mean()), 1e-30)), 1)


@contextlib.contextmanager
def _exact() -> Iterator[None]:
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


@contextlib.contextmanager
def _same_noise() -> Iterator[None]:
    """PyTorch's draws come from the CPU in single precision: another device or precision draws other numbers."""
    originals = {name: getattr(torch, name) for name in _DRAWS}

    def on_cpu(name: str):
        def draw(*shape, device=None, **options):
            dtype = None
            if name.endswith("_like"):
                dtype = options.pop("dtype", shape[0].dtype)
                device, shape = device or shape[0].device, tuple(shape[0].shape)
            drawn = originals[name.removesuffix("_like")](*shape, device="cpu", **options)
            return drawn.to(device=device or "cpu", dtype=dtype or drawn.dtype)

        return draw

    torch.manual_seed(0)
    for name in _DRAWS:
        setattr(torch, name, on_cpu(name))
    try:
        yield
    finally:
        for name, original in originals.items():
            setattr(torch, name, original)


def together(device: str, seconds: float) -> List[dict]:
    """Whether two processes, one a GPU, agree on a sum (NCCL; Gloo on the CPU); on a machine of one GPU it says so."""
    is_cuda = torch.device(device).type == "cuda"
    if is_cuda and torch.cuda.device_count() < 2:
        return [dict(processes=2, result="not run: there is one GPU")]
    backend = "nccl" if is_cuda else "gloo"
    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(_sum_up, (backend, f"file://{folder}/meet"), nprocs=2)
    return [dict(processes=2, backend=backend, result="the same sum in both")]


def _sum_up(rank: int, backend: str, meeting: str) -> None:
    torch.distributed.init_process_group(backend, init_method=meeting, rank=rank, world_size=2)
    value = torch.full((4,), float(rank + 1), device=f"cuda:{rank}" if backend == "nccl" else "cpu")
    torch.distributed.all_reduce(value)
    if not bool((value == 3).all()):
        raise RuntimeError(f"the sum of 1 and 2 is {value.tolist()}")
    torch.distributed.destroy_process_group()
