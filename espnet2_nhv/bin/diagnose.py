"""Say how far mel spectrograms lie from what a vocoder was trained on, the likely cause, and the fix."""

import argparse

from espnet2_nhv.bin.cli import add_vocoder, run_cli


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--mel", required=True, nargs="+", help="mels: .ark, .scp, .npz, .npy, folders or lists")
    parser.add_argument("--rows", type=int, default=12, help="groups of bands in the table")
    parser.add_argument("--json", help="write everything, every band by itself, to this file")
    add_vocoder(parser, "a saved vocoder")
    return parser


def main() -> None:
    args = get_parser().parse_args()
    # Below the options, since --help and a wrong option need not wait for PyTorch.
    from espnet2_nhv.synthesis.default import vocoder_path
    from espnet2_nhv.synthesis.diagnose import diagnose_files

    print("\n".join(diagnose_files(args.mel, vocoder_path(args.vocoder), args.rows, args.json)))


if __name__ == "__main__":
    run_cli(main)
