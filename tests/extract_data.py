"""A dump folder of tones as stage 2 leaves it, for stage 3."""

from pathlib import Path

import numpy as np
import soundfile

from espnet2_nhv.feature.audit import TSV_HEADER
from espnet2_nhv.feature.spec import FeatureSpec

FS = 16000
SPEC = FeatureSpec(fs=FS, n_fft=512, win_length=512, hop_length=128, n_mels=40, fmax=8000)
DATA = Path("dump/train")


def tone(pitch=220, seconds=0.4, fs=FS):
    phase = 2 * np.pi * pitch * np.arange(int(seconds * fs)) / fs
    return 0.2 * sum(np.cos(k * phase) / k for k in range(1, 8))


def write_tones(n=10, **others):
    """A dump folder of `n` tones, ``tone00`` (200 Hz) and so on, and `others` by name (samples or text of wav.scp)."""
    (DATA / "flac").mkdir(parents=True, exist_ok=True)
    wavs = {f"tone{index:02d}": tone(200 + 20 * index, 0.3 + 0.01 * index) for index in range(n)} | others
    lines = []
    for name, wav in wavs.items():
        if not isinstance(wav, str):
            soundfile.write(DATA / "flac" / f"{name}.flac", wav, FS)
            wav = f"{DATA}/flac/{name}.flac"
        lines.append(f"{name} {wav}\n")
    (DATA / "wav.scp").write_text("".join(lines))
    return list(wavs)


def read_audit():
    lines = (DATA / "f0_audit.tsv").read_text().splitlines()
    assert tuple(lines[0].split("\t")) == TSV_HEADER
    rows = [dict(zip(TSV_HEADER, line.split("\t"))) for line in lines[1:]]
    return {row["utterance"]: row for row in rows}
