"""PJS's labels and MusicXML as data of ESPnet's singing tasks, for the phrases that stages 2 and 3 made."""

import argparse
import functools
from pathlib import Path

from align_score import PAUSE, align
from data_dirs import SETS, corpus_folder
from espnet_score import write_set, write_tokens
from pjs_data import HINT
from tqdm import tqdm

from espnet2_nhv.bin.cli import run_cli
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.notation import read_song


def read_labels(path: Path):
    """PJS's .lab: start and end in 100 ns, phoneme; gaps are pauses, and so is what is marked as not to be used."""
    labels, now = [], 0.0
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    for number, line in enumerate(lines, 1):
        fields = line.split()
        if not fields:
            continue
        if len(fields) != 3 or not fields[0].isdigit() or not fields[1].isdigit():
            raise UserError(f"{path}, line {number}: not a start, an end and a phoneme: {line!r}")
        start, end = int(fields[0]) / 1e7, int(fields[1]) / 1e7
        if start > now:
            labels.append((now, start, PAUSE))
        labels.append((max(start, now), end, PAUSE if fields[2] == "xx" else fields[2]))
        now = end
    return labels


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--db_root", default="", help="the folder PJS_corpus_ver1.1")
    parser.add_argument("--dump", type=Path, default=Path("dump"), help="what stages 2 and 3 made")
    parser.add_argument("--out", type=Path, default=Path("data/score"), help="where to write")
    args = parser.parse_args()
    root = corpus_folder(args.db_root, "pjs", HINT)
    root = root / "PJS_corpus_ver1.1" if (root / "PJS_corpus_ver1.1").is_dir() else root
    spec = FeatureSpec.load(args.dump / "spec.yaml")

    @functools.lru_cache(maxsize=4)
    def sung_of(song):
        folder = root / song
        return align(read_song(folder / f"{song}.musicxml").notes, read_labels(folder / f"{song}.lab"))

    def tempo_of(song):
        return round(read_song(root / song / f"{song}.musicxml").tempo)

    tokens = set()
    for name in tqdm(SETS, desc="sets", leave=False, disable=None):
        count, phones = write_set(args.dump / name, args.out / name, spec, sung_of, tempo_of)
        tokens |= phones
        print(f"{args.out / name}: {count} phrases, {len(phones)} phonemes")
    write_tokens(args.out / "tokens.txt", tokens)


if __name__ == "__main__":
    run_cli(main)
