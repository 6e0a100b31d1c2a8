"""A small data directory and stage 2 over it, in the current folder."""

import sys
from pathlib import Path

import numpy as np
import soundfile

from espnet2_nhv.bin import prepare as program
from espnet2_nhv.bin.cli import run_cli
from espnet2_nhv.feature.datadir import read_table
from espnet2_nhv.feature.prepare import prepare_data_dir
from espnet2_nhv.feature.spec import FeatureSpec

FS = 16000
SPEC = FeatureSpec(fs=FS, n_fft=512, win_length=512, hop_length=128, n_mels=40, fmax=8000)


def tone(seconds=1.5, fs=FS, frequency=440, gain=0.3):
    time_ = np.arange(int(seconds * fs)) / fs
    return gain * np.sin(2 * np.pi * frequency * time_)


def data_dir(wav_scp, segments=""):
    """A data directory ``data``; values are paths, pipes, or samples to be written at FS."""
    folder = Path("data")
    folder.mkdir(exist_ok=True)
    for name, value in wav_scp.items():
        if isinstance(value, np.ndarray):
            soundfile.write(f"{name}.wav", value, FS)
            wav_scp[name] = f"{name}.wav"
    (folder / "wav.scp").write_text("".join(f"{name} {value}\n" for name, value in wav_scp.items()))
    (folder / "utt2spk").write_text("".join(f"{name} singer\n" for name in wav_scp))
    if segments:
        (folder / "segments").write_text(segments)
    return folder


def prepare(wav_scp, segments="", **options):
    return prepare_data_dir(data_dir(wav_scp, segments), Path("dump/train"), SPEC, **options)


def read_phrase(phrase):
    wav, fs = soundfile.read(read_table("dump/train/wav.scp")[phrase])
    assert fs == FS and wav.ndim == 1
    return wav


def main(*options):
    SPEC.save("spec.yaml")
    sys.argv = ["prepare", "--data", "data", "--out", "dump/train", "--spec", "spec.yaml", *options]
    run_cli(program.main)
