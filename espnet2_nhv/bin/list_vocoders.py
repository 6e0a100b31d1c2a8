"""List the vocoders: parameters at default size, whether they need F0, where they come from."""

import argparse

from espnet2_nhv.bin.cli import run_cli
from espnet2_nhv.vocoder.registry import VOCODERS, build_vocoder


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    print(f"{'vocoder':12} {'parameters':>10}  {'F0':5} source")
    for name in VOCODERS:
        vocoder = build_vocoder(name)
        params = sum(p.numel() for p in vocoder.parameters()) / 1e6
        source = " ".join((type(vocoder).__doc__ or "").partition("Source:")[2].split()) or "-"
        print(f"{name:12} {params:8.2f} M  {'yes' if vocoder.needs_f0 else 'no':5} {source}")


if __name__ == "__main__":
    run_cli(main)
