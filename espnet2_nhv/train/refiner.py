"""Training a refiner of mels: a loop of its own, for it has one network, one loss and no waveform."""

import logging
import time
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple, Union

import numpy as np
import torch
from tqdm import tqdm

from espnet2_nhv.errors import UserError, in_one_line
from espnet2_nhv.feature.ark import ArkTable
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.files import whole_file
from espnet2_nhv.refiner.degrade import blurred
from espnet2_nhv.refiner.network import MelRefiner
from espnet2_nhv.refiner.saved import save_refiner
from espnet2_nhv.refiner.statistics import MelStatistics
from espnet2_nhv.train.budget import Budget

_SECONDS_A_CHECKPOINT = 60.0
# Of the mean that the progress bar shows.
_SMOOTHING = 0.98


def train_refiner(
    data: Union[str, Path],
    out: Union[str, Path],
    predicted: Optional[Union[str, Path]] = None,
    budget: Optional[str] = None,
    batch_size: int = 16,
    segment_frames: int = 128,
    lr: float = 5e-4,
    device: str = "cpu",
    licence: str = "unknown",
    trained_on: str = "unknown",
    **refiner_conf: Any,
) -> Path:
    """Train on pairs of mels, or go on where a training stopped, and save.

    Parameters
    ----------
    data : set with the recordings' features, e.g. dump/train
    out : folder, for checkpoint.pth and the saved refiner
    predicted : set with an acoustic model's features of the same utterances, timed as the recordings are (teacher
        forcing); half of each batch is of them, the other half blurred by :func:`blurred`, as all of it is without them
    budget : as :meth:`Budget.parse` reads it, over all runs; None takes 10000 steps
    batch_size, segment_frames : int >= 1
    lr : float > 0
    device : where to compute
    licence, trained_on : see :func:`save_vocoder`
    **refiner_conf : arguments of :class:`MelRefiner`

    Returns
    -------
    folder : Path, of the saved refiner

    Raises
    ------
    UserError
        If features are missing, or are not of one spec.
    """
    out, limit = Path(out), Budget.parse(budget or "10000steps")
    spec, pairs = _pairs(Path(data), None if predicted is None else Path(predicted), segment_frames)
    torch.manual_seed(0)
    refiner = MelRefiner(spec, **refiner_conf).to(device)
    optimizer = torch.optim.AdamW(refiner.parameters(), lr=lr)
    out.mkdir(parents=True, exist_ok=True)
    state = _resume(out / "checkpoint.pth", refiner, optimizer)
    if state["steps"] == 0:
        given = MelStatistics.of(tqdm(pairs[0].values(), desc="statistics", leave=False, disable=None))
        refiner.set_stats(torch.from_numpy(given.mean).float(), torch.from_numpy(given.std).float())
    refiner.train()
    mean, began, saved = None, time.perf_counter() - state["seconds"], time.perf_counter()
    with tqdm(desc="refiner", unit="step", initial=state["steps"], dynamic_ncols=True, disable=None) as bar:
        while not limit.is_spent(time.perf_counter() - began, state["steps"]):
            # Each step's segments follow from its number: a training that is resumed draws on.
            rng = np.random.default_rng(state["steps"])
            torch.manual_seed(state["steps"])
            given, recorded = (x.to(device) for x in _batch(pairs, rng, batch_size, segment_frames))
            optimizer.zero_grad()
            loss = refiner.loss(given, recorded)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(refiner.parameters(), 1.0)
            optimizer.step()
            state["steps"] += 1
            mean = loss.item() if mean is None else _SMOOTHING * mean + (1 - _SMOOTHING) * loss.item()
            bar.update()
            bar.set_postfix(loss=f"{mean:.4f}")
            if time.perf_counter() - saved > _SECONDS_A_CHECKPOINT:
                state["seconds"], saved = time.perf_counter() - began, time.perf_counter()
                _keep(out / "checkpoint.pth", refiner, optimizer, state)
    state["seconds"] = time.perf_counter() - began
    _keep(out / "checkpoint.pth", refiner, optimizer, state)
    if mean is not None:
        logging.info("refiner: %d steps, loss %.4f", state["steps"], mean)
    save_refiner(refiner, out / "refiner", licence, trained_on)
    return out / "refiner"


def _pairs(data: Path, predicted: Optional[Path], segment_frames: int) -> Tuple[FeatureSpec, List[ArkTable]]:
    """The spec, and the tables of recordings and, where there are some, of an acoustic model's mels."""
    spec, recorded = FeatureSpec.load(data.parent / "spec.yaml"), ArkTable(data / "feats.scp")
    if not len(recorded):
        raise UserError(f"{data}: there are no features in it")
    if predicted is None:
        return spec, [recorded]
    other = FeatureSpec.load(predicted.parent / "spec.yaml")
    for name, value in spec.to_dict().items():
        if getattr(other, name) != value:
            raise UserError(f"features in {predicted} have {name} {getattr(other, name)}, those in {data} {value}")
    table = ArkTable(predicted / "feats.scp")
    if not set(table) & set(recorded):
        raise UserError(f"{predicted}: none of its utterances is in {data}")
    return spec, [recorded, table]


def _batch(tables: List[ArkTable], rng: np.random.Generator, size: int, n_frames: int) -> Tuple[torch.Tensor, ...]:
    """Given and recorded mels, each ``(size, n_mels, n_frames)``; short utterances are held at their last frame."""
    recorded, names = tables[0], [sorted(tables[0])]
    if len(tables) == 2:
        names.append(sorted(set(tables[0]) & set(tables[1])))
    given_parts, recorded_parts = [], []
    for index in range(size):
        # By turns blurred and predicted, where there are predicted ones.
        kind = index % len(tables)
        utt = names[kind][rng.integers(len(names[kind]))]
        both = [recorded[utt]] if kind == 0 else [recorded[utt], tables[1][utt]]
        length = min(map(len, both))
        if max(map(len, both)) - length > 1:
            raise UserError(f"{utt}: {len(both[0])} frames are recorded and {len(both[1])} predicted: not one timing")
        begin = int(rng.integers(max(length - n_frames, 0) + 1))
        frames = np.minimum(np.arange(begin, begin + n_frames), length - 1)
        recorded_parts.append(torch.from_numpy(both[0][frames].T.copy()))
        given_parts.append(None if kind == 0 else torch.from_numpy(both[1][frames].T.copy()))
    target = torch.stack(recorded_parts)
    smooth = blurred(target)
    given = torch.stack([smooth[k] if part is None else part for k, part in enumerate(given_parts)])
    return given, target


def _resume(path: Path, refiner: MelRefiner, optimizer: torch.optim.Optimizer) -> Dict[str, float]:
    if not path.exists():
        return dict(steps=0, seconds=0.0)
    try:
        states = torch.load(path, map_location=refiner.mel_mean.device, weights_only=True)
        refiner.load_state_dict(states["refiner"], strict=True)
        optimizer.load_state_dict(states["optimizer"])
        return dict(steps=int(states["steps"]), seconds=float(states["seconds"]))
    except Exception as error:  # damaged bytes fail in as many ways as there are bytes
        reason = in_one_line(error)
        raise UserError(
            f"{path}: damaged, or of another refiner ({reason}): remove it, or give another --out"
        ) from None


def _keep(path: Path, refiner: MelRefiner, optimizer: torch.optim.Optimizer, state: Dict[str, float]) -> None:
    with whole_file(path) as part:
        torch.save(dict(refiner=refiner.state_dict(), optimizer=optimizer.state_dict(), **state), part)
