"""Segments of a song in one PyTorch file, as DiffSinger writes them for a vocoder."""

import dataclasses
from pathlib import Path
from typing import Any, List, Optional, Tuple, Union

import numpy as np
import torch

from espnet2_nhv.errors import UserError, in_one_line
from espnet2_nhv.feature.numpy_files import MAX_BYTES

_LATEST = 24 * 3600.0  # s; a song is shorter


@dataclasses.dataclass(frozen=True)
class Segment:
    """A mel as stored, its F0 or None, and where in the song it begins, s."""

    mel: np.ndarray
    f0: Optional[np.ndarray]
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


def place(segments: List[Tuple[np.ndarray, float]], fs: int) -> np.ndarray:
    """A song of waveforms and their offsets (s); where one begins before another has ended, they are faded over.

    Parameters
    ----------
    segments : list of (ndarray [shape=(L,)], float >= 0, s)
    fs : int > 0, Hz

    Source: DiffSinger's own way to join segments.
    """
    if len(segments) == 1 and segments[0][1] == 0:
        return segments[0][0]
    placed = sorted(((round(offset * fs), wav) for wav, offset in segments), key=lambda pair: pair[0])
    song, end = np.zeros(max(start + len(wav) for start, wav in placed), dtype=np.float32), 0
    for start, wav in placed:
        overlap = min(max(end - start, 0), len(wav))
        fade = np.linspace(0.0, 1.0, overlap, dtype=np.float32)
        song[start : start + overlap] *= 1 - fade
        song[start : start + overlap] += fade * wav[:overlap]
        song[start + overlap : start + len(wav)] = wav[overlap:]
        end = max(end, start + len(wav))
    return song
