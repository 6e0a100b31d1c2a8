"""Write the singers, mel graphs and pitch tracker of the page that sings in a browser (tools/web.sh calls this)."""

import argparse
from pathlib import Path

from espnet2_nhv.bin.cli import run_cli
from espnet2_nhv.errors import UserError


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("vocoders", nargs="+", metavar="VOCODER", help="saved vocoders; the first one sings at first")
    parser.add_argument("--out", type=Path, required=True, help="the page's folder, with its own files in it")
    return parser


def main() -> None:
    args = get_parser().parse_args()
    if not (args.out / "index.html").is_file():
        raise UserError(f"{args.out}: the page's own files are not there: tools/web.sh makes the whole folder")
    from espnet2_nhv.export.web import write_folder

    for path in write_folder(args.vocoders, args.out):
        print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")
    size = sum(file.stat().st_size for file in args.out.rglob("*") if file.is_file())
    print(f"{args.out}: {size / 1e6:.1f} MB in all")


if __name__ == "__main__":
    run_cli(main)
