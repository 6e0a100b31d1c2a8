"""A dump folder as stages 2 and 3 leave it, of a few seconds of buzzing tones, made without them."""

from pathlib import Path

import kaldiio
import numpy as np
import soundfile
import torch
from espnet2.tts.feats_extract.log_mel_fbank import LogMelFbank

from espnet2_nhv.feature.spec import FeatureSpec

SPEC = FeatureSpec()


def tone(seconds, pitch, spec=SPEC, seed=0):
    """Waveform and F0 contour, Hz, of a note with vibrato and a little breath."""
    t = np.arange(round(seconds * spec.fs)) / spec.fs
    f0 = pitch * 2 ** (np.sin(2 * np.pi * 5 * t) / 24)
    phase = 2 * np.pi * np.cumsum(f0) / spec.fs
    harmonics = sum(np.exp(-k / 8) * np.cos(k * phase) for k in range(1, 20))
    noise = np.random.default_rng(seed).normal(size=len(t))
    return (0.05 * harmonics + 0.003 * noise).astype(np.float32), f0.astype(np.float32)


def features(wav, f0, spec=SPEC):
    """``(T, n_mels)`` and ``(T, 1)``."""
    n_frames = len(wav) // spec.hop_length
    fbank = LogMelFbank(
        fs=spec.fs, n_fft=spec.n_fft, win_length=spec.win_length, hop_length=spec.hop_length, window=spec.window,
        n_mels=spec.n_mels, fmin=spec.fmin, fmax=spec.fmax, log_base=spec.log_base,
    )  # fmt: skip
    mel = fbank(torch.from_numpy(wav)[None])[0][0, :n_frames].numpy()
    return mel, f0[:: spec.hop_length][:n_frames, None]


def write_set(folder, utterances, spec=SPEC, subtype="PCM_16"):
    """Write ``{utt: (wav, mel, f0)}`` as ``folder`` and the spec beside it."""
    folder = Path(folder)
    (folder / "flac").mkdir(parents=True, exist_ok=True)
    spec.save(folder.parent / "spec.yaml")
    with (
        kaldiio.WriteHelper(f"ark,scp:{folder}/feats.ark,{folder}/feats.scp") as feats,
        kaldiio.WriteHelper(f"ark,scp:{folder}/f0.ark,{folder}/f0.scp") as f0s,
    ):
        for utt, (wav, mel, f0) in utterances.items():
            soundfile.write(folder / "flac" / f"{utt}.flac", wav, spec.fs, subtype=subtype)
            feats(utt, mel)
            f0s(utt, f0)
    (folder / "wav.scp").write_text("".join(f"{utt} {folder}/flac/{utt}.flac\n" for utt in utterances))
    (folder / "utt2num_frames").write_text("".join(f"{utt} {len(mel)}\n" for utt, (_, mel, _) in utterances.items()))
    return folder


def write_dump(root, spec=SPEC, n_train=4, n_dev=2):
    """``root/dump/train`` and ``root/dump/dev``; returns ``root/dump``."""
    dump = Path(root) / "dump"
    for name, count in (("train", n_train), ("dev", n_dev)):
        utterances = {}
        for index in range(count):
            wav, f0 = tone(0.6 + 0.2 * index, 150 * (index + 1), spec, seed=index)
            utterances[f"{name}{index}"] = wav, *features(wav, f0, spec)
        write_set(dump / name, utterances, spec)
    return dump
