"""Notes of a one-voice song in MusicXML (score-partwise, uncompressed)."""

import dataclasses
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import List, Optional

from espnet2_nhv.errors import UserError

_STEP = dict(C=0, D=2, E=4, F=5, G=7, A=9, B=11)
_TEMPO = 120.0  # quarters a minute, where a score says nothing


@dataclasses.dataclass
class Note:
    """A note as sung, or a rest.

    Parameters
    ----------
    start, end : float, s, by the score's tempo
    midi : int, 0 for a rest
    lyric : str or None where the syllable before is held
    """

    start: float
    end: float
    midi: int
    lyric: Optional[str] = None


def read_notes(path: Path) -> List[Note]:
    """Notes and rests of the first voice of the first part, in order; tied notes are one, and so are rests in a row.

    Raises
    ------
    UserError
        If the file is not such MusicXML.
    """
    try:
        part = ET.parse(path).getroot().find("part")
    except (ET.ParseError, OSError) as error:
        raise UserError(f"{path}: not readable as MusicXML ({error})") from None
    if part is None:
        raise UserError(f"{path}: no part in it; uncompressed score-partwise MusicXML is wanted")
    notes: List[Note] = []
    seconds_per_division, divisions, tempo, now, voice = 0.5, 1.0, _TEMPO, 0.0, None
    for element in (child for measure in part.iter("measure") for child in measure):
        sound = element if element.tag == "sound" else element.find("sound")
        tempo = float(sound.get("tempo", tempo)) if sound is not None else tempo
        divisions = float(element.findtext("divisions", default=str(divisions)))
        seconds_per_division = 60.0 / tempo / divisions
        length = float(element.findtext("duration", default="0")) * seconds_per_division
        if element.tag == "backup":
            now -= length
        elif element.tag == "forward":
            now += length
        elif element.tag == "note" and element.find("grace") is None and element.find("chord") is None:
            voice = voice or element.findtext("voice", default="1")
            if element.findtext("voice", default="1") == voice:
                _append(notes, _note(element, now, now + length), {tie.get("type") for tie in element.iter("tie")})
            now += length
    if not notes:
        raise UserError(f"{path}: there are no notes in it")
    return notes


def _note(element: ET.Element, start: float, end: float) -> Note:
    pitch = element.find("pitch")
    if pitch is None:
        return Note(start, end, 0)
    midi = 12 * (int(pitch.findtext("octave")) + 1) + _STEP[pitch.findtext("step")]
    text = "".join(text.text or "" for lyric in element.iter("lyric") for text in lyric.iter("text")).strip()
    return Note(start, end, midi + int(float(pitch.findtext("alter", default="0"))), text or None)


def _append(notes: List[Note], note: Note, ties: set) -> None:
    before = notes[-1] if notes else None
    held = "stop" in ties and note.lyric is None and before is not None and before.midi == note.midi
    if held or (note.midi == 0 and before is not None and before.midi == 0):
        before.end = note.end
    else:
        notes.append(note)


def read_tempo(path: Path) -> float:
    """Quarters a minute at the beginning."""
    sounds = [sound.get("tempo") for sound in ET.parse(path).getroot().iter("sound")]
    return next((float(tempo) for tempo in sounds if tempo), _TEMPO)
