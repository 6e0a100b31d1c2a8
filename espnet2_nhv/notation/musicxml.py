"""MusicXML, by music21."""

import re
import warnings
import zipfile
from pathlib import Path
from typing import List, Optional, Tuple

from espnet2_nhv.errors import UserError, in_one_line
from espnet2_nhv.notation.notes import Note, Song, TempoMap, joined

_LARGEST, _REPEATS = 1 << 27, 100  # bytes, unpacked; times that a passage is sung
_TEMPO = 120.0  # quarters a minute, where a score says nothing


def read_musicxml(path: Path, part: Optional[str] = None, voice: Optional[str] = None, verse: int = 1) -> Song:
    """One voice of a score; repeats are sung, with the next verse each time where there is one.

    Parameters
    ----------
    path : .musicxml, .xml or .mxl
    part : name or number (from 1) of the part; None for the first that has lyrics
    voice : number of the voice as the score has it; None for the first
    verse : int >= 1, of the lyrics at the beginning

    Raises
    ------
    UserError
        If the file is not MusicXML, or has no such part, voice or verse.
    """
    _check_size(path)
    from music21 import converter, exceptions21, stream  # takes a second

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            score = converter.parse(str(path), format="musicxml", forceSource=True)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from None
    except Exception as error:  # whatever music21 and its parsers make of a broken file
        raise UserError(f"{path}: not readable as MusicXML ({in_one_line(error)})") from None
    if not isinstance(score, stream.Score) or not score.parts:
        raise UserError(f"{path}: not readable as MusicXML (there is no part in it)")
    chosen = _part(path, list(score.parts), part)
    try:
        chosen = chosen.expandRepeats()
    except exceptions21.Music21Exception as error:
        raise UserError(f"{path}: its repeats do not fit together ({in_one_line(error)}): write them out") from None
    chosen = chosen.toSoundingPitch()
    tempo = TempoMap(_tempi(chosen) or _tempi(score.parts[0].expandRepeats()) or [(0.0, _TEMPO)])
    notes, tied, said = _line(path, chosen, voice, verse)
    if not said and verse > 1:
        raise UserError(f"{path}: there are no lyrics of verse {verse}")
    for note in notes:
        note.start, note.end = tempo(note.start), tempo(note.end)
    if not any(note.midi for note in notes):
        raise UserError(f"{path}: there are no notes in it")
    return Song(joined(notes, tied), tempo.tempo)


def _check_size(path: Path) -> None:
    """Refuse what would become much more than it is: music21 would take it."""
    with open(path, "rb") as file:
        is_zip = file.read(2) == b"PK"
        file.seek(0)
        if is_zip:
            try:
                with zipfile.ZipFile(file) as archive:
                    size = sum(member.file_size for member in archive.infolist())
                    inside = [name for name in archive.namelist() if name.lower().endswith((".xml", ".musicxml"))]
                    texts = [archive.read(name) for name in inside] if size <= _LARGEST else []
            except Exception as error:  # damaged bytes fail in as many ways as there are bytes
                raise UserError(f"{path}: not readable as MusicXML ({in_one_line(error)})") from None
        else:
            size, texts = path.stat().st_size, [file.read(_LARGEST)]
    if size > _LARGEST:
        raise UserError(f"{path}: unpacked it has {size / 2**20:.0f} MiB, more than a score has")
    if any(b"<!ENTITY" in text or b"<\0!\0E\0N\0T\0I\0T\0Y" in text for text in texts):
        raise UserError(f"{path}: it defines entities, which no score needs: save it again from a notation program")
    for text in texts:
        if any(int(times) > _REPEATS for times in re.findall(rb"""times\s*=\s*["'](\d{1,15})""", text)):
            raise UserError(f"{path}: something in it is repeated more than {_REPEATS} times: write it out")


def _part(path: Path, parts: list, wanted: Optional[str]):
    names = [part.partName or f"part {number}" for number, part in enumerate(parts, 1)]
    if wanted is None:
        return next((part for part in parts if any(note.lyric for note in part.recurse().notes)), parts[0])
    if wanted in names:
        return parts[names.index(wanted)]
    if wanted.isdigit() and 1 <= int(wanted) <= len(parts):
        return parts[int(wanted) - 1]
    raise UserError(
        f"{path}: there is no part {wanted!r}; there are {', '.join(f'{n} ({x})' for n, x in enumerate(names, 1))}"
    )


def _tempi(part) -> List[Tuple[float, float]]:
    """Where the part says how fast it is: position and rate in quarters."""
    marks = part.flatten().getElementsByClass("MetronomeMark")
    tempi = [(float(mark.offset), mark.getQuarterBPM()) for mark in marks]
    return [(offset, float(tempo)) for offset, tempo in tempi if tempo]


def _line(path: Path, part, voice: Optional[str], verse: int) -> Tuple[List[Note], List[bool], bool]:
    """Notes of one voice in quarters, whether each is tied to the one before, and whether the verse was found."""
    notes: List[Note] = []
    tied: List[bool] = []
    seen, voices, said = {}, set(), False
    for measure in part.getElementsByClass("Measure"):
        passed = seen.setdefault(measure.number, 0)
        seen[measure.number] += 1
        streams = {str(each.id): each for each in measure.voices}
        voices |= set(streams)
        found = streams.get(voice) if voice is not None else next(iter(streams.values()), None)
        if found is None and (voice is None or voice == "1") and not streams:
            found = measure
        for element in found.notesAndRests if found is not None else ():
            if element.duration.isGrace or "ChordSymbol" in element.classes or "Unpitched" in element.classes:
                continue
            start = float(measure.offset + element.offset)
            note = Note(start, start + float(element.duration.quarterLength), 0, None, measure.number)
            if not element.isRest:
                note.midi = max(pitch.midi for pitch in element.pitches)
                lyrics = {lyric.number: (lyric.rawText or "").strip() for lyric in element.lyrics}
                said |= bool(lyrics.get(verse))
                # The second time round the next verse, where it is written; else the same again.
                note.lyric = lyrics.get(verse + passed) or lyrics.get(verse) or None
            notes.append(note)
            tied.append(not element.isRest and element.tie is not None and element.tie.type in ("stop", "continue"))
    if voice is not None and voice not in voices | {"1"}:
        raise UserError(f"{path}: there is no voice {voice!r}; there are {', '.join(sorted(voices)) or '1'}")
    return notes, tied, said
