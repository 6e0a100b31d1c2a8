"""A score of any kind that is known here."""

import dataclasses
from pathlib import Path
from typing import Optional

from espnet2_nhv.errors import UserError
from espnet2_nhv.notation.midi import read_midi
from espnet2_nhv.notation.musicxml import read_musicxml
from espnet2_nhv.notation.notes import Song
from espnet2_nhv.notation.ustx import read_ustx

_XML, _MIDI, _USTX = (".musicxml", ".xml", ".mxl"), (".mid", ".midi", ".kar"), (".ustx",)


def read_song(path: Path, part: Optional[str] = None, voice: Optional[str] = None, verse: int = 1) -> Song:
    """The notes of MusicXML (.musicxml .xml .mxl), MIDI (.mid .midi .kar) or an OpenUtau project (.ustx).

    Parameters
    ----------
    path : the score
    part : name or number (from 1) of the part or track; None for the first that has lyrics
    voice : of MusicXML, the number of the voice; None for the first
    verse : of MusicXML, int >= 1

    Raises
    ------
    UserError
        If the file is of no such kind or cannot be read, or has no such part, voice or verse, or no notes.
    """
    path = Path(path)
    kind = path.suffix.lower()
    if not path.is_file():
        raise UserError(f"{path}: there is no such file")
    if kind in _XML:
        return read_musicxml(path, part, voice, verse)
    if kind not in _MIDI + _USTX:
        raise UserError(f"{path}: not a score that is known here; give {' '.join(_XML + _MIDI + _USTX)}")
    if voice is not None or verse != 1:
        raise UserError(f"{path}: --voice and --verse are for MusicXML; of {kind} files take another --part")
    return read_midi(path, part) if kind in _MIDI else read_ustx(path, part)


def changed(song: Song, key_shift: int = 0, tempo: float = 1.0) -> Song:
    """The song `key_shift` semitones higher and `tempo` times as fast.

    Raises
    ------
    UserError
        If a note leaves MIDI's range, or the tempo is not above 0.
    """
    if not tempo > 0:
        raise UserError(f"--tempo is {tempo:g}, but how many times as fast has to be above 0")
    notes = []
    for note in song.notes:
        midi = note.midi + key_shift if note.midi else 0
        if note.midi and not 12 <= midi <= 119:
            raise UserError(
                f"bar {note.bar}: note {note.midi} shifted by {key_shift} semitones is beyond what can be sung"
            )
        notes.append(dataclasses.replace(note, start=note.start / tempo, end=note.end / tempo, midi=midi))
    return Song(notes, song.tempo * tempo)
