"""Stage 1 of the corpus `wav`: any folder of audio files."""

from pathlib import Path
from typing import List

import soundfile
from data_dirs import MIN_HELD_OUT, Corpus, corpus_folder, find_files, name_files, parse_args, safe_id, write_split
from tqdm import tqdm

from espnet2_nhv.bin.cli import run_cli
from espnet2_nhv.errors import UserError

EXTENSIONS = (".wav", ".flac", ".ogg", ".mp3")
HINT = "give a folder with your recordings (wav, flac, ogg or mp3; subfolders are singers)"


def is_long_enough(path: str) -> bool:
    """Whether a file says of itself that it is audio of some length; others stay in train, where stage 2 names them."""
    try:
        return soundfile.info(path).duration >= MIN_HELD_OUT
    except soundfile.LibsndfileError:
        return False


def write_recordings(files: List[Path], folder: Path, data: Path) -> None:
    """Write train, dev and eval of files below `folder`, whose first folders are singers."""
    wav_scp = name_files(files, lambda path: safe_id("_".join(path.relative_to(folder).with_suffix("").parts)))
    utt2spk = {}
    for path, name in zip(files, wav_scp):
        folders = path.relative_to(folder).parts[:-1]
        utt2spk[name] = safe_id(folders[0]) if folders else "wav"
    bar = tqdm(wav_scp.items(), desc="looking at files", unit="file", dynamic_ncols=True, disable=None)
    doubtful = [name for name, path in bar if not is_long_enough(path)]
    write_split(Corpus(wav_scp, utt2spk), data, doubtful)


def main():
    args = parse_args(__doc__)
    folder = corpus_folder(args.db_root, "wav", HINT)
    files = find_files(folder, EXTENSIONS)
    if not files:
        raise UserError(f"--db_root {args.db_root}: no wav, flac, ogg or mp3 file in it: {HINT}")
    write_recordings(files, folder, args.data)


if __name__ == "__main__":
    run_cli(main)
