"""Analyse recordings and synthesise them again, in another key or with other formants if wanted."""

import argparse
import sys

from espnet2_nhv.bin.cli import add_knobs, add_pitch, add_subtype, add_threads, add_vocoder, knobs_of, run_cli


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("source", help="an audio file of any rate; or a folder of them, or a list (.txt, .scp)")
    parser.add_argument("target", help="the wav file to write; or a folder for the results of many")
    parser.add_argument("--key_shift", type=float, default=0.0, help="semitones up; the formants stay")
    parser.add_argument("--f0_scale", type=float, default=1.0, help="factor of F0; the formants stay")
    parser.add_argument("--formant_shift", type=float, default=1.0, help="factor of the formants; the pitch stays")
    parser.add_argument("--stretch", type=float, default=1.0, help="factor of the length; consonants keep theirs")
    parser.add_argument("--notes", metavar="FILE", help="notes moved singly: a table of start (s), end (s), semitones")
    add_knobs(parser)
    add_pitch(parser)
    parser.add_argument("--keep_features", metavar="DIR", help="keep mel and F0 there too, for synthesize --mel DIR")
    add_vocoder(parser)
    add_subtype(parser)
    add_threads(parser)
    return parser


def main() -> None:
    args = get_parser().parse_args()
    # Below the options, since --help and a wrong option need not wait for PyTorch.
    from espnet2_nhv.feature.pitch.note_moves import NoteMoves
    from espnet2_nhv.feature.pitch.source import PitchSource
    from espnet2_nhv.synthesis.change import Change
    from espnet2_nhv.synthesis.copy_synthesis import copy_synthesis
    from espnet2_nhv.synthesis.default import open_vocoder

    change = Change(args.key_shift, args.f0_scale, args.formant_shift, args.stretch)
    pitch = PitchSource(args.f0_method, args.f0_floor, args.f0_ceil, args.f0)
    knobs, moves = knobs_of(args), NoteMoves(args.notes)
    vocoder, digest = open_vocoder(args.vocoder, args.threads)
    failed = copy_synthesis(
        args.source, args.target, vocoder, digest, change, pitch, args.subtype, args.keep_features, knobs, moves
    )
    if failed:
        sys.exit(f"error: {len(failed)} files were left out (see above)")


if __name__ == "__main__":
    run_cli(main)
