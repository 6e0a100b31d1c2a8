"""Stage 6: all scores of an experiment folder as RESULTS.md and RESULTS.json, and a page to listen to them."""

import argparse

from espnet2_nhv.bin.cli import run_cli
from espnet2_nhv.errors import UserError
from espnet2_nhv.report.page.build import build_page
from espnet2_nhv.report.results import write_results
from espnet2_nhv.report.table import COPY_SYNTHESIS


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--expdir", default="exp", help="folder of the experiments")
    parser.add_argument("--vocoders", nargs="+", required=True, help="names of the experiments, one row each")
    parser.add_argument("--sets", nargs="+", default=["dev", "eval"], help="decoded sets, one table each")
    parser.add_argument("--tag", default="", help="suffix of the experiments' folders")
    parser.add_argument("--command", help="the command that made the results, quoted in RESULTS.md")
    parser.add_argument("--made_from", default=COPY_SYNTHESIS, help="what was synthesised, said in RESULTS.md")
    parser.add_argument("--dumpdir", help="folder of the sets, e.g. dump: makes the listening page EXPDIR/report")
    parser.add_argument("--notes", help="notes of what was sung, drawn under its F0: data/score/SET/notes.json")
    parser.add_argument("--utterances", type=int, default=50, help="of each set on the page, at most")
    parser.add_argument("--nj", type=int, default=1, help="processes")
    return parser


def main() -> None:
    args = get_parser().parse_args()
    if args.utterances < 1:
        raise UserError(f"--utterances is {args.utterances}: give 1 or more, or leave out --dumpdir for no page")
    rows = write_results(args.expdir, args.vocoders, args.sets, args.tag, args.command, args.made_from)
    for row in rows:
        if row["error"] and "probe" not in row:  # what was not probed is in the tables, once for each vocoder
            print(f"{row['vocoder']} on {row['set']}: {row['error']}")
    print(f"results: {args.expdir}/RESULTS.md and {args.expdir}/RESULTS.json")
    if args.dumpdir is not None:
        try:
            page = build_page(args.expdir, args.dumpdir, rows, args.command, args.utterances, args.nj, args.notes)
            print(f"listening page: {page}, opened in any browser")
        except UserError as error:  # the results are there all the same
            print(f"no listening page: {error}")


if __name__ == "__main__":
    run_cli(main)
