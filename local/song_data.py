"""Scores and labels beside recordings as data of ESPnet's singing tasks, for the phrases that stages 2 and 3 made."""

import argparse
import functools
from pathlib import Path

from align_score import align
from data_dirs import SETS
from espnet_score import write_set, write_tokens
from labels import read_labels
from songs import label_of, score_of
from tqdm import tqdm

from espnet2_nhv.bin.cli import run_cli
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.datadir import read_table
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.notation import read_song


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data"), help="what stage 1 made: where the recordings are")
    parser.add_argument("--dump", type=Path, default=Path("dump"), help="what stages 2 and 3 made")
    parser.add_argument("--out", type=Path, default=Path("data/score"), help="where to write")
    args = parser.parse_args()
    spec = FeatureSpec.load(args.dump / "spec.yaml")
    recordings = {}
    for name in SETS:
        recordings.update(read_table(args.data / name / "wav.scp"))

    @functools.lru_cache(maxsize=4)
    def song_of(recording):
        return read_song(score_of(recordings[recording]))

    @functools.lru_cache(maxsize=4)
    def sung_of(recording):
        try:
            return align(song_of(recording).notes, read_labels(label_of(recordings[recording])))
        except UserError as error:
            raise UserError(f"{score_of(recordings[recording])}: {error}") from None

    def tempo_of(recording):
        return round(song_of(recording).tempo)

    tokens = set()
    for name in tqdm(SETS, desc="sets", leave=False, disable=None):
        count, phones = write_set(args.dump / name, args.out / name, spec, sung_of, tempo_of)
        if not count:
            raise UserError(f"{args.dump / name}: none of its phrases has notes: do scores and labels belong to it?")
        tokens |= phones
        print(f"{args.out / name}: {count} phrases, {len(phones)} phonemes")
    write_tokens(args.out / "tokens.txt", tokens)


if __name__ == "__main__":
    run_cli(main)
