"""What UTAU and OpenUtau ask a resampler for: thirteen arguments."""

import dataclasses
import re
from pathlib import Path
from typing import Dict, List, Sequence

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.knobs import KNOBS

# Name, and what it is to a user; the order is that of the command line.
ARGUMENTS = (
    ("input", "a wav file of the bank"),
    ("output", "the wav file to write"),
    ("note", "C4, F#3, ... or Bb3"),
    ("velocity", "of the consonant: 100 leaves its length, 200 halves it, 0 doubles it"),
    ("flags", "see below; - or nothing for none"),
    ("offset", "ms of the input to leave out at its beginning"),
    ("length", "ms of output wanted"),
    ("consonant", "ms after the offset that keep their length"),
    ("cutoff", "ms to leave out at the end; below 0, ms after the offset at which to stop"),
    ("volume", "0 to 200, 100 leaves it"),
    ("modulation", "0 to 200, how much of the input's own pitch movement stays"),
    ("tempo", "!120, beats a minute: of the pitch bend"),
    ("pitchbend", "cents every 1/96 beat, in UTAU's base64 with #n# for repetitions"),
)
FLAGS = {
    "g": "formants, as in UTAU: 100 is an octave down, -100 an octave up",
    "B": "breath, 0 to 100; 50 leaves it, 100 is 12 dB more, 0 is 24 dB less",
    "P": "how much peaks are brought to -6 dBFS, 0 to 100; 86 if not given",
    "t": "pitch up, in 10 cents",
    "Kb": "breathiness, dB",
    "Kv": "voicing, dB",
    "Kt": "tension, dB per octave",
    "Kg": "gender, semitones up",
    "Kl": "loudness, dB",
}
_KNOB_FLAGS = dict(zip(("Kb", "Kv", "Kt", "Kg", "Kl"), KNOBS))
_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_LONGEST_MS, _MOST_BENDS = 600_000.0, 1_000_000


@dataclasses.dataclass(frozen=True)
class Request:
    """A note to be sung; attributes are those of ARGUMENTS.

    Attributes
    ----------
    source, target : Path
    f0 : float, Hz, of the note
    stretch : float > 0, by which the consonant becomes longer
    flags : dict of a name in FLAGS to its number; those of other resamplers are left out
    offset, length, consonant, cutoff : float, ms
    volume, modulation : float, 1 is as it is
    bend_seconds : float > 0, from one value of `bend` to the next
    bend : list of float, cents
    """

    source: Path
    target: Path
    f0: float
    stretch: float
    flags: Dict[str, float]
    offset: float
    length: float
    consonant: float
    cutoff: float
    volume: float
    modulation: float
    bend_seconds: float
    bend: List[float]

    def knobs(self) -> Dict[str, float]:
        """What the flags turn, as numbers within their ranges."""
        breath = self.flags.get("B", 50.0) - 50
        knobs = dict.fromkeys(KNOBS, 0.0)
        knobs["gender"] = -0.12 * self.flags.get("g", 0.0)
        knobs["breathiness"] = breath * (0.24 if breath > 0 else 0.48)
        for flag, name in _KNOB_FLAGS.items():
            knobs[name] += self.flags.get(flag, 0.0)
        return {name: min(max(value, KNOBS[name][2][0]), KNOBS[name][2][1]) for name, value in knobs.items()}


def parse_request(arguments: Sequence[str]) -> Request:
    """The arguments of a command line as a Request.

    Parameters
    ----------
    arguments : sequence of str, in the order of ARGUMENTS; what is missing at the end is as UTAU leaves it

    Raises
    ------
    UserError
        If there are too few or too many, or one is not what it has to be; the message says which.
    """
    names = [name for name, _ in ARGUMENTS]
    if not 3 <= len(arguments) <= len(names):
        raise UserError(f"a resampler takes {len(names)} arguments ({', '.join(names)}), not {len(arguments)}")
    defaults = ["", "", "C4", "100", "", "0", "1000", "0", "0", "100", "0", "!120", "AA"]
    given = dict(zip(names, [*map(str, arguments), *defaults[len(arguments) :]]))

    def number(name: str, low: float, high: float) -> float:
        try:
            value = float(given[name])
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise UserError(f"resampler: {name} is {given[name]!r}: give a number from {low:g} to {high:g}")
        return value

    given["tempo"] = given["tempo"].lstrip("!") or "120"
    flags = parse_flags(given["flags"])
    return Request(
        source=Path(given["input"]),
        target=Path(given["output"]),
        f0=note_f0(given["note"]) * 2 ** (flags.get("t", 0.0) / 120),
        stretch=2 ** (1 - number("velocity", 0, 300) / 100),
        flags=flags,
        offset=number("offset", 0, _LONGEST_MS),
        length=number("length", 1, _LONGEST_MS),
        consonant=number("consonant", 0, _LONGEST_MS),
        cutoff=number("cutoff", -_LONGEST_MS, _LONGEST_MS),
        volume=number("volume", 0, 200) / 100,
        modulation=number("modulation", -200, 200) / 100,
        bend_seconds=60 / 96 / number("tempo", 1, 2000),
        bend=parse_bend(given["pitchbend"]),
    )


def note_f0(name: str) -> float:
    """Frequency of a note such as C4, F#3 or Bb3, Hz; A4 is 440 Hz."""
    found = re.fullmatch(r"([A-Ga-g])([#b]?)(-?\d)", name.strip())
    if not found:
        raise UserError(f"resampler: {name!r} is not a note such as C4, F#3 or Bb3")
    step, sign, octave = found.groups()
    key = _STEPS[step.upper()] + {"#": 1, "b": -1, "": 0}[sign] + 12 * (int(octave) + 1)
    return 440.0 * 2 ** ((key - 69) / 12)


def parse_flags(text: str) -> Dict[str, float]:
    """Flags such as ``g-10B60Kt2`` as a dict; those that are not in FLAGS are left out."""
    # Moresampler's have two letters, others one, and some have no number.
    found = re.findall(r"(M[A-Za-z]|K[bvtgl]|[A-Za-z])([+-]?\d+(?:\.\d+)?)?", text)
    return {name: float(value) for name, value in found if name in FLAGS and value}


def parse_bend(text: str) -> List[float]:
    """A pitch bend in UTAU's form: two base64 digits a value, a signed number of 12 bits, ``#n#`` n times more.

    Raises
    ------
    UserError
        If it holds something else.
    """
    values: List[float] = []
    if not re.fullmatch(r"([A-Za-z0-9+/]{2}|#\d+#)*", text):
        raise UserError(f"resampler: {text[:40]!r} is not a pitch bend of base64 digits with #n# for repetitions")
    for part in re.findall(r"[A-Za-z0-9+/]{2}|#\d+#", text):
        if part[0] == "#":
            times = int(part[1:-1])
            if not values or len(values) + times > _MOST_BENDS:
                raise UserError(f"resampler: the pitch bend repeats {times} times what is not there, or too often")
            values += [values[-1]] * times
        else:
            value = _DIGITS.index(part[0]) * 64 + _DIGITS.index(part[1])
            values.append(float(value - 4096 if value >= 2048 else value))
    return values or [0.0]
