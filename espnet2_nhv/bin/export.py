"""Write a saved vocoder as ONNX, TorchScript, PyTorch or an OpenUtau package; or say what a file is (--info)."""

import argparse
from pathlib import Path

from espnet2_nhv.bin.cli import run_cli
from espnet2_nhv.errors import UserError
from espnet2_nhv.export.card import describe
from espnet2_nhv.export.export import FORMATS, export
from espnet2_nhv.export.load import load_facts


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("vocoder", help="a saved vocoder, e.g. exp/nhv/vocoder; with --info also an exported file")
    parser.add_argument("--format", choices=FORMATS, default="onnx", help="what to write")
    parser.add_argument("--out", type=Path, help="folder to write to")
    parser.add_argument("--name", default="nhv", help="of the files written")
    parser.add_argument("--info", action="store_true", help="print licence, training data and features, write nothing")
    return parser


def main() -> None:
    args = get_parser().parse_args()
    if args.info:
        print(describe(load_facts(args.vocoder)))
        return
    if args.out is None:
        raise UserError("give --out, the folder to write to (or --info, to see what a vocoder is)")
    paths, difference = export(args.vocoder, args.format, args.out, args.name)
    for path in paths:
        size = sum(file.stat().st_size for file in (path.iterdir() if path.is_dir() else [path]))
        print(f"{path}: {size / 1e6:.1f} MB")
    if args.format != "torch":
        print(f"checked against PyTorch: they differ by at most {difference:.1e} of full scale")


if __name__ == "__main__":
    run_cli(main)
