"""The demo of the page in web/: the built-in alto sings a phrase."""

import argparse
from pathlib import Path

import numpy as np
from demo_data import VOICES
from demo_singer import FS, Note, sing

from espnet2_nhv.bin.cli import run_cli
from espnet2_nhv.feature.audio import write_flac

_BEAT = 0.36  # s
_ROOM = -60.0  # dB, of the noise under it: vocoders that were trained on recordings have not heard less
# Beats, MIDI note, consonant and vowel; a breath in the middle.
_PHRASE = [
    (1, 60, "m", "a"),
    (1, 64, "r", "i"),
    (1, 67, "n", "a"),
    (2, 72, "s", "o"),
    (1, 71, "r", "a"),
    (2, 67, "m", "i"),
    None,
    (1, 65, "t", "a"),
    (1, 69, "n", "o"),
    (1, 67, "sh", "i"),
    (1, 64, "r", "e"),
    (1, 62, "m", "u"),
    (4, 60, "n", "a"),
]


def phrase() -> list:
    """The notes of the demo."""
    notes = [Note(0.15)]
    for one in _PHRASE:
        if one is None:
            notes += [Note(0.12), Note(0.28, breath=True), Note(0.04)]
        else:
            beats, pitch, consonant, vowel = one
            notes.append(Note(beats * _BEAT, pitch, vowel, consonant, (pitch - 66) / 3))
    return [*notes, Note(0.25)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("path", type=Path, help="the FLAC file to write")
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    wav = sing(phrase(), VOICES["alto"], rng)[0]
    write_flac(args.path, 0.9 * wav + 10 ** (_ROOM / 20) * rng.standard_normal(len(wav)), FS)


if __name__ == "__main__":
    run_cli(main)
