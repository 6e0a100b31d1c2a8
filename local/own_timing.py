"""Phrases sung in their score's timing and the model's own, as bin.sing does it, and how far that is from the singer's.

Writes wav.scp and waveforms as decoding does, on the recordings' time, for bin.score and note_scores.py.
"""

import argparse
import json
import logging
from pathlib import Path

import numpy as np
from tqdm import tqdm

from espnet2_nhv.bin.cli import run_cli
from espnet2_nhv.espnet.singer import Singer
from espnet2_nhv.feature.datadir import read_table, write_table
from espnet2_nhv.notation.phrases import Syllable
from espnet2_nhv.synthesis.sing import together
from espnet2_nhv.synthesis.wav import write_wav

_LATE = 0.05  # s


def phrase_of(notes: list, onsets: np.ndarray) -> list:
    """The syllables of one of ESPnet's scores, moved together to where its vowels are in the recording.

    The score begins where the first consonant does, not the first note; `onsets` are the label's, of every phoneme, s.
    """
    phrase = [Syllable(start, end, midi, phones.split("_"), lyric) for start, end, lyric, midi, phones in notes]
    firsts = np.cumsum([0, *(len(syllable.phones) for syllable in phrase)])
    away = [onsets[first + s.n_leading] - s.start for first, s in zip(firsts, phrase) if s.midi]
    shift = float(np.median(away)) if away else 0.0
    for syllable in phrase:
        syllable.start, syllable.end = syllable.start + shift, syllable.end + shift
    phrase[0].start = min(0.0, phrase[0].end - 0.01)
    return phrase


def tally(onsets: dict) -> str:
    """Lines of a table: of vowels and consonants, how far their onsets are from the label's, in ms."""
    lines = []
    for kind in ("vowels", "consonants"):
        away = np.array(onsets[kind]) * 1000
        lines.append(
            f"| {kind} | {np.median(away):+.0f} | {np.median(np.abs(away)):.0f} | "
            f"{100 * np.mean(np.abs(away) > 1000 * _LATE):.1f} | {len(away)} |"
        )
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--score", type=Path, required=True, help="e.g. data/score/eval")
    parser.add_argument("--model", type=Path, required=True, help="a trained singing model")
    parser.add_argument("--vocoder", type=Path, help="a saved vocoder, where the model has none")
    parser.add_argument("--out", type=Path, required=True, help="where to write, e.g. exp/joint/own/decode/eval")
    args = parser.parse_args()
    logging.getLogger().setLevel(logging.WARNING)
    singer = Singer(args.model, args.vocoder)
    labels = read_table(args.score / "label")
    (args.out / "wav").mkdir(parents=True, exist_ok=True)
    made, onsets = {}, dict(vowels=[], consonants=[])
    for utt, path in tqdm(read_table(args.score / "score.scp").items(), "phrases", leave=False, disable=None):
        score = json.loads(Path(path).read_text(encoding="utf-8"))
        wanted = np.array(labels[utt].split()[::3], dtype=float)
        phrase = phrase_of(score["note"], wanted)
        sung = singer.sing(phrase, score["tempo"])
        made[utt] = args.out / "wav" / f"{utt}.wav"
        write_wav(made[utt], together([sung], singer.fs), singer.fs)
        begins = sung.start + np.concatenate([[0], np.cumsum(sung.frames)[:-1]]) / singer.rate
        places = [(s, i) for s in phrase for i in range(len(s.phones))]
        for (syllable, index), begin, label in zip(places, begins, wanted):
            if syllable.midi:
                onsets["vowels" if index >= syllable.n_leading else "consonants"].append(begin - label)
    write_table(args.out / "wav.scp", made)
    print(f"| onsets of | median (ms) | median away (ms) | beyond {1000 * _LATE:.0f} ms (%) | phonemes |")
    print("|---|---:|---:|---:|---:|")
    print(tally(onsets))


if __name__ == "__main__":
    run_cli(main)
