"""Stage 6: all scores of an experiment folder as RESULTS.md and RESULTS.json."""

import argparse

from espnet2_nhv.bin.cli import run_cli
from espnet2_nhv.score.results import write_results


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--expdir", default="exp", help="folder of the experiments")
    parser.add_argument("--vocoders", nargs="+", required=True, help="names of the experiments, one row each")
    parser.add_argument("--sets", nargs="+", default=["dev", "eval"], help="decoded sets, one table each")
    parser.add_argument("--tag", default="", help="suffix of the experiments' folders")
    parser.add_argument("--command", help="the command that made the results, quoted in RESULTS.md")
    return parser


def main() -> None:
    args = get_parser().parse_args()
    rows = write_results(args.expdir, args.vocoders, args.sets, args.tag, args.command)
    for row in rows:
        if row["error"]:
            print(f"{row['vocoder']} on {row['set']}: {row['error']}")
    print(f"results: {args.expdir}/RESULTS.md and {args.expdir}/RESULTS.json")


if __name__ == "__main__":
    run_cli(main)
