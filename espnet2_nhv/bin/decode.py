"""Stage 5: synthesise a set from its stored features with a saved vocoder."""

import argparse
import sys

from espnet2_nhv.bin.cli import add_subtype, add_threads, run_cli
from espnet2_nhv.errors import UserError


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--vocoder", required=True, help="a saved vocoder, e.g. exp/nhv/vocoder")
    parser.add_argument("--data", required=True, help="a set with features, e.g. dump/eval")
    parser.add_argument("--out", required=True, help="where to write, e.g. exp/nhv/decode/eval")
    parser.add_argument("--ngpu", type=int, default=0, choices=(0, 1), help="1 computes on a GPU")
    parser.add_argument("--refiner", help="a saved refiner that mels pass first")
    add_threads(parser)
    add_subtype(parser)
    parser.add_argument("--strict", action="store_true", help="exit non-zero if any utterance failed")
    return parser


def main() -> None:
    args = get_parser().parse_args()
    # Below the options, since --help and a wrong option need not wait for PyTorch.
    import torch

    from espnet2_nhv.synthesis.decode import decode_set

    if args.ngpu > torch.cuda.device_count():
        raise UserError("ngpu is 1, but PyTorch sees no GPU here")
    device = "cuda" if args.ngpu else "cpu"
    summary = decode_set(args.vocoder, args.data, args.out, device, args.threads, args.subtype, args.refiner)
    threads = summary["threads"]
    print(
        f"{summary['n_utterances']} utterances, {summary['audio_seconds']:.1f} s of audio in {args.out}: "
        f"real-time factor {summary['rtf']:.4f} ({device}, {threads} thread{'s' * (threads != 1)})"
    )
    if args.strict and summary["failed"]:
        utt, reason = next(iter(summary["failed"].items()))
        sys.exit(f"error: {args.data}: {len(summary['failed'])} utterances failed, the first is {utt}: {reason}")


if __name__ == "__main__":
    run_cli(main)
