"""F0 curves in the files people have them in: csv and tables of time and Hz, NumPy, Kaldi, MIDI."""

import re
from pathlib import Path
from typing import List, Optional, Tuple, Union

import numpy as np

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.datadir import read_table
from espnet2_nhv.feature.finding import AUDIO
from espnet2_nhv.feature.kaldi import load_place, open_archive
from espnet2_nhv.feature.numpy_files import load_arrays
from espnet2_nhv.feature.pitch.curve import Curve
from espnet2_nhv.text import existing_path, read_text

TABLES = (".csv", ".tsv", ".txt", ".f0", ".pitch")
MIDI = (".mid", ".midi")
SUFFIXES = (*TABLES, ".npy", ".npz", *MIDI)
_PLACE = re.compile(r".+\.ark:\d+(\[.*\])?$")
_UNVOICED = {"", "-", "nan", "--undefined--", "undefined", "none", "null"}
_TIME_NAMES, _F0_NAMES = ("time", "start", "sec"), ("f0", "pitch", "freq", "hz")
_KEYS = ("f0", "cf0", "pitch", "frequency", "arr_0")  # in npz files
_TIME_KEYS = ("time", "times", "timestamps", "t")


def find_curve(source: Union[str, Path], name: str, is_single: bool = False) -> Curve:
    """The curve of one recording or utterance.

    Parameters
    ----------
    source : a file of one curve; Kaldi's scp or ark of many; a folder of files called as the recordings are
    name : str, of the recording, without suffix; in a scp or ark its id
    is_single : bool, whether there is only this recording, so that a file of one curve is meant for it

    Raises
    ------
    UserError
        If there is no such curve, or it cannot be read.
    """
    source, file = Path(source), curve_file(source, name)
    if source.is_dir():
        if not file.exists():
            raise UserError(f"{source}: there is no F0 of {name} in it: no {name}{', '.join(SUFFIXES)}")
        return read_curve(file)
    if source.suffix == ".scp":
        table = read_table(source)
        if name not in table:
            raise UserError(f"{source}: there is no F0 of {name} in it")
        return read_curve(table[name])
    if source.suffix == ".ark":
        return _kaldi_archive(source, name, is_single)
    if not is_single:
        raise UserError(f"{source}: it is the F0 of one recording: give a folder or a scp of several")
    return read_curve(source)


def curve_file(source: Union[str, Path], name: str) -> Path:
    """The file that :func:`find_curve` reads: in a folder that of the name, where there is one."""
    source = Path(source)
    if not source.is_dir():
        return source
    # so-vits-svc puts x.wav.f0.npy beside x.wav.
    names = [f"{name}{suffix}" for suffix in (*SUFFIXES, *(f"{sound}.f0.npy" for sound in ("", *AUDIO)))]
    paths = (Path(existing_path(source / name)) for name in names)
    return next((path for path in paths if path.exists()), source / name)


def read_curve(place: Union[str, Path]) -> Curve:
    """Read the one curve of a file.

    Parameters
    ----------
    place : path of a table of time (s) and F0 (Hz) as Praat, Tony, Sonic Visualiser and vocadito write it, or of start,
        end and F0 as Audacity's labels have it; of a NumPy file of F0 a frame (npy), of time and F0 (npy ``(N, 2)``,
        npz ``time`` and ``f0``); of a MIDI file; or Kaldi's ``FILE.ark:OFFSET``. 0, NaN and Praat's ``--undefined--``
        are unvoiced

    Raises
    ------
    UserError
        If it is missing or holds no curve.
    """
    path, where = Path(existing_path(place)), str(place)
    if _PLACE.match(where):
        try:
            return _of_array(np.asarray(load_place(where)), where)
        except (FileNotFoundError, ValueError):
            raise UserError(f"{where}: there is no such file, or no F0 in it") from None
    if not path.is_file():
        raise UserError(f"{where}: there is no such file to read F0 from")
    if path.suffix.lower() in MIDI:
        from espnet2_nhv.feature.pitch.midi import read_midi

        return read_midi(path)
    if path.suffix.lower() in (".npy", ".npz"):
        return _read_numpy(path)
    return _read_table(path)


def _read_numpy(path: Path) -> Curve:
    arrays = load_arrays(path)
    if path.suffix.lower() == ".npy":
        return _of_array(arrays["arr_0"], str(path))
    key = next((key for key in _KEYS if key in arrays), None)
    if key is None:
        raise UserError(f"{path}: none of {', '.join(_KEYS)} is in it, but {', '.join(arrays) or 'nothing'}")
    time = next((arrays[key] for key in _TIME_KEYS if key in arrays), None)
    if time is None:
        return _of_array(arrays[key], str(path))
    if np.size(time) != np.size(arrays[key]):
        raise UserError(f"{path}: {np.size(time)} times and {np.size(arrays[key])} values of F0 do not belong together")
    return Curve(arrays[key], np.reshape(time, -1), where=str(path))


