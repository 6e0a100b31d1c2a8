"""Stage 1 of the corpus `wav`: any folder of audio files."""

from pathlib import Path
from typing import List

from data_dirs import Corpus, corpus_folder, name_files, parse_args, safe_id, write_split

from espnet2_nhv.bin.cli import run_cli
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.finding import find_files

HINT = "give a folder with your recordings (wav, flac, ogg or mp3; subfolders are singers)"


def write_recordings(files: List[Path], folder: Path, data: Path) -> None:
    """Write train, dev and eval of files below `folder`, whose first folders are singers."""
    wav_scp = name_files(files, lambda path: safe_id("_".join(path.relative_to(folder).with_suffix("").parts)))
    utt2spk = {}
    for path, name in zip(files, wav_scp):
        folders = path.relative_to(folder).parts[:-1]
        utt2spk[name] = safe_id(folders[0]) if folders else "wav"
    write_split(Corpus(wav_scp, utt2spk), data)


def main():
    args = parse_args(__doc__)
    folder = corpus_folder(args.db_root, "wav", HINT)
    files = find_files(folder)
    if not files:
        raise UserError(f"--db_root {args.db_root}: no wav, flac, ogg, mp3 or other sound file in it: {HINT}")
    write_recordings(files, folder, args.data)


if __name__ == "__main__":
    run_cli(main)
