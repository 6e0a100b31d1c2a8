"""A song as phrases of phonemes, as a singing model reads them."""

import dataclasses
from typing import Callable, Collection, List, Optional, Sequence

from espnet2_nhv.errors import UserError
from espnet2_nhv.notation.kana import phonemes
from espnet2_nhv.notation.notes import Note, Song

PAUSE = "pau"
HELD = "—"  # ESPnet's sign for a syllable that goes on over another note
MAX_PHONES = 4  # ESPnet knows how to share a note's time among so many
_VOWELS = ("a", "i", "u", "e", "o", "N")
# What Japanese ears take for the same, for a model that has not learnt the first.
_NEAR = dict(v="b", vy="by", ty="ch", dy="j", sy="sh", zy="j", fy="hy", wy="y", cl="pau")
_REST = 0.3  # s, of a rest that parts phrases
_EDGE = 0.25  # s of silence before and after a phrase


@dataclasses.dataclass
class Syllable:
    """What is sung on one note.

    Parameters
    ----------
    start, end : float, s
    midi : int, 0 for a pause
    phones : list of str, at least one
    lyric : str, HELD where the syllable before goes on
    """

    start: float
    end: float
    midi: int
    phones: List[str]
    lyric: str

    @property
    def n_leading(self) -> int:
        """Consonants before the vowel: they are sung ahead of the note's time."""
        vowels = [index for index, phone in enumerate(self.phones) if phone in _VOWELS]
        return vowels[0] if vowels else 0


def phrases(song: Song, known: Collection[str], warn: Callable[[str], None] = print) -> List[List[Syllable]]:
    """The phrases of a song, each between two pauses of its own.

    Parameters
    ----------
    song : Song
    known : the phonemes of the model
    warn : told of phonemes that are replaced by near ones

    Returns
    -------
    phrases : list of lists of Syllable, times as in the song (the first may begin below 0); rests between phrases, but
        for the pauses at their edges, are in none of them

    Raises
    ------
    UserError
        For lyrics that cannot be sung, naming the bar.
    """
    replaced = set()
    found: List[List[Syllable]] = []
    now: List[Syllable] = []
    for note in song.notes:
        if note.midi == 0 and (not now or note.end - note.start >= _REST):
            found, now = [*found, now] if now else found, []
        elif note.midi == 0:
            now.append(Syllable(note.start, note.end, 0, [PAUSE], "P"))
        else:
            now += _sung(note, now[-1] if now else None, known, replaced, warn)
    found = [*found, now] if now else found
    return [_between_pauses(phrase) for phrase in found]


def _sung(note: Note, before: Optional[Syllable], known, replaced: set, warn) -> List[Syllable]:
    """A note's syllables: one, or as many as ESPnet needs for its phonemes."""
    if note.lyric is None or not _spoken(note):
        vowel = _held_vowel(before)
        if vowel is None:
            raise UserError(
                f"bar {note.bar}: a note without lyrics, and no syllable before it that it could hold: write one"
            )
        return [Syllable(note.start, note.end, note.midi, [vowel], HELD)]
    phones = []
    for phone in _spoken(note):
        if phone not in known:
            near = _NEAR.get(phone)
            if near not in known:
                raise UserError(
                    f"bar {note.bar}: {note.lyric!r} has the phoneme {phone}, which this model has not learnt"
                )
            if phone not in replaced:
                warn(
                    f"bar {note.bar}: this model has not learnt the phoneme {phone} of {note.lyric!r}: it sings {near}"
                )
            replaced.add(phone)
            phone = near
        phones.append(phone)
    pieces = _pieces(phones)
    length = (note.end - note.start) / len(pieces)
    return [
        Syllable(note.start + index * length, note.start + (index + 1) * length, note.midi, piece, note.lyric)
        for index, piece in enumerate(pieces)
    ]


def _spoken(note: Note) -> List[str]:
    try:
        return phonemes(note.lyric)
    except UserError as error:
        raise UserError(f"bar {note.bar}: the lyric {error}; this model sings Japanese in kana or romaji") from None


def _held_vowel(before: Optional[Syllable]) -> Optional[str]:
    vowels = [phone for phone in before.phones if phone in _VOWELS] if before is not None and before.midi else []
    return vowels[-1] if vowels else None


def _pieces(phones: Sequence[str]) -> List[List[str]]:
    """Phonemes of a note in groups of at most MAX_PHONES, each of whole syllables."""
    syllables: List[List[str]] = []
    for phone in phones:
        if not syllables or (syllables[-1][-1] in _VOWELS and phone not in ("N", "cl")):
            syllables.append([])
        syllables[-1].append(phone)
    pieces: List[List[str]] = []
    for syllable in syllables:
        if pieces and len(pieces[-1]) + len(syllable) <= MAX_PHONES:
            pieces[-1] += syllable
        else:
            pieces += [syllable[i : i + MAX_PHONES] for i in range(0, len(syllable), MAX_PHONES)]
    return pieces


def _between_pauses(phrase: List[Syllable]) -> List[Syllable]:
    while phrase[-1].midi == 0:
        phrase = phrase[:-1]
    start, end = phrase[0].start, phrase[-1].end
    return [
        Syllable(start - _EDGE, start, 0, [PAUSE], "P"), *phrase, Syllable(end, end + _EDGE, 0, [PAUSE], "P")
    ]  # fmt: skip
