"""MIDI files with lyrics, by mido."""

from pathlib import Path
from typing import Dict, List, Optional, Tuple

from espnet2_nhv.errors import UserError, in_one_line
from espnet2_nhv.notation.notes import BarMap, Note, Song, TempoMap, joined


def read_midi(path: Path, part: Optional[str] = None) -> Song:
    """One track of a standard MIDI file; a lyric belongs to the note that begins with it.

    Parameters
    ----------
    path : .mid, .midi or .kar
    part : name or number (from 1) of the track; None for the first that has notes and lyrics, else the first with notes

    Raises
    ------
    UserError
        If the file is not readable, or has no such track or no notes.
    """
    import mido

    try:
        file = mido.MidiFile(str(path), clip=True)
        if file.ticks_per_beat <= 0:
            raise ValueError(f"{file.ticks_per_beat} ticks a quarter")
    except Exception as error:  # damaged bytes fail in as many ways as there are bytes
        raise UserError(f"{path}: not readable as MIDI ({in_one_line(error)})") from None
    quarter = float(file.ticks_per_beat)
    tempi, signatures, tracks = [], [], []
    for track in file.tracks:
        now, notes, lyrics = 0, [], {}
        sounding: Dict[Tuple[int, int], int] = {}
        for message in track:
            now += message.time
            if message.type == "set_tempo":
                tempi.append((now / quarter, mido.tempo2bpm(message.tempo)))
            elif message.type == "time_signature":
                signatures.append((now / quarter, 4.0 * message.numerator / message.denominator))
            elif message.type in ("lyrics", "text"):
                # A real lyric wins over a text at the same place.
                if message.type == "lyrics" or now not in lyrics:
                    lyrics[now] = _decoded(message.text)
            elif message.type == "note_on" and message.velocity > 0:
                sounding.setdefault((message.channel, message.note), now)
            elif message.type in ("note_off", "note_on"):
                start = sounding.pop((message.channel, message.note), None)
                if start is not None and now > start:
                    notes.append((start, now, message.note))
        tracks.append((track.name.strip(), _melody(notes), lyrics))
    notes, lyrics = _chosen(path, tracks, part)
    tempo, bar = TempoMap(tempi or [(0.0, 120.0)]), BarMap(signatures)
    line = [
        Note(tempo(a / quarter), tempo(b / quarter), midi, lyrics.get(a) or None, bar(a / quarter))
        for a, b, midi in notes
    ]
    return Song(joined(line), tempo.tempo)


def _decoded(text: str) -> str:
    """Lyrics as mido gives them, byte by byte, in the character set that they turn out to be in."""
    raw = text.encode("latin-1", errors="replace")
    for charset in ("utf-8", "shift_jis"):
        try:
            return raw.decode(charset).strip().lstrip("/\\@")
        except UnicodeDecodeError:
            continue
    return text.strip()


def _melody(notes: List[Tuple[int, int, int]]) -> List[Tuple[int, int, int]]:
    """The highest of notes that begin together, in order."""
    highest: Dict[int, Tuple[int, int, int]] = {}
    for note in notes:
        if note[0] not in highest or note[2] > highest[note[0]][2]:
            highest[note[0]] = note
    return [highest[start] for start in sorted(highest)]


def _chosen(path: Path, tracks, wanted: Optional[str]):
    sung = [(name, notes, lyrics) for name, notes, lyrics in tracks if notes]
    if not sung:
        raise UserError(f"{path}: there are no notes in it")
    # Karaoke files have the lyrics in a track of their own.
    words = next((lyrics for _, notes, lyrics in tracks if lyrics and not notes), {})
    names = [name or f"track {number}" for number, (name, _, _) in enumerate(sung, 1)]
    if wanted is None:
        index = next((i for i, (_, notes, lyrics) in enumerate(sung) if any(a in lyrics for a, _, _ in notes)), 0)
    elif wanted in names:
        index = names.index(wanted)
    elif wanted.isdigit() and 1 <= int(wanted) <= len(sung):
        index = int(wanted) - 1
    else:
        raise UserError(
            f"{path}: there is no part {wanted!r}; there are {', '.join(f'{n} ({x})' for n, x in enumerate(names, 1))}"
        )
    _, notes, lyrics = sung[index]
    return notes, lyrics if any(a in lyrics for a, _, _ in notes) else words
