"""Table of artefact tones: one HiFi-GAN with each way to upsample, untrained and as tools/gpu.sh has trained it."""

import argparse
from pathlib import Path
from typing import Dict, Tuple

import numpy as np
import torch
from tqdm import tqdm

from espnet2_nhv import load_vocoder
from espnet2_nhv.bin.cli import run_cli
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.ark import ArkTable
from espnet2_nhv.feature.audio import read_mono
from espnet2_nhv.feature.datadir import read_table
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.score.stage_tones import stage_tones
from espnet2_nhv.train.stats import load_stats
from espnet2_nhv.vocoder.base import AbsVocoder
from espnet2_nhv.vocoder.registry import build_vocoder
from espnet2_nhv.vocoder.upsample_layer import UPSAMPLINGS
from espnet2_nhv.vocoder.upsampling import upsample_scales


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--data", default="dump/dev", help="set whose mels are sung")
    parser.add_argument("--stats_dir", default="exp/stats", help="statistics of the features, for the untrained")
    parser.add_argument("--trained", help="folder of KIND/vocoder, e.g. exp/gpu/upsampling")
    parser.add_argument("--channels", type=int, default=64, help="of the untrained")
    parser.add_argument("--seconds", type=float, default=30.0, help="of singing")
    parser.add_argument("--seeds", type=int, default=3, help="of the untrained, whose mean is taken; 0 leaves them out")
    args = parser.parse_args()
    spec = FeatureSpec.load(Path(args.data).parent / "spec.yaml")
    mel, wav = _singing(args.data, spec, args.seconds)
    rows = {"none, the recordings": stage_tones(wav, upsample_scales(spec.hop_length, 4), spec.fs)}
    for kind in tqdm(UPSAMPLINGS if args.seeds else (), desc="untrained", disable=None):
        drawn = [_untrained(kind, spec, args.channels, seed, args.stats_dir) for seed in range(args.seeds)]
        tones = [_tones(vocoder, mel) for vocoder in drawn]
        rows[f"{kind}, untrained"] = {rate: float(np.mean([one[rate] for one in tones])) for rate in tones[0]}
    for folder in sorted(Path(args.trained).glob("*/vocoder")) if args.trained else []:
        rows[f"{folder.parent.name}, trained"] = _tones(load_vocoder(folder), mel)
    rates = list(next(iter(rows.values())))
    print("| upsampling | " + " | ".join(f"at {rate} Hz (dB)" for rate in rates) + " |")
    print("| --- |" + " ---: |" * len(rates))
    for name, tones in rows.items():
        print(f"| {name} | " + " | ".join(f"{tones[rate]:.1f}" for rate in rates) + " |")


def _singing(data: str, spec: FeatureSpec, seconds: float) -> Tuple[torch.Tensor, np.ndarray]:
    """Mels of a set, for so long if there is as much, and their recordings."""
    mels, wavs = [], []
    places = read_table(Path(data) / "wav.scp")
    for utterance, mel in ArkTable(Path(data) / "feats.scp").items():
        mels.append(torch.from_numpy(np.array(mel)))
        wavs.append(read_mono(places[utterance])[0][: len(mel) * spec.hop_length])
        if sum(len(one) for one in wavs) > seconds * spec.fs:
            break
    if not mels:
        raise UserError(f"{data}: there are no features in it")
    return torch.cat(mels), np.concatenate(wavs)


def _untrained(kind: str, spec: FeatureSpec, channels: int, seed: int, stats_dir: str) -> AbsVocoder:
    torch.manual_seed(seed)
    vocoder = build_vocoder("hifigan-v2", spec, channels=channels, upsampling=kind).eval()
    vocoder.set_stats(*(torch.from_numpy(x).float() for x in load_stats(stats_dir)))
    return vocoder


def _tones(vocoder: AbsVocoder, mel: torch.Tensor) -> Dict[int, float]:
    wav = vocoder.inference(mel).numpy()
    return stage_tones(wav, upsample_scales(vocoder.spec.hop_length, 4), vocoder.fs)


if __name__ == "__main__":
    run_cli(main)
