"""How far singing from scores is off the notes, and off the recordings, in pitch."""

import argparse
import json
from pathlib import Path

import numpy as np
from tqdm import tqdm

from espnet2_nhv.bin.cli import run_cli
from espnet2_nhv.feature.datadir import read_table
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.score.cache import cached_f0
from espnet2_nhv.score.evaluate import F0_CACHE, load_wav

_ENDS = 0.05  # s at a note's ends that "inside" leaves out: there a voice is on its way


def read_notes(folder: Path):
    """For each phrase the notes as start and end (s, by the label) and MIDI note."""
    scores = read_table(folder / "score.scp")
    for utt, line in read_table(folder / "label").items():
        fields = line.split()
        times = [(float(start), float(end)) for start, end in zip(fields[::3], fields[1::3])]
        found, place = [], 0
        for _, _, _, midi, phones in json.loads(Path(scores[utt]).read_text(encoding="utf-8"))["note"]:
            count = len(phones.split("_"))
            if midi:
                found.append((times[place][0], times[place + count - 1][1], midi))
            place += count
        yield utt, found


def sung_f0(path: str, spec: FeatureSpec, folder: Path, utt: str):
    """F0 and voicing as scoring hears them, which keeps them."""
    return cached_f0(load_wav(path, spec.fs), spec, folder, utt)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--score", type=Path, required=True, help="e.g. data/score/eval")
    parser.add_argument("--data", type=Path, required=True, help="the recordings, e.g. dump/eval")
    parser.add_argument(
        "--decode", type=Path, nargs="+", required=True, help="folders with wav.scp, timed as the labels"
    )
    args = parser.parse_args()
    spec = FeatureSpec.load(args.data.parent / "spec.yaml")
    notes = dict(read_notes(args.score))
    recordings = {utt: path for utt, path in read_table(args.data / "wav.scp").items() if utt in notes}
    recorded = {
        utt: sung_f0(path, spec, args.data / "score_cache", utt)
        for utt, path in tqdm(recordings.items(), "recordings", leave=False, disable=None)
    }
    print("| | off the note by > 1 semitone, all / inside (%) | off the recording by > 50 / > 100 cents (%) | frames |")
    print("|---|---|---|---|")
    for folder in [None, *args.decode]:
        wavs = recordings if folder is None else read_table(folder / "wav.scp")
        counts = np.zeros(7)
        for utt in tqdm(sorted(set(wavs) & set(notes)), str(folder), leave=False, disable=None):
            f0, vuv = recorded[utt] if folder is None else sung_f0(wavs[utt], spec, folder / F0_CACHE, utt)
            n_frames = min(len(f0), len(recorded[utt][0]))
            f0, voiced = f0[:n_frames].reshape(-1), vuv[:n_frames].reshape(-1) > 0.5
            asked, inside = np.zeros(n_frames), np.zeros(n_frames, bool)
            for start, end, midi in notes[utt]:
                asked[round(start * spec.frame_rate) : round(end * spec.frame_rate)] = midi
                inside[round((start + _ENDS) * spec.frame_rate) : round((end - _ENDS) * spec.frame_rate)] = True
            where = voiced & (asked > 0)
            off = np.abs(12 * np.log2(f0 / 440) + 69 - asked) > 1
            other, other_voiced = (x[:n_frames].reshape(-1) for x in recorded[utt])
            both = voiced & (other_voiced > 0.5)
            cents = 1200 * np.abs(np.log2(f0 / other))[both]
            sets = off & where, where, off & where & inside, where & inside, cents > 50, cents > 100, both
            counts += [frames.sum() for frames in sets]
        share = [100 * a / max(b, 1) for a, b in zip(counts[[0, 2, 4, 5]], counts[[1, 3, 6, 6]])]
        against = "-" if folder is None else f"{share[2]:.1f} / {share[3]:.1f}"
        print(f"| {folder or 'recordings'} | {share[0]:.1f} / {share[1]:.1f} | {against} | {int(counts[1])} |")


if __name__ == "__main__":
    run_cli(main)
