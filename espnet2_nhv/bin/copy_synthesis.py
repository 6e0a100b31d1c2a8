"""Analyse recordings and synthesise them again, in another key or with other formants if wanted."""

import argparse
import sys

import torch

from espnet2_nhv import load_vocoder
from espnet2_nhv.bin.cli import add_synthesis, run_cli
from espnet2_nhv.feature.pitch.registry import DEFAULT, METHOD_HELP, METHODS
from espnet2_nhv.synthesis.copy_synthesis import Change, copy_synthesis
from espnet2_nhv.synthesis.decode import digest
from espnet2_nhv.synthesis.default import vocoder_path


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("source", help="an audio file of any rate; or a folder of them, or a list (.txt, .scp)")
    parser.add_argument("target", help="the wav file to write; or a folder for the results of many")
    parser.add_argument("--key_shift", type=float, default=0.0, help="semitones up; the formants stay")
    parser.add_argument("--f0_scale", type=float, default=1.0, help="factor of F0; the formants stay")
    parser.add_argument("--formant_shift", type=float, default=1.0, help="factor of the formants; the pitch stays")
    parser.add_argument("--f0_method", choices=METHODS, default=DEFAULT, help=METHOD_HELP)
    add_synthesis(parser)
    return parser


def main() -> None:
    args = get_parser().parse_args()
    if args.threads is not None:
        torch.set_num_threads(args.threads)
    path = vocoder_path(args.vocoder)
    change = Change(args.key_shift, args.f0_scale, args.formant_shift)
    vocoder = load_vocoder(path)
    made_with = dict(vocoder=digest(*sorted(path.glob("vocoder.*"))) if path.is_dir() else digest(path))
    failed = copy_synthesis(args.source, args.target, vocoder, made_with, change, args.f0_method, args.subtype)
    if failed:
        sys.exit(f"error: {len(failed)} files were left out (see above)")


if __name__ == "__main__":
    run_cli(main)
