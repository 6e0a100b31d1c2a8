"""Synthesise features: Kaldi ark or scp, npz, npy, or a folder or list of those."""

import argparse

import torch

from espnet2_nhv import load_vocoder
from espnet2_nhv.bin.cli import add_synthesis, run_cli
from espnet2_nhv.synthesis.default import vocoder_path
from espnet2_nhv.synthesis.synthesize import find_spec, synthesize_files


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--mel", required=True, help="raw log-mel: .ark, .scp, .npz, .npy, a folder or a list")
    parser.add_argument("--f0", help="Hz, likewise; not needed where the npz files hold it. 0 means unvoiced")
    parser.add_argument("--out", default="synthesized", help="folder to write UTT.wav to")
    parser.add_argument("--spec", help="feature spec of the mel; default: spec.yaml beside it, else the vocoder's own")
    add_synthesis(parser)
    return parser


def main() -> None:
    args = get_parser().parse_args()
    if args.threads is not None:
        torch.set_num_threads(args.threads)
    vocoder = load_vocoder(vocoder_path(args.vocoder))
    samples = synthesize_files(args.mel, args.f0, args.out, vocoder, find_spec(args.mel, args.spec), args.subtype)
    print(f"{len(samples)} utterances, {sum(samples.values()) / vocoder.fs:.1f} s of audio in {args.out}")


if __name__ == "__main__":
    run_cli(main)
