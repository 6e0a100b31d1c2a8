"""Which note of a score each phoneme of a label is sung on."""

import dataclasses
import difflib
from typing import List, Optional, Sequence, Tuple

from espnet2_nhv.notation.kana import phonemes
from espnet2_nhv.notation.notes import Note
from espnet2_nhv.notation.phrases import HELD, MAX_PHONES, PAUSE

Label = Tuple[float, float, str]  # start, end (s), phoneme


@dataclasses.dataclass
class Sung:
    """A note with the phonemes that are sung on it, one line of ESPnet's score.

    Parameters
    ----------
    seconds : float, by the score; of a pause, by the label
    lyric : str
    midi : int, 0 for a pause
    labels : list of Label, at least one
    """

    seconds: float
    lyric: str
    midi: int
    labels: List[Label]


def align(notes: Sequence[Note], labels: Sequence[Label]) -> List[Sung]:
    """Notes and labels of one song as ESPnet's score, in the order of the labels.

    Lyrics and labels may differ in places (a long vowel, a slip): phonemes in common fix the rest. A vowel held over
    several notes is divided among them as the score divides it.
    """
    owner = _owners(notes, labels)
    sung: List[Sung] = []
    for first, last in _runs(owner):
        ours, note = list(labels[first:last]), owner[first]
        if note is None:
            sung += [Sung(end - start, "P", 0, [(start, end, PAUSE)]) for start, end, _ in ours]
            continue
        held = _held(notes, note) if owner.index(note) == first and note not in owner[last:] else []
        if not held or not _can_hold(ours[-1][2]):
            sung += _pieces(notes[note].end - notes[note].start, notes[note].lyric, notes[note].midi, ours)
            continue
        parts = _divide(ours.pop(), [notes[note], *held])
        seconds = notes[note].end - notes[note].start
        sung += _pieces(seconds, notes[note].lyric, notes[note].midi, [*ours, parts[0]])
        sung += [Sung(n.end - n.start, HELD, n.midi, [part]) for n, part in zip(held, parts[1:])]
    return sung


def _owners(notes, labels) -> List[Optional[int]]:
    """For each label the index of its note; None for a pause."""
    wanted = [(phone, index) for index, note in enumerate(notes) if note.lyric for phone in phonemes(note.lyric)]
    spoken = [index for index, (_, _, phone) in enumerate(labels) if phone != PAUSE]
    owner: List[Optional[int]] = [None] * len(labels)
    matcher = difflib.SequenceMatcher(
        None, [labels[index][2] for index in spoken], [phone for phone, _ in wanted], autojunk=False
    )
    for _, a, a_end, b, b_end in matcher.get_opcodes():
        for offset, index in enumerate(spoken[a:a_end]):
            if b_end > b:
                owner[index] = wanted[min(b + offset, b_end - 1)][1]
    # What only the label has is sung on the note before it.
    known = [owner[index] for index in spoken if owner[index] is not None]
    note = known[0] if known else None
    for index in spoken:
        note = owner[index] if owner[index] is not None else note
        owner[index] = note
    return owner


def _runs(owner):
    first = 0
    for index in range(1, len(owner) + 1):
        if index == len(owner) or owner[index] != owner[first]:
            yield first, index
            first = index


def _held(notes, index: int) -> List[Note]:
    held = []
    for note in notes[index + 1 :]:
        if note.midi == 0 or (note.lyric and phonemes(note.lyric)):
            break
        held.append(note)
    return held


def _can_hold(phone: str) -> bool:
    return phone in ("a", "i", "u", "e", "o", "N")


def _divide(label: Label, notes: Sequence[Note]) -> List[Label]:
    start, end, phone = label
    total = sum(note.end - note.start for note in notes)
    parts, passed = [], 0.0
    for note in notes:
        begin = start + (end - start) * passed / total
        passed += note.end - note.start
        parts.append((begin, start + (end - start) * passed / total, phone))
    return parts


def _pieces(seconds: float, lyric: str, midi: int, labels: List[Label]) -> List[Sung]:
    """One note, or several where it has more phonemes than ESPnet takes."""
    pieces = [labels[i : i + MAX_PHONES] for i in range(0, len(labels), MAX_PHONES)]
    total = labels[-1][1] - labels[0][0]
    shares = [(piece[-1][1] - piece[0][0]) / total if total > 0 else 1 / len(pieces) for piece in pieces]
    return [Sung(seconds * share, lyric, midi, piece) for share, piece in zip(shares, pieces)]
