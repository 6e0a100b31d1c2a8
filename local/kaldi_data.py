"""Stage 1 of the corpus `kaldi`: data directories that Kaldi or ESPnet has prepared."""

import os
from fnmatch import fnmatch
from pathlib import Path
from typing import Dict, Optional

from data_dirs import SETS, Corpus, corpus_folder, parse_args, write_split

from espnet2_nhv.bin.cli import run_cli
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.datadir import read_segments, read_table
from espnet2_nhv.text import existing_path

HINT = "give a folder with a wav.scp, or one with train, dev and eval (or test) folders that have one"
# Folder names, the better first: where there is a tr_no_dev, `train` has the held-out songs too.
NAMES = {
    "train": ("tr_no_dev", "train_no_dev", "train_nodev", "train", "train_*", "tr_*"),
    "dev": ("dev", "valid", "dev_*", "valid_*"),
    "eval": ("eval", "test", "eval*", "test_*"),
}


def read_corpus(folder: Path) -> Corpus:
    """A data directory, with paths made absolute: relative ones are relative to the current folder, as in Kaldi."""
    wav_scp = {name: _absolute(source) for name, source in read_table(folder / "wav.scp").items()}
    if not wav_scp:
        raise UserError(f"{folder}/wav.scp is empty: {HINT}")
    files = [source for source in wav_scp.values() if not source.endswith("|")]
    lost = [source for source in files if not os.path.exists(existing_path(_file(source)))]
    if len(lost) == len(wav_scp):
        raise UserError(
            f"{folder}/wav.scp: none of its files exists (the first: {lost[0]}): "
            f"if its paths are relative, run from the folder that they are relative to"
        )
    segments = read_segments(folder / "segments") if (folder / "segments").exists() else None
    speakers = read_table(folder / "utt2spk") if (folder / "utt2spk").exists() else {}
    return Corpus(wav_scp, {name: speakers.get(name, name) for name in segments or wav_scp}, segments)


def find_sets(folder: Path) -> Dict[str, Path]:
    """The data directories in a folder that are train, dev and eval."""
    inside = sorted(path.name for path in folder.iterdir() if (path / "wav.scp").exists())
    sets = {name: _find(folder, inside, patterns) for name, patterns in NAMES.items()}
    missing = [name for name, found in sets.items() if found is None]
    if missing:
        there = f"it has {', '.join(inside)}" if inside else "nothing in it has a wav.scp"
        raise UserError(f"--db_root {folder}: no data directory for {missing[0]} ({there}): {HINT}")
    return sets


def _find(folder, inside, patterns) -> Optional[Path]:
    for pattern in patterns:
        found = [name for name in inside if fnmatch(name, pattern)]
        if len(found) > 1:
            raise UserError(f"--db_root {folder}: {' and '.join(found)} could both be meant: leave one of them there")
        if found:
            return folder / found[0]
    return None


def _absolute(source: str) -> str:
    return source if source.endswith("|") else os.path.abspath(source)


def _file(source: str) -> str:
    return source.rpartition(":")[0] if ".ark:" in source else source


def main():
    args = parse_args(__doc__)
    folder = corpus_folder(args.db_root, "kaldi", HINT)
    if (folder / "wav.scp").exists():
        write_split(read_corpus(folder), args.data)
        return
    corpora = {name: read_corpus(path) for name, path in find_sets(folder).items()}
    for one, other in (("train", "dev"), ("train", "eval"), ("dev", "eval")):
        common = sorted(set(corpora[one].utt2spk) & set(corpora[other].utt2spk))
        if common:
            raise UserError(
                f"--db_root {folder}: utterance {common[0]!r} is in both {one} and {other}: remove it from one"
            )
    for name in SETS:
        corpora[name].write(args.data / name, corpora[name].utt2spk)
    print(f"{args.data}: " + ", ".join(f"{len(corpora[name].utt2spk)} {name}" for name in SETS))


if __name__ == "__main__":
    run_cli(main)
