"""Stage 3: log-mel and F0 of a dump folder's phrases, in Kaldi ark files."""

import argparse
from pathlib import Path

from espnet2_nhv.bin.cli import add_pitch, run_cli
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.extract import extract_features, print_report
from espnet2_nhv.feature.pitch.source import PitchSource
from espnet2_nhv.feature.spec import FeatureSpec


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="set to extract, e.g. dump/train")
    parser.add_argument("--spec", type=Path, help="feature spec (default: spec.yaml beside the set)")
    add_pitch(parser)
    parser.add_argument("--nj", type=int, default=1, help="processes")
    parser.add_argument("--strict", action="store_true", help="end with an error if anything had to be left out")
    return parser


def main():
    args = get_parser().parse_args()
    beside = args.data.parent / "spec.yaml"
    pitch = PitchSource(args.f0_method, args.f0_floor, args.f0_ceil, args.f0)
    loaded = FeatureSpec.load(args.spec or beside)
    spec = pitch.spec(loaded)
    if spec != loaded and args.spec is None:
        spec.save(beside)  # later stages search where this one did; the other sets are extracted again in their turn
    report = extract_features(args.data, spec, args.nj, pitch.method, pitch.curves)
    print_report(report, args.data)
    if args.strict and report.problems:
        raise UserError(f"--strict: {len(report.problems)} of {args.data} had to be left out (see above)")


if __name__ == "__main__":
    run_cli(main)
