"""Stage 1 of the corpus `demo`: four singers sing short phrases, and their true F0 is written beside."""

import argparse
import hashlib
import os
from pathlib import Path
from typing import List

import numpy as np
from demo_singer import CONSONANTS, FS, VOWELS, Note, Voice, sing
from tqdm import tqdm

from espnet2_nhv.bin.cli import run_cli
from espnet2_nhv.feature.datadir import write_data_dir
from espnet2_nhv.files import write_whole
from espnet2_nhv.synthesis.wav import write_wav

VOICES = {
    "alto": Voice(55, 74, 1.08, (3700, 4300), -33, 3200, (5.6, 50)),
    "bass": Voice(40, 56, 0.92, (2750, 3150), -34, 4000, (5.2, 45)),
    "soprano": Voice(62, 83, 1.17, (4000, 4900), -36, 3000, (6.0, 60)),
    "tenor": Voice(48, 67, 0.98, (2950, 3400), -35, 3600, (5.5, 55)),
}
PHRASES = {"train": 8, "dev": 1, "eval": 1}  # of each voice
SEED = 20200


def compose(voice: Voice, number: int, rng: np.random.Generator) -> List[Note]:
    """A phrase of 4 to 8 s: a glide through the whole range (0), a long note (1) or a melody (any other)."""
    start = [Note(0.2), *_breath(rng)]
    if number == 0:
        turn = 0.5 * (voice.low + voice.high)
        up = Note(2.6, voice.low, "a", "m", glide_to=voice.high)
        down = Note(2.6, voice.high, "o", loudness=2, glide_to=turn)
        return [*start, up, down, Note(0.2)]
    if number == 1:
        pitch = int(rng.integers(voice.low + 3, voice.high - 3))
        return [*start, Note(0.5, pitch - 2, "u", "n"), Note(4.0, pitch, "a", "r", 2), Note(0.2)]
    notes, seconds = _melody(voice, rng), rng.uniform(3.4, 5.0)
    total = 0.0
    phrase = list(start)
    while total < seconds:
        note = next(notes)
        phrase.append(note)
        total += note.seconds
        if total - note.seconds < seconds / 2 <= total:
            phrase += [Note(0.1), *_breath(rng)]
    last = next(notes)
    return [*phrase, Note(rng.uniform(0.8, 1.3), last.pitch, last.vowel, last.consonant, -1), Note(0.2)]


def _melody(voice, rng):
    """Syllables without end: a walk on a major scale, long notes on the way."""
    scale = [pitch for pitch in range(voice.low, voice.high + 1) if (pitch - voice.low) % 12 in (0, 2, 4, 5, 7, 9, 11)]
    vowels, consonants = list(VOWELS), list(CONSONANTS)
    position, beat = int(rng.integers(len(scale))), rng.uniform(0.22, 0.34)
    while True:
        position += int(rng.choice([-4, -3, -2, -1, -1, 0, 1, 1, 2, 3, 4]))
        position = abs(position) if position < len(scale) else 2 * (len(scale) - 1) - position
        # Singing grows louder as it rises.
        loudness = 5 * (position / (len(scale) - 1) - 0.5) + rng.normal(0, 1)
        vowel, consonant = str(rng.choice(vowels)), str(rng.choice(consonants))
        slide = scale[position] + float(rng.choice([-2, 2])) if rng.random() < 0.1 else None
        seconds = beat * float(rng.choice([1, 1, 1.5, 2, 3]))
        yield Note(seconds, scale[position], vowel, consonant, loudness, slide)


def _breath(rng):
    return [Note(rng.uniform(0.22, 0.34), breath=True), Note(0.04)]


def write_corpus(folder: Path) -> None:
    """Sing the corpus into ``folder/wav`` and ``folder/f0``, unless this version has done so already.

    The F0 files are ``.npy``, Hz, float32, 300 values a second from sample 0 on, and 0 where the voice is off.
    """
    sources = [Path(__file__), Path(__file__).with_name("demo_singer.py")]
    version = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
    stamp = folder / "version"
    if stamp.exists() and stamp.read_text().strip() == version:
        return
    stamp.unlink(missing_ok=True)
    for name in ("wav", "f0"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    phrases = [(set_, voice, number) for set_ in PHRASES for voice in VOICES for number in range(PHRASES[set_])]
    for set_, voice, number in tqdm(phrases, desc="singing", unit="phrase", dynamic_ncols=True, disable=None):
        rng = np.random.default_rng([SEED, list(PHRASES).index(set_), list(VOICES).index(voice), number])
        # dev and eval hear melodies only.
        notes = compose(VOICES[voice], number if set_ == "train" else 2, rng)
        wav, f0 = sing(notes, VOICES[voice], rng)
        name = f"{voice}_{set_}_{number:02d}"
        write_wav(folder / "wav" / f"{name}.wav", wav, FS)
        np.save(folder / "f0" / f"{name}.npy", f0.astype(np.float32))
    write_whole(stamp, version + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--db_root", default="downloads/demo", help="folder to sing into")
    parser.add_argument("--data", default="data", help="folder of the Kaldi data directories")
    parser.add_argument("--eval_voices", nargs="+", choices=VOICES, default=list(VOICES), help="whom eval has")
    args = parser.parse_args()
    folder = Path(os.path.abspath(args.db_root or "downloads/demo"))
    write_corpus(folder)
    for set_, count in PHRASES.items():
        voices = args.eval_voices if set_ == "eval" else VOICES
        names = [f"{voice}_{set_}_{number:02d}" for voice in voices for number in range(count)]
        write_data_dir(
            Path(args.data) / set_,
            {name: str(folder / "wav" / f"{name}.wav") for name in names},
            {name: name.split("_")[0] for name in names},
            **{"true_f0.scp": {name: str(folder / "f0" / f"{name}.npy") for name in names}},
        )
    print(f"demo: {sum(PHRASES.values()) * len(VOICES)} phrases of {len(VOICES)} voices in {folder}")


if __name__ == "__main__":
    run_cli(main)
