"""A dump folder whose mel is an acoustic model's, made under teacher forcing, to fine-tune a vocoder on.

Audio and F0 are the recordings': frame by frame they are what the vocoder should make of that mel. Frames of a vocoder
with more of them are interpolated, as they are when it sings.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from espnet2_nhv.bin.cli import run_cli
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.ark import ArkTable, ArkWriter
from espnet2_nhv.feature.convert import convert_features
from espnet2_nhv.feature.datadir import read_table, write_table
from espnet2_nhv.feature.spec import FeatureSpec, check_compatible
from espnet2_nhv.vocoder.saved import load_card

_SLACK = 2  # frames by which mel and recording may differ


def read_mel(decode: Path) -> dict:
    """Paths of the mel that ESPnet's svs_inference wrote: raw, or as the model has it where that is raw."""
    for name in ("denorm", "norm"):
        path = decode / name / "feats.scp"
        if path.is_file() and path.stat().st_size:
            return read_table(path)
    raise UserError(f"{decode}: has no denorm/feats.scp; ESPnet's svs_inference writes it")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--decode", type=Path, required=True, help="output_dir of svs_inference --use_teacher_forcing")
    parser.add_argument("--dump", type=Path, required=True, help="the same set as recorded, e.g. dump/train")
    parser.add_argument("--out", type=Path, required=True, help="where to write, e.g. exp/joint/predicted/dump/train")
    parser.add_argument("--vocoder", type=Path, help="the saved vocoder to be trained; default: of the dump's features")
    args = parser.parse_args()
    spec = wanted = FeatureSpec.load(args.dump.parent / "spec.yaml")
    if args.vocoder is not None:
        wanted = FeatureSpec.from_dict(load_card(args.vocoder)["spec"], where=f"{args.vocoder}/vocoder.yaml")
        check_compatible(spec, wanted, what=f"features in {args.dump}", wanted_by=f"the vocoder in {args.vocoder}")
    mels, f0s, wavs = read_mel(args.decode), ArkTable(args.dump / "f0.scp"), read_table(args.dump / "wav.scp")
    (args.out / "ark").mkdir(parents=True, exist_ok=True)
    lengths = {}
    with ArkWriter(args.out / "ark" / "feats.ark") as feats, ArkWriter(args.out / "ark" / "f0.ark") as pitch:
        for utt in tqdm(sorted(mels), desc=args.out.name, unit="phrase", leave=False, disable=None):
            mel, f0 = np.load(mels[utt]), f0s[utt]
            if mel.shape[1:] != (spec.n_mels,) or abs(len(mel) - len(f0)) > _SLACK:
                raise UserError(
                    f"{mels[utt]}: {mel.shape} does not line up with the {len(f0)} frames of {spec.n_mels} bands of "
                    f"{utt} in {args.dump}: decode with --durations label and --use_teacher_forcing true"
                )
            shared = min(len(mel), len(f0))
            mel, f0 = (torch.from_numpy(np.array(x[:shared], dtype=np.float32)) for x in (mel, f0))
            mel, f0 = convert_features(mel, f0.reshape(-1), spec, wanted)
            lengths[utt] = len(mel)
            feats[utt], pitch[utt] = mel.numpy(), f0.numpy()[:, None]
    for name, writer in (("feats", feats), ("f0", pitch)):
        write_table(args.out / f"{name}.scp", {utt: f"{writer.path}:{place}" for utt, place in writer.offsets.items()})
    write_table(args.out / "wav.scp", {utt: wavs[utt] for utt in lengths})
    write_table(args.out / "utt2num_frames", lengths)
    wanted.save(args.out.parent / "spec.yaml")
    print(f"{args.out}: {len(lengths)} phrases")


if __name__ == "__main__":
    run_cli(main)
