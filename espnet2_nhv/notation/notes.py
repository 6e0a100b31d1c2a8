"""A song as a list of notes."""

import bisect
import dataclasses
import math
from typing import List, Optional, Sequence, Tuple


@dataclasses.dataclass
class Note:
    """A note as sung, or a rest.

    Parameters
    ----------
    start, end : float, s, by the score's tempo
    midi : int, 0 for a rest
    lyric : str or None where the syllable before is held
    bar : int or str, where it begins, as messages name it; notes do not differ by it
    """

    start: float
    end: float
    midi: int
    lyric: Optional[str] = None
    bar: object = dataclasses.field(default=None, compare=False)


@dataclasses.dataclass
class Song:
    """Notes and rests, one after the other without a gap, and quarters a minute at the beginning."""

    notes: List[Note]
    tempo: float


class TempoMap:
    """From quarters to seconds.

    Parameters
    ----------
    changes : list of (position in quarters, quarters a minute), the first of which holds before it, too

    Raises
    ------
    ValueError
        If a tempo is not within 1 and 10000 quarters a minute.
    """

    def __init__(self, changes: Sequence[Tuple[float, float]]):
        changes = sorted(changes)
        for position, tempo in changes:
            if not 1 <= tempo <= 10000 or not math.isfinite(position):
                raise ValueError(f"a tempo of {tempo:g} quarters a minute")
        self.tempo = changes[0][1]
        self.positions, self.seconds, self.rates = [0.0], [0.0], [60.0 / self.tempo]
        for position, tempo in changes:
            if position > 0:
                self.seconds.append(self(position))
                self.positions.append(position)
                self.rates.append(60.0 / tempo)

    def __call__(self, position: float) -> float:
        index = max(bisect.bisect_right(self.positions, position) - 1, 0)
        return self.seconds[index] + (position - self.positions[index]) * self.rates[index]


class BarMap:
    """Which bar (from 1) a position lies in.

    Parameters
    ----------
    signatures : list of (position in quarters, quarters a bar); 4 where there is none

    Raises
    ------
    ValueError
        If a bar has no length.
    """

    def __init__(self, signatures: Sequence[Tuple[float, float]] = ()):
        self.positions, self.bars, self.lengths = [0.0], [1.0], [4.0]
        for position, length in sorted(signatures):
            if not 0 < length < 1000 or not math.isfinite(position):
                raise ValueError(f"a bar of {length:g} quarters")
            if position > 0:
                self.bars.append(self._bar(position))
                self.positions.append(position)
                self.lengths.append(length)
            else:
                self.lengths[0] = length

    def _bar(self, position: float) -> float:
        index = max(bisect.bisect_right(self.positions, position) - 1, 0)
        return self.bars[index] + (position - self.positions[index]) / self.lengths[index]

    def __call__(self, position: float) -> int:
        return int(self._bar(position) + 1e-6)


def joined(notes: Sequence[Note], tied: Sequence[bool] = ()) -> List[Note]:
    """Notes in order, made one line: gaps become rests, rests in a row one, and no note sounds into the next.

    Parameters
    ----------
    notes : list of Note, in order of their beginnings
    tied : list of bool, whether a note goes on with the one before; none is where it is empty
    """
    out: List[Note] = []
    for index, note in enumerate(notes):
        before = out[-1] if out else None
        if before is not None and note.start < before.end - 1e-9:
            before.end = note.start
            if before.end <= before.start:
                out.pop()
        now = out[-1].end if out else 0.0
        if note.start > now + 1e-6:
            _append(out, Note(now, note.start, 0, None, note.bar), False)
        goes_on = bool(tied) and tied[index] and note.lyric is None
        _append(out, dataclasses.replace(note, start=out[-1].end if out else note.start), goes_on)
    return out


def _append(out: List[Note], note: Note, tied: bool) -> None:
    before = out[-1] if out else None
    if before is not None and before.midi == note.midi and (tied or note.midi == 0):
        before.end = note.end
    else:
        out.append(note)
