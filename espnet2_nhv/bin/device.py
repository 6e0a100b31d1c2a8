"""Compare a device with the CPU (parity), measure its speed, or whether two of them train together (nccl)."""

import argparse
import json
from pathlib import Path

from espnet2_nhv.bin.cli import run_cli
from espnet2_nhv.files import write_whole


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("what", choices=["parity", "speed", "nccl"])
    parser.add_argument("--device", default="cuda", help="of PyTorch")
    parser.add_argument("--vocoders", nargs="+", help="rows of the registry; default: all that are trained")
    parser.add_argument("--seconds", type=float, default=600.0, help="to spend; who comes too late has no row")
    parser.add_argument("--configs", type=Path, default=Path("conf/train"), help="training configurations, of speed")
    parser.add_argument("--tiny", action="store_true", help="two short segments a step, for a rehearsal")
    parser.add_argument("--out", type=Path, help="a JSON file for the rows")
    return parser


def main() -> None:
    args = get_parser().parse_args()
    from espnet2_nhv.bench.device import parity, speed, together

    if args.what == "parity":
        rows = parity(args.vocoders, args.device, args.seconds)
    elif args.what == "speed":
        rows = speed(args.vocoders, args.device, args.seconds, args.configs, args.tiny)
    else:
        rows = together(args.device, args.seconds)
    for row in rows:
        print("  ".join(f"{key} {value}" for key, value in row.items()))
    if args.out:
        write_whole(args.out, json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    run_cli(main)
