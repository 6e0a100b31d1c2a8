"""Notes moved singly: a table of which part of a recording is to be sung how much higher."""

import dataclasses
from pathlib import Path
from typing import List, Optional, Tuple, Union

import numpy as np

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.files import digest

SUFFIXES = (".csv", ".tsv", ".txt")
_GLIDE = 0.03  # s, from one note's move to the next, within which a voice glides
_FURTHEST = 60.0  # semitones


@dataclasses.dataclass(frozen=True)
class NoteMoves:
    """Where notes are moved.

    Attributes
    ----------
    path : of a table of start (s), end (s) and semitones, a line each, with or without a header; or of a folder of
        those, called as the recordings are; or None for none
    """

    path: Optional[Union[str, Path]] = None

    def state(self, recording: str) -> str:
        """What tells the table of a recording from others; empty where there is none."""
        file = self._file(recording)
        return digest(file) if file is not None and file.is_file() else ""

    def at_frames(self, spec: FeatureSpec, n_frames: int, recording: str = "") -> Optional[np.ndarray]:
        """Semitones by which each frame is moved, ``(n_frames,)``, or None if no note is.

        Raises
        ------
        UserError
            If the table cannot be read, or its notes lie over one another.
        """
        file = self._file(recording)
        if file is None:
            return None
        time = (np.arange(n_frames) + spec.frame_centre) * spec.hop_length / spec.fs
        points: List[Tuple[float, float]] = []
        for start, end, semitones in read_moves(file):
            glide = min(_GLIDE, (end - start) / 2)
            points += [(start, 0.0), (start + glide, semitones), (end - glide, semitones), (end, 0.0)]
        # Where a note begins as another ends, the voice goes from one to the other, not by way of neither.
        for i in range(3, len(points) - 1, 4):
            (end, _), (start, _) = points[i], points[i + 1]
            if start - end < _GLIDE / 2:
                middle = (points[i - 1][1] + points[i + 2][1]) / 2
                points[i], points[i + 1] = (end, middle), (start, middle)
        return np.interp(time, *zip(*points)).astype(np.float32)

    def _file(self, recording: str) -> Optional[Path]:
        if self.path is None:
            return None
        path = Path(self.path)
        if not path.is_dir():
            return path
        return next((file for file in (path / f"{recording}{suffix}" for suffix in SUFFIXES) if file.is_file()), None)


def read_moves(path: Union[str, Path]) -> List[Tuple[float, float, float]]:
    """Start (s), end (s) and semitones of each note in a table, in the order of time.

    Raises
    ------
    UserError
        If it is missing or is no such table; the message says which line.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError:
        raise UserError(f"{path}: there is no such table of notes") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: not a table of notes (it is not UTF-8 text)") from None
    moves = []
    for number, line in enumerate(lines, start=1):
        cells = line.replace(",", " ").replace(";", " ").split()
        if not cells or cells[0].startswith("#") or (not moves and cells[0][0].isalpha()):
            continue
        try:
            start, end, semitones = map(float, cells[:3])
        except ValueError:
            raise UserError(f"{path}, line {number}: give start, end and semitones, such as 1.5, 2.0, -1") from None
        if not (0 <= start < end < np.inf and abs(semitones) <= _FURTHEST):
            raise UserError(f"{path}, line {number}: a note ends after it starts, and moves by up to 60 semitones")
        moves.append((start, end, semitones))
    if not moves:
        raise UserError(f"{path}: there is no note in it; a line is start, end and semitones")
    moves.sort()
    for (_, end, _), (start, _, _) in zip(moves, moves[1:]):
        if start < end - 1e-6:
            raise UserError(f"{path}: two notes lie over one another at {start:g} s")
    return moves
