"""The knobs of a voice: what can be turned beside pitch, and the curves that people draw for them."""

import csv
import dataclasses
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Tuple, Union

import numpy as np

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.numpy_files import load_arrays
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.files import digest

# Name to what it turns, its unit, and its range. 0 leaves everything as it is.
KNOBS = {
    "breathiness": ("level of the noise", "dB", (-60.0, 24.0)),
    "voicing": ("level of the harmonics", "dB", (-60.0, 24.0)),
    "tension": ("tilt of the harmonics' levels around 1 kHz", "dB per octave", (-6.0, 6.0)),
    "gender": ("formants up, the pitch stays", "semitones", (-24.0, 24.0)),
    "loudness": ("level of all", "dB", (-60.0, 24.0)),
}
NAMES = tuple(KNOBS)
SUFFIXES = (".csv", ".tsv", ".txt", ".npz", ".npy")
_TIME_NAMES = ("time", "times", "t", "seconds", "start")


@dataclasses.dataclass(frozen=True)
class KnobSource:
    """How far knobs are turned, as command lines ask for it.

    Attributes
    ----------
    given : dict of a name in KNOBS to a number, or to a path: a csv or tsv of time (s) and value, by its column of the
        knob's name where it has a header; an npz of the knob's name and perhaps `time`; an npy of one value a frame, or
        ``(N, 2)`` of time and value; or a folder of those, called as the recordings are. Between its points a curve is
        a straight line, before the first and after the last it is held

    Raises
    ------
    UserError
        If a name is unknown, or a value is neither a number in its range nor a path.
    """

    given: Mapping[str, Union[float, str]] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        values = {}
        for name, value in self.given.items():
            if name not in KNOBS:
                raise UserError(f"there is no knob {name!r}; there are {', '.join(NAMES)}")
            if value is None:
                continue
            number = _number(value)
            if number is None and not Path(value).exists():
                raise UserError(f"--{name} {value}: give a number ({KNOBS[name][1]}) or a file of time and value")
            _, unit, (low, high) = KNOBS[name]
            if number is not None and not low <= number <= high:
                raise UserError(f"--{name} is {number:g}: give {unit} from {low:g} to {high:g} (0 changes nothing)")
            values[name] = str(value) if number is None else number
        object.__setattr__(self, "given", values)

    @property
    def is_neutral(self) -> bool:
        """Whether nothing is turned."""
        return not any(self.given.values())

    def settings(self) -> dict:
        """What a result depends on, as plain values."""
        return {name: value for name, value in self.given.items() if value}

    def state(self, recording: str) -> str:
        """What tells, with :meth:`settings`, the curves of a recording from others; empty where there are none."""
        files = [_file(value, recording) for value in self.given.values() if isinstance(value, str)]
        return digest(*files) if files and all(file.is_file() for file in files) else ""

    def at_frames(
        self, spec: FeatureSpec, n_frames: int, recording: str = "", start: Optional[float] = None
    ) -> Optional[Dict[str, np.ndarray]]:
        """Knobs for :meth:`espnet2_nhv.vocoder.synthesizer.Synthesizer.inference`, or None if nothing is turned.

        Parameters
        ----------
        spec : FeatureSpec of the frames
        n_frames : int >= 1
        recording : str, its name, where a folder holds curves of several
        start : float, s, where in what the curves are drawn for the first frame lies; None if these are all its frames

        Raises
        ------
        UserError
            If a curve cannot be read, or has another number of frames.
        """
        if self.is_neutral:
            return None

        def at(count: int) -> np.ndarray:
            return (np.arange(count) + spec.frame_centre) * spec.hop_length / spec.fs

        time = at(n_frames) + (start or 0.0)
        knobs = {}
        for name, value in self.given.items():
            if isinstance(value, str):
                file = _file(value, recording)
                values, own = read_curve(file, name)
                if own is None and start is None and abs(len(values) - n_frames) > 1:
                    raise UserError(
                        f"{file}: it has {len(values)} values of {name}, but there are {n_frames} frames: add times"
                    )
                knobs[name] = np.interp(time, at(len(values)) if own is None else own, values).astype(np.float32)
            else:
                knobs[name] = np.full(n_frames, value, np.float32)
        return knobs


