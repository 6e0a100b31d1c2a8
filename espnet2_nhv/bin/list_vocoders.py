"""List the vocoders: parameters at default size, what they need, where they come from."""

import argparse

from espnet2_nhv.bin.cli import run_cli
from espnet2_nhv.vocoder.registry import VOCODERS, build_vocoder


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    print(f"{'vocoder':12} {'parameters':>10}  {'needs':9} source")
    for name in VOCODERS:
        vocoder = build_vocoder(name)
        params = sum(p.numel() for p in vocoder.parameters()) / 1e6
        size = f"{params:8.2f} M" if vocoder.trainable else "-"
        code = f", {vocoder.bitrate / 1000:.1f} kbit/s" if vocoder.bitrate else ""
        needs = f"recording{code}" if vocoder.needs_wav else "mel, F0" if vocoder.needs_f0 else "mel"
        source = " ".join((type(vocoder).__doc__ or "").partition("Source:")[2].split()) or "-"
        print(f"{name:12} {size:>10}  {needs:9} {source}")


if __name__ == "__main__":
    run_cli(main)