def _of_array(array: np.ndarray, where: str) -> Curve:
    """One value a frame, or two columns of time and F0."""
    if not np.issubdtype(array.dtype, np.number):
        raise UserError(f"{where}: it holds {array.dtype}, not numbers")
    array = np.squeeze(array)
    if array.ndim == 2 and array.shape[1] == 2:
        return Curve(array[:, 1], array[:, 0], where=where)
    if array.ndim > 1:
        raise UserError(f"{where}: an array of shape {array.shape} is neither F0 a frame nor (N, 2) of time and F0")
    return Curve(np.atleast_1d(array), where=where)


def _kaldi_archive(path: Path, name: str, is_single: bool) -> Curve:
    curves = dict(open_archive(path))
    if is_single and len(curves) == 1:
        return _of_array(np.asarray(next(iter(curves.values()))), str(path))
    if name not in curves:
        raise UserError(f"{path}: there is no F0 of {name} in it, which has {', '.join(list(curves)[:3])}")
    return _of_array(np.asarray(curves[name]), f"{name} in {path}")


def _read_table(path: Path) -> Curve:
    lines = read_text(path, "a table of time and F0").splitlines()
    if lines and "ooTextFile" in lines[0]:
        raise UserError(f"{path}: an object file of Praat: save the pitch listing (time and F0, a line each) instead")
    rows = [_split(line) for line in lines if line.strip() and not line.lstrip().startswith("#")]
    header = [cell.lower() for cell in rows[0]] if rows and not _is_number(rows[0][0]) else []
    rows = rows[1:] if header else rows
    if not rows:
        raise UserError(f"{path}: there is no line of time and F0 in it")
    table = []
    for number, row in enumerate(rows, start=1):
        if not _is_number(row[0]):
            raise UserError(f"{path}: {' '.join(row)!r} (line {number} of its values) does not begin with a time")
        table.append(row)
    n_columns = min(map(len, table))
    if n_columns < 2:
        raise UserError(f"{path}: a table of F0 has two columns, time in seconds and Hz")
    time_at, f0_at = _columns(header)
    time = np.array([float(row[time_at]) for row in table])
    voiced_at = header.index("voiced") if "voiced" in header else None
    f0 = np.array([_hz(row[f0_at], path) for row in table])
    if voiced_at is not None:
        f0[[row[voiced_at].lower() in ("0", "false", "no") for row in table]] = 0.0
    if not header and n_columns >= 3:
        ends = _interval_ends(time, table)
        if ends is not None:
            return _intervals(time, ends, np.array([_hz(row[2], path) for row in table]), str(path))
    return Curve(f0, time, where=str(path))


def _split(line: str) -> List[str]:
    separator = next((mark for mark in (",", ";", "\t") if mark in line), None)
    return [cell.strip().strip('"') for cell in line.split(separator)]


def _columns(header: List[str]) -> Tuple[int, int]:
    """Of time and of F0."""
    time = next((i for i, name in enumerate(header) if any(word in name for word in _TIME_NAMES)), 0)
    f0 = next((i for i, name in enumerate(header) if i != time and any(word in name for word in _F0_NAMES)), None)
    return time, (1 if time == 0 else 0) if f0 is None else f0


def _interval_ends(start: np.ndarray, table: List[List[str]]) -> Optional[np.ndarray]:
    """The second column, if the first two are spans of time one after the other, as Audacity's labels are."""
    if not all(_is_number(row[1]) and (_is_number(row[2]) or row[2].lower() in _UNVOICED) for row in table):
        return None
    end = np.array([float(row[1]) for row in table])
    return end if (end >= start).all() and (end[:-1] <= start[1:] + 1e-3).all() and (end > start).any() else None


def _intervals(start: np.ndarray, end: np.ndarray, f0: np.ndarray, where: str) -> Curve:
    time, values = np.stack([start, end], axis=1).reshape(-1), np.stack([f0, 0 * f0], axis=1).reshape(-1)
    return Curve(values, np.maximum.accumulate(time), held=True, where=where)


def _hz(cell: str, path: Path) -> float:
    if cell.lower() in _UNVOICED:
        return 0.0
    if not _is_number(cell):
        raise UserError(f"{path}: {cell!r} is not a frequency in Hz")
    return float(cell)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
