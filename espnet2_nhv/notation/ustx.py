"""OpenUtau's projects (.ustx), which are YAML."""

from pathlib import Path
from typing import Optional

from espnet2_nhv.errors import UserError, in_one_line
from espnet2_nhv.notation.notes import BarMap, Note, Song, TempoMap, joined
from espnet2_nhv.text import load_yaml

_LARGEST, _MOST = 1 << 27, 20_000_000  # letters, values: projects hold all their curves
_HELD = ("+", "-", "ー")  # what a syllable over several notes begins with: + +~ +*


def read_ustx(path: Path, part: Optional[str] = None) -> Song:
    """One voice part of an OpenUtau project: its notes and lyrics; pitch curves and expressions are not read.

    Parameters
    ----------
    path : .ustx
    part : name or number (from 1) of the voice part; None for the first with notes

    Raises
    ------
    UserError
        If the file is not such a project, or has no such part or no notes.
    """
    try:
        project = load_yaml(path, _LARGEST, _MOST)
        parts = [each for each in project["voice_parts"] or [] if each.get("notes")]
        quarter = float(project.get("resolution", 480))
        tempi = [(each["position"] / quarter, float(each["bpm"])) for each in project.get("tempos") or []]
        signatures = _signatures(project)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from None
    except (TypeError, LookupError, ValueError, ArithmeticError, AttributeError) as error:
        raise UserError(f"{path}: not readable as a project of OpenUtau ({in_one_line(error)})") from None
    if not parts:
        raise UserError(f"{path}: there are no notes in it")
    names = [each.get("name") or f"part {number}" for number, each in enumerate(parts, 1)]
    if part is None:
        chosen = parts[0]
    elif part in names:
        chosen = parts[names.index(part)]
    elif part.isdigit() and 1 <= int(part) <= len(parts):
        chosen = parts[int(part) - 1]
    else:
        raise UserError(
            f"{path}: there is no part {part!r}; there are {', '.join(f'{n} ({x})' for n, x in enumerate(names, 1))}"
        )
    tempo, bar = TempoMap(tempi or [(0.0, float(project.get("bpm", 120)))]), BarMap(signatures)
    notes = []
    try:
        for note in sorted(chosen["notes"], key=lambda note: note["position"]):
            start = (chosen.get("position", 0) + note["position"]) / quarter
            end = start + note["duration"] / quarter
            lyric = str(note.get("lyric", "")).strip()
            lyric = None if not lyric or lyric.startswith(_HELD) else lyric
            notes.append(Note(tempo(start), tempo(end), int(note["tone"]), lyric, bar(start)))
    except (TypeError, KeyError, ValueError) as error:
        raise UserError(
            f"{path}: note {len(notes) + 1} of {chosen.get('name')!r} is not one of OpenUtau's ({in_one_line(error)})"
        ) from None
    return Song(joined(notes), tempo.tempo)


def _signatures(project) -> list:
    """Positions and lengths of bars in quarters; OpenUtau says after how many bars a signature begins."""
    found, position, before, length = [], 0.0, 0, 4.0
    for each in project.get("time_signatures") or []:
        position += (each.get("bar_position", 0) - before) * length
        before, length = each.get("bar_position", 0), 4.0 * each["beat_per_bar"] / each["beat_unit"]
        found.append((position, length))
    return found
