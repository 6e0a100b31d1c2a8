"""Synthesise features: Kaldi ark or scp, npz, npy, or a folder or list of those."""

import argparse
import sys

from espnet2_nhv.bin.cli import add_knobs, add_subtype, add_threads, add_vocoder, knobs_of, run_cli


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument(
        "--mel", required=True, help="raw log-mel: .ark, .scp, .npz, .npy, DiffSinger's .pt, a folder or a list"
    )
    parser.add_argument(
        "--f0", help="Hz, likewise, or csv, tsv, MIDI; not needed where npz files hold it. 0 or NaN is unvoiced"
    )
    parser.add_argument("--out", default="synthesized", help="folder to write UTT.wav to")
    parser.add_argument("--spec", help="feature spec of the mel; default: spec.yaml beside it, else the vocoder's own")
    parser.add_argument(
        "--mel_layout",
        choices=("frames_first", "bands_first"),
        help="of mels with as many frames as bands, where no other mel of the run tells",
    )
    parser.add_argument("--refiner", help="a saved refiner (train_refiner makes them) that repairs the mel first")
    add_knobs(parser)
    add_vocoder(parser)
    add_subtype(parser)
    add_threads(parser)
    return parser


def main() -> None:
    args = get_parser().parse_args()
    # Below the options, since --help and a wrong option need not wait for PyTorch.
    from espnet2_nhv.synthesis.default import open_vocoder
    from espnet2_nhv.synthesis.synthesize import find_spec, synthesize_files

    knobs = knobs_of(args)
    vocoder, digest = open_vocoder(args.vocoder, args.threads, args.refiner)
    spec = find_spec(args.mel, args.spec)
    samples, failed = synthesize_files(
        args.mel, args.f0, args.out, vocoder, digest, spec, args.subtype, knobs, args.mel_layout
    )
    print(f"{len(samples)} utterances, {sum(samples.values()) / vocoder.fs:.1f} s of audio in {args.out}")
    if failed:
        sys.exit(f"error: {len(failed)} utterances were left out (see above)")


if __name__ == "__main__":
    run_cli(main)
