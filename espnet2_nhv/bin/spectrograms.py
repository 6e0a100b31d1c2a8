"""A picture of spectrograms under one another: a recording and what vocoders made of it.

spectrograms picture.png "recording=song.flac" "before=a.wav" "after=b.wav" --span 3 9 --zoom 4 5 --band 6000 14000
"""

import argparse
from pathlib import Path

from espnet2_nhv.bin.cli import run_cli
from espnet2_nhv.errors import UserError
from espnet2_nhv.report.spectrograms import draw_spectrograms


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", help="the PNG to write")
    parser.add_argument("files", nargs="+", help="sound files, the recording first; TITLE=FILE or FILE")
    parser.add_argument("--fs", type=int, default=44100, help="Hz, to which all are resampled (44100)")
    parser.add_argument("--span", type=float, nargs=2, help="begin and end of what is shown, s; all if not given")
    parser.add_argument("--zoom", type=float, nargs=2, help="begin and end of what is shown larger, s; a loud second")
    parser.add_argument("--band", type=float, nargs=2, default=(4000, 12000), help="of the zoom, Hz (4000 12000)")
    return parser


def main() -> None:
    args = get_parser().parse_args()
    files = {}
    for item in args.files:
        title, found, path = item.partition("=")
        title, path = (title, path) if found and not Path(item).exists() else (Path(item).stem, item)
        if title in files:
            raise UserError(f"two files are called {title!r}: name them, TITLE=FILE")
        files[title] = path
    draw_spectrograms(files, args.out, args.fs, args.span, args.zoom, tuple(args.band))
    print(f"picture: {args.out}")


if __name__ == "__main__":
    run_cli(main)
