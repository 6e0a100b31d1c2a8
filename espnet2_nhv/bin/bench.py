"""Measure vocoders and peers: speed, memory, training step; all in one run, taking turns."""

import argparse
import json
from pathlib import Path

from espnet2_nhv.bench.end_to_end import end_to_end_table, measure_end_to_end
from espnet2_nhv.bench.start import measure_start, start_table
from espnet2_nhv.bench.subjects import subject_names
from espnet2_nhv.bench.table import as_markdown, run_bench
from espnet2_nhv.bin.cli import run_cli
from espnet2_nhv.files import write_whole


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--vocoders", nargs="+", default=subject_names(), help="rows; default: all that are installed")
    parser.add_argument("--seconds", nargs="+", type=float, default=[5, 25], help="lengths of audio")
    parser.add_argument("--threads", nargs="+", type=int, default=[1], help="numbers of PyTorch threads")
    parser.add_argument("--memory_seconds", nargs="*", type=float, default=[], help="lengths to take peak memory at")
    parser.add_argument("--train", nargs="*", default=[], help="vocoders whose training step is measured")
    parser.add_argument("--repeats", type=int, default=9, help="rounds, of which the median counts")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds of compute a vocoder gets at each length")
    parser.add_argument("--device", default="cpu", help="of the training step")
    parser.add_argument("--start", action="store_true", help="measure starting and a first synthesis, nothing else")
    parser.add_argument("--end_to_end", action="store_true", help="measure recording to recording, nothing else")
    parser.add_argument("--f0_methods", nargs="+", default=["swift", "harvest"], help="of --end_to_end")
    parser.add_argument("--recording", default="", help="of --end_to_end; a synthetic one if not given")
    parser.add_argument("--json", type=Path, help="file to write the rows to")
    args = parser.parse_args()
    if args.start:
        rows = measure_start(args.repeats)
    elif args.end_to_end:
        rows = measure_end_to_end(args.f0_methods, args.seconds, args.recording)
    else:
        rows = run_bench(
            args.vocoders,
            args.seconds,
            args.threads,
            args.memory_seconds,
            args.train,
            args.repeats,
            args.limit,
            args.device,
        )
    if args.json:
        write_whole(args.json, json.dumps(rows, indent=1) + "\n")
    table = start_table if args.start else end_to_end_table if args.end_to_end else as_markdown
    print(table(rows))


if __name__ == "__main__":
    run_cli(main)
