"""Stage 6: put a saved vocoder to what singing asks beyond copying: long notes, other keys, time and memory."""

import argparse

from espnet2_nhv.bin.cli import run_cli
from espnet2_nhv.errors import UserError
from espnet2_nhv.score.robustness.columns import COLUMNS, kind_of
from espnet2_nhv.score.robustness.rows import FILE
from espnet2_nhv.score.robustness.run import HELD_SECONDS, measure_robustness


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--vocoder", required=True, help="a saved vocoder, e.g. exp/nhv/vocoder")
    parser.add_argument("--data", required=True, help="a set with features and recordings, e.g. dump/eval")
    parser.add_argument("--out", required=True, help="where to write, e.g. exp/nhv/robustness")
    parser.add_argument("--held", nargs="*", type=float, default=HELD_SECONDS, help="lengths of held notes (s)")
    parser.add_argument("--phrases", type=int, default=3, help="how many phrases are sung in other keys")
    parser.add_argument("--limit", type=float, default=600.0, help="seconds of computing that one probe may take")
    return parser


def main() -> None:
    args = get_parser().parse_args()
    if args.phrases < 1:
        raise UserError(f"--phrases is {args.phrases}: give 1 or more")
    results = measure_robustness(args.vocoder, args.data, args.out, args.held, args.phrases, args.limit)
    held = results["held_from"]
    print(f"held notes: {held['utt']} at {held['seconds']:.2f} s, {held['f0']:.1f} Hz")
    for probe, values in results["probes"].items():
        shown = [
            f"{metric.label} {values[metric.key]:.{metric.decimals}f} {metric.unit}".strip()
            for metric in COLUMNS[kind_of(probe)]
            if values.get(metric.key) is not None
        ]
        print(f"{probe:13}{values.get('skipped') or ', '.join(shown)}")
    print(f"results: {args.out}/{FILE}")


if __name__ == "__main__":
    run_cli(main)
