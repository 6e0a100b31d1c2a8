"""Synthesise a set by a vocoder trained elsewhere, to be scored beside those of an experiment folder.

peer --peer old=/path/to/a/saved/vocoder --data dump/eval --out exp/old/decode/eval
peer --peer "other=python other.py {inp} {out}" --data dump/eval --out exp/other/decode/eval
"""

import argparse

from espnet2_nhv.bin.cli import run_cli


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--peer", required=True, help="NAME=DIR (a saved vocoder, or sounds called as utterances), or NAME=command")
    add("--data", required=True, help="a set with recordings, e.g. dump/eval")
    add("--out", required=True, help="where to write, e.g. exp/NAME/decode/eval")
    add("--licence", help="of its weights, shown in its row (a saved vocoder's own, else unknown)")
    return parser


def main() -> None:
    args = get_parser().parse_args()
    from espnet2_nhv.synthesis.peer import Peer
    from espnet2_nhv.synthesis.peer_set import decode_peer

    summary = decode_peer(Peer.parse(args.peer), args.data, args.out, args.licence)
    print(f"{summary['n_utterances']} utterances in {args.out}, {len(summary['failed'])} left out")


if __name__ == "__main__":
    run_cli(main)