def read_curve(path: Union[str, Path], name: str) -> Tuple[np.ndarray, Optional[np.ndarray]]:
    """The curve of one knob in a file: values ``(N,)``, and their times ``(N,)``, s, or None if there is one a frame.

    Raises
    ------
    UserError
        If it is missing or holds no such curve.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: there is no such file to read {name} from")
    values, time = _of_numpy(path, name) if path.suffix.lower() in (".npy", ".npz") else _of_table(path, name)
    if not len(values) or not np.isfinite(values).all():
        raise UserError(f"{path}: its values of {name} are not all numbers")
    if time is not None and (len(time) != len(values) or not np.isfinite(time).all() or (np.diff(time) < 0).any()):
        raise UserError(f"{path}: the times of {name} are not as many numbers of seconds that ascend")
    return values, time


def _of_numpy(path: Path, name: str) -> Tuple[np.ndarray, Optional[np.ndarray]]:
    arrays = load_arrays(path)
    if path.suffix.lower() == ".npy":
        arrays = {name: array for array in arrays.values()}
    if name not in arrays:
        raise UserError(f"{path}: {name} is not in it, but {', '.join(arrays) or 'nothing'}")
    if any(not np.issubdtype(array.dtype, np.number) for array in arrays.values()):
        raise UserError(f"{path}: it holds something that is no number")
    values = np.squeeze(arrays[name]).astype(np.float64)
    if values.ndim == 2 and values.shape[1] == 2:
        return values[:, 1], values[:, 0]
    if values.ndim > 1:
        raise UserError(f"{path}: {name} of shape {values.shape} is neither (T,) nor (N, 2) of time and value")
    time = next((arrays[key] for key in _TIME_NAMES if key in arrays), None)
    return np.atleast_1d(values), None if time is None else np.reshape(time, -1).astype(np.float64)


def _of_table(path: Path, name: str) -> Tuple[np.ndarray, np.ndarray]:
    try:
        lines = [line for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip() and line[0] != "#"]
    except UnicodeDecodeError:
        raise UserError(f"{path}: not a table of time and {name} (it is not UTF-8 text)") from None
    rows = _rows(lines)
    header = [cell.strip().lower() for cell in rows[0]] if rows and _number(rows[0][0]) is None else []
    time_at, value_at = 0, 1
    if header:
        time_at = next((i for i, cell in enumerate(header) if cell.split()[:1] and cell.split()[0] in _TIME_NAMES), 0)
        if name in header:
            value_at = header.index(name)
        elif len(header) != 2:
            raise UserError(f"{path}: there is no column {name} in it, but {', '.join(header)}")
    table = [[_number(cell) for cell in row] for row in (rows[1:] if header else rows)]
    if not table or any(len(row) <= max(time_at, value_at) for row in table):
        raise UserError(f"{path}: a table of {name} has two columns, time in seconds and value")
    if any(row[time_at] is None or row[value_at] is None for row in table):
        raise UserError(f"{path}: a time or a value of {name} in it is not a number")
    return (np.array([row[i] for row in table]) for i in (value_at, time_at))


def _rows(lines: List[str]) -> List[List[str]]:
    separator = next((mark for mark in (",", ";", "\t") if lines and mark in lines[0]), None)
    return [line.split() for line in lines] if separator is None else list(csv.reader(lines, delimiter=separator))


def _number(value) -> Optional[float]:
    try:
        return float(value)
    except ValueError:
        return None


def _file(value: str, recording: str) -> Path:
    """The file of a recording's curve."""
    path = Path(value)
    if not path.is_dir():
        return path
    return next((file for file in (path / f"{recording}{suffix}" for suffix in SUFFIXES) if file.is_file()), path)
