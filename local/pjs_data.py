"""Stage 1 of the corpus `pjs`: PJS_corpus_ver1.1, in its authors' layout."""

import re

from data_dirs import SETS, Corpus, corpus_folder, name_files, parse_args

from espnet2_nhv.bin.cli import run_cli
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.finding import find_files

HINT = (
    "download PJS_corpus_ver1.1 (CC BY-SA 4.0) from "
    "https://sites.google.com/site/shinnosuketakamichi/research-topics/pjs_corpus and name its folder"
)
SONG = re.compile(r"(pjs(\d{3}))_song\.(wav|flac)$")


def set_of(number: int) -> str:
    """The set of song `number` (1 to 100)."""
    return "eval" if number > 90 else "dev" if number > 80 else "train"


def main():
    args = parse_args(__doc__)
    folder = corpus_folder(args.db_root, "pjs", HINT)
    if (folder / "PJS_corpus_ver1.1").is_dir():
        folder = folder / "PJS_corpus_ver1.1"
    songs = [path for path in find_files(folder, (".wav", ".flac")) if SONG.fullmatch(path.name)]
    wav_scp = name_files(songs, lambda path: SONG.fullmatch(path.name)[1])
    sets = {name: [song for song in wav_scp if set_of(int(song[3:])) == name] for name in SETS}
    for name in SETS:
        if not sets[name]:
            raise UserError(f"--db_root {args.db_root}: it has no pjsNNN/pjsNNN_song.wav (or .flac) of {name}: {HINT}")
    corpus = Corpus(wav_scp, {song: "pjs" for song in wav_scp})
    for name in SETS:
        corpus.write(args.data / name, sets[name])
    print(f"{args.data}: " + ", ".join(f"{len(sets[name])} {name}" for name in SETS) + " songs")


if __name__ == "__main__":
    run_cli(main)
