"""The melody of a MIDI file."""

import logging
from pathlib import Path
from typing import List, Tuple, Union

from espnet2_nhv.errors import UserError, in_one_line
from espnet2_nhv.feature.pitch.curve import Curve

_DRUMS, _BEND = 9, 2.0 / 8192  # channel; semitones a step of the pitch wheel, as it is unless said otherwise


def read_midi(path: Union[str, Path]) -> Curve:
    """The notes of a MIDI file as a curve of steps, in equal temperament at A4 = 440 Hz, with the pitch wheel.

    Of notes that sound at once the last one begun is taken, and a warning says so.

    Raises
    ------
    UserError
        If it is not a MIDI file, or has no note.
    """
    import mido

    try:
        messages = list(mido.MidiFile(str(path)))  # of all tracks, in order, with times in seconds
    except Exception as error:  # damaged bytes fail in as many ways as there are bytes
        raise UserError(f"{path}: not readable as a MIDI file ({in_one_line(error)})") from None
    sounding: List[Tuple[int, int]] = []  # channel and note, the last one begun at the end
    bend = [0.0] * 16
    now, several, time, f0 = 0.0, 0, [0.0], [0.0]
    for message in messages:
        now += message.time
        if message.type not in ("note_on", "note_off", "pitchwheel") or message.channel == _DRUMS:
            continue
        if message.type == "pitchwheel":
            bend[message.channel] = message.pitch * _BEND
        else:
            key = message.channel, message.note
            if key in sounding:
                sounding.remove(key)
            if message.type == "note_on" and message.velocity > 0:
                several += bool(sounding)
                sounding.append(key)
        time.append(now)
        f0.append(440.0 * 2 ** ((sounding[-1][1] + bend[sounding[-1][0]] - 69) / 12) if sounding else 0.0)
    if not any(f0):
        raise UserError(f"{path}: there is no note in it")
    if several:
        logging.warning("%s: %d notes begin while another one sounds; the last one begun is sung", path, several)
    return Curve(f0, time, held=True, where=str(path))
