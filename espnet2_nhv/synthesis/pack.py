"""Segments of a song in one PyTorch file, as DiffSinger writes them for a vocoder."""

import dataclasses
from pathlib import Path
from typing import Any, Iterable, Iterator, List, Tuple, Union

import numpy as np
import torch

from espnet2_nhv.errors import UserError, in_one_line
from espnet2_nhv.feature.numpy_files import MAX_BYTES
from espnet2_nhv.feature.pitch.curve import Curve
from espnet2_nhv.feature.stored import StoredArray

_LATEST = 24 * 3600.0  # s; a song is shorter
_SILENCE = 1 << 20  # samples at a time


@dataclasses.dataclass(frozen=True)
class Segment:
    """A mel as stored, its F0 (or a curve of it, or None), and where in the song it begins, s."""

    mel: Union[np.ndarray, StoredArray]
    f0: Union[np.ndarray, StoredArray, Curve, None]
    offset: float


@dataclasses.dataclass(frozen=True)
class Pack:
    """The segments of one song."""

    segments: List[Segment]


def read_pack(path: Union[str, Path]) -> Pack:
    """Read a file of ``torch.save``: a list of mappings with `mel`, `f0` and `offset` (s), or one such mapping.

    Raises
    ------
    UserError
        If it is missing, damaged, holds what could run code, or something else.
    """
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file") from None
    except Exception as error:  # damaged bytes fail in as many ways as there are bytes
        raise UserError(f"{path}: not tensors that PyTorch reads safely ({in_one_line(error)})") from None
    entries = loaded if isinstance(loaded, list) else [loaded]
    segments = [_segment(entry, number, path) for number, entry in enumerate(entries)]
    if not segments:
        raise UserError(f"{path}: there is no segment in it")
    return Pack(segments)


def _segment(entry: Any, number: int, path: Union[str, Path]) -> Segment:
    if not isinstance(entry, dict) or "mel" not in entry:
        what = ", ".join(map(str, entry)) if isinstance(entry, dict) else type(entry).__name__
        raise UserError(f"{path}: segment {number} has no mel in it, but {what or 'nothing'}")
    mel, f0, offset = entry["mel"], entry.get("f0"), entry.get("offset", 0.0)
    try:
        offset = float(offset.detach() if isinstance(offset, torch.Tensor) else offset)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        offset = float("nan")
    if not 0 <= offset < _LATEST:
        said = repr(entry["offset"])[:40]
        raise UserError(f"{path}: segment {number} begins at {said}, not at a number of seconds from 0 on")
    where = f"{path}: %s of segment {number}"
    return Segment(_numbers(mel, where % "mel"), None if f0 is None else _numbers(f0, where % "f0"), offset)


def _numbers(tensor: Any, where: str) -> np.ndarray:
    if not isinstance(tensor, torch.Tensor):
        raise UserError(f"{where} is not a tensor but {type(tensor).__name__}")
    if 4 * tensor.numel() > MAX_BYTES:  # one number can stand for any count of them
        raise UserError(f"{where} has {tensor.numel()} numbers, more than a song can have")
    if tensor.is_complex() or tensor.layout is not torch.strided or tensor.is_quantized:
        raise UserError(f"{where} is of {tensor.dtype}, {tensor.layout}: save plain numbers")
    return tensor.detach().float().numpy()


def placed(segments: Iterable[Tuple[int, np.ndarray]]) -> Iterator[np.ndarray]:
    """A song of waveforms, in blocks; where one begins before another has ended, they are faded over.

    Parameters
    ----------
    segments : iterable of (int >= 0, sample that it begins at; ndarray [shape=(L,)], float32), by where they begin

    Yields
    ------
    wav : ndarray [shape=(m,)], float32; all that is known once the next segment has come, silence in pieces

    Source: DiffSinger's own way to join segments.
    """
    at, tail = 0, np.zeros(0, dtype=np.float32)  # what may still be faded over, and where it begins
    for start, wav in segments:
        yield tail[: start - at]
        for begin in range(at + len(tail), start, _SILENCE):
            yield np.zeros(min(_SILENCE, start - begin), dtype=np.float32)
        tail, at = tail[start - at :], start
        overlap = min(len(tail), len(wav))
        fade = np.linspace(0.0, 1.0, overlap, dtype=np.float32)
        joined = np.zeros(max(len(tail), len(wav)), dtype=np.float32)
        joined[: len(tail)] = tail
        joined[:overlap] *= 1 - fade
        joined[:overlap] += fade * wav[:overlap]
        joined[overlap : len(wav)] = wav[overlap:]
        tail = joined
    yield tail
