"""Analyse a recording and synthesise it in real time, block by block; prints latency, jitter and load."""

import argparse
from pathlib import Path

import torch
from tqdm import tqdm

from espnet2_nhv import load_vocoder
from espnet2_nhv.bin.cli import run_cli
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.pitch.registry import DEFAULT, METHOD_HELP, METHODS
from espnet2_nhv.synthesis.copy_synthesis import analyse
from espnet2_nhv.synthesis.decode import write_wav
from espnet2_nhv.synthesis.default import vocoder_path
from espnet2_nhv.synthesis.live import play_live


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=f"{__doc__} F0 and mel are analysed beforehand: what is measured is the synthesis.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("source", help="an audio file")
    parser.add_argument("--block", type=int, default=512, help="samples asked for at a time")
    parser.add_argument("--vocoder", help="a saved nhv or nhv_stream.onnx; default: the one that comes along")
    parser.add_argument("--out", type=Path, default=Path("live.wav"), help="the wav file to write")
    parser.add_argument("--f0_method", choices=METHODS, default=DEFAULT, help=METHOD_HELP)
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    parser.add_argument("--fast", action="store_true", help="do not wait for real time: no jitter of waking")
    return parser


def main() -> None:
    args = get_parser().parse_args()
    torch.set_num_threads(args.threads)
    if not args.out.absolute().parent.is_dir():
        raise UserError(f"{args.out}: there is no folder {args.out.parent} to write it to")
    vocoder = load_vocoder(vocoder_path(args.vocoder))
    with tqdm(total=1.0, desc="analyse", bar_format="{desc}: {percentage:3.0f}%|{bar}| {elapsed}", disable=None) as bar:
        mel, f0, _ = analyse(args.source, vocoder, args.f0_method, bar.update)
    wav, report = play_live(vocoder, mel, torch.from_numpy(f0), args.block, paced=not args.fast)
    write_wav(args.out, wav, vocoder.fs, "PCM_16")
    print("\n".join([f"{args.out}: {len(wav) / vocoder.fs:.1f} s", *report.lines()]))


if __name__ == "__main__":
    run_cli(main)
