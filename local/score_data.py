"""Stage 1 of the corpus `score`: any folder of recordings, each with its score and phoneme labels beside it."""

from data_dirs import corpus_folder, parse_args
from songs import SCORES, beside, label_of
from wav_data import write_recordings

from espnet2_nhv.bin.cli import run_cli
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.finding import find_files

HINT = (
    "give a folder of recordings with a score (MusicXML, MIDI or ustx) and labels (.lab) of the same name beside each"
)


def main():
    args = parse_args(__doc__)
    folder = corpus_folder(args.db_root, "score", HINT)
    files = find_files(folder)
    scored = [path for path in files if beside(path, SCORES) is not None]
    if not scored:
        raise UserError(f"--db_root {args.db_root}: no recording in it has a score beside it: {HINT}")
    if len(scored) < len(files):
        left = next(path for path in files if path not in scored)
        print(f"left out: {len(files) - len(scored)} recordings without a score, e.g. {left}")
    if len(scored) < 3:
        raise UserError(
            f"--db_root {args.db_root}: {len(scored)} recordings with a score, but train, dev and eval need one each"
        )
    for path in scored:
        label_of(path)
    write_recordings(scored, folder, args.data)


if __name__ == "__main__":
    run_cli(main)
