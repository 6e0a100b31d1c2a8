"""Stage 2: recordings of any kind become phrases, mono, at the spec's sampling rate, as FLAC."""

import argparse
from pathlib import Path

from espnet2_nhv.bin.cli import run_cli
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.prepare import prepare_data_dir, print_report
from espnet2_nhv.feature.spec import FeatureSpec


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="Kaldi data directory to read")
    parser.add_argument("--out", type=Path, required=True, help="data directory to write, e.g. dump/train")
    parser.add_argument("--spec", type=Path, required=True, help="feature spec, e.g. a file of conf/feature")
    parser.add_argument("--allow_upsampling", action="store_true", help="take recordings of a lower sampling rate")
    parser.add_argument("--max_phrase_seconds", type=float, default=12.0, help="length of the longest phrase, s")
    parser.add_argument(
        "--speed_factors",
        type=float,
        nargs="*",
        default=[],
        help="speeds at which recordings are taken once more, e.g. 1.2",
    )
    parser.add_argument(
        "--speed_speakers", nargs="*", default=[], help="whose recordings are, e.g. pjs (everybody's if not given)"
    )
    parser.add_argument(
        "--balance_voices",
        action="store_true",
        help="write utt2weight: training hears a voice by the root of its minutes",
    )
    parser.add_argument("--nj", type=int, default=1, help="processes")
    parser.add_argument("--strict", action="store_true", help="end with an error if anything had to be left out")
    return parser


def main():
    args = get_parser().parse_args()
    report = prepare_data_dir(
        args.data,
        args.out,
        FeatureSpec.load(args.spec),
        args.allow_upsampling,
        args.max_phrase_seconds,
        args.nj,
        args.speed_factors,
        args.speed_speakers,
        args.balance_voices,
    )
    print_report(report, args.out)
    if args.strict and report.problems:
        raise UserError(f"--strict: {len(report.problems)} of {args.data} had to be left out (see above)")


if __name__ == "__main__":
    run_cli(main)
