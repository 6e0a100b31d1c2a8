"""Say how far mel spectrograms lie from what a vocoder was trained on, the likely cause, and the fix."""

import argparse
import json

from tqdm import tqdm

from espnet2_nhv.bin.cli import run_cli
from espnet2_nhv.files import write_whole
from espnet2_nhv.refiner.diagnosis import diagnose
from espnet2_nhv.refiner.report import table, values, verdict
from espnet2_nhv.refiner.statistics import MelStatistics
from espnet2_nhv.synthesis.default import vocoder_path
from espnet2_nhv.synthesis.features import frames_first, read_mels
from espnet2_nhv.vocoder.saved import load_vocoder


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--vocoder", help="a saved vocoder; default: the one that comes along")
    parser.add_argument("--mel", required=True, nargs="+", help="mels: .ark, .scp, .npz, .npy, folders or lists")
    parser.add_argument("--rows", type=int, default=12, help="groups of bands in the table")
    parser.add_argument("--json", help="write everything, every band by itself, to this file")
    return parser


def main() -> None:
    args = get_parser().parse_args()
    vocoder = load_vocoder(vocoder_path(args.vocoder))
    spec = vocoder.spec
    utterances = ((f"{utt} in {path}", mel) for path in args.mel for utt, mel, _ in read_mels(path))
    utterances = tqdm(utterances, desc="read", unit="utt", dynamic_ncols=True, disable=None)
    given = MelStatistics.of(frames_first(mel, spec.n_mels, where) for where, mel in utterances)
    mean, std = vocoder.mel_mean[:, 0].numpy(), vocoder.mel_std[:, 0].numpy()
    found = diagnose(given, mean, std, spec)
    print(f"{given.n_utterances} utterances, {given.n_frames} frames")
    print(table(found, args.rows))
    print("\n".join(verdict(found)))
    if args.json:
        write_whole(args.json, json.dumps(values(found), indent=1))


if __name__ == "__main__":
    run_cli(main)
