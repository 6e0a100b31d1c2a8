"""Train a refiner, which repairs mels before a vocoder, on recordings' features; or go on where a training stopped."""

import argparse

from espnet2_nhv.bin.cli import run_cli


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--data", required=True, help="set with the recordings' features, e.g. dump/train")
    parser.add_argument("--predicted", help="set with an acoustic model's mels of the same utterances and timing")
    parser.add_argument("--out", required=True, help="folder for checkpoint.pth and the saved refiner")
    parser.add_argument("--budget", default="10000steps", help="time or steps, over all runs: 30m, 2h, 20000steps")
    parser.add_argument("--batch_size", type=int, default=16, help="segments a step")
    parser.add_argument("--segment_frames", type=int, default=128, help="frames of a segment")
    parser.add_argument("--channels", type=int, default=256, help="of the network")
    parser.add_argument("--n_blocks", type=int, default=6, help="of the network")
    parser.add_argument("--device", default="cpu", help="where to compute")
    parser.add_argument("--licence", default="unknown", help="under which the weights may be used")
    parser.add_argument("--trained_on", default="unknown", help="the corpus and its licence")
    return parser


def main() -> None:
    args = get_parser().parse_args()
    from espnet2_nhv.train.refiner import train_refiner

    print(f"saved refiner: {train_refiner(**vars(args))}")


if __name__ == "__main__":
    run_cli(main)
