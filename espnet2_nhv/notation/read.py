"""A score of any kind that is known here."""

import dataclasses
from pathlib import Path
from typing import Optional

from espnet2_nhv.errors import UserError, in_one_line
from espnet2_nhv.notation.midi import read_midi
from espnet2_nhv.notation.musicxml import read_musicxml
from espnet2_nhv.notation.notes import Song
from espnet2_nhv.notation.ustx import read_ustx

_LONGEST = 6 * 3600.0  # s; an opera is shorter
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
        If the file is of no such kind or cannot be read, or has no such part, voice or verse, or no notes, or lasts
        more than six hours.
    """
    path = Path(path)
    kind = path.suffix.lower()
    if not path.is_file():
        raise UserError(f"{path}: {'it is a folder, not a score' if path.is_dir() else 'there is no such file'}")
    if kind not in _XML + _MIDI + _USTX:
        raise UserError(f"{path}: not a score that is known here; give {' '.join(_XML + _MIDI + _USTX)}")
    if path.stat().st_size == 0:
        raise UserError(f"{path}: empty, it has 0 bytes")
    if kind not in _XML and (voice is not None or verse != 1):
        raise UserError(f"{path}: --voice and --verse are for MusicXML; of {kind} files take another --part")
    try:
        if kind in _XML:
            song = read_musicxml(path, part, voice, verse)
        else:
            song = read_midi(path, part) if kind in _MIDI else read_ustx(path, part)
    except UserError:
        raise
    except Exception as error:  # numbers that no score has fail anywhere in music21, mido and here
        raise UserError(f"{path}: not a score that can be sung ({in_one_line(error)})") from error
    _check(path, song)
    return song


def _check(path: Path, song: Song) -> None:
    for note in song.notes:
        if not 0 <= note.midi <= 127:
            raise UserError(f"{path}: bar {note.bar}: there is no note {note.midi}")
        if not 0 <= note.start <= note.end <= _LONGEST:
            raise UserError(
                f"{path}: bar {note.bar}: a note lasts from {note.start / 3600:.3g} to {note.end / 3600:.3g} hours: "
                f"a song may have {_LONGEST / 3600:g}"
            )


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
