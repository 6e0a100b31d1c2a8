"""Options of ESPnet's trainers that follow from a feature spec, one a line, for a shell to read."""

import sys

from espnet2_nhv.bin.cli import run_cli
from espnet2_nhv.feature.spec import FeatureSpec


def main():
    spec = FeatureSpec.load(sys.argv[1])
    feats = dict(
        fs=spec.fs, n_fft=spec.n_fft, win_length=spec.win_length, hop_length=spec.hop_length, window=spec.window,
        n_mels=spec.n_mels, fmin=spec.fmin, fmax=spec.fmax, log_base="null" if spec.log_base is None else spec.log_base,
    )  # fmt: skip
    score = dict(fs=spec.fs, n_fft=spec.n_fft, win_length=spec.win_length, hop_length=spec.hop_length)
    pitch = dict(
        fs=spec.fs, n_fft=spec.n_fft, hop_length=spec.hop_length, f0min=int(spec.f0_floor), f0max=int(spec.f0_ceil),
        use_token_averaged_f0="false",
    )  # fmt: skip
    print(f"--fs\n{spec.fs}\n--feats_extract\nfbank\n--pitch_extract\ndio")
    for option, values in (("feats_extract", feats), ("score_feats_extract", score), ("pitch_extract", pitch)):
        for name, value in values.items():
            print(f"--{option}_conf\n{name}={value}")


if __name__ == "__main__":
    run_cli(main)
