"""local/upsampling.py: a row for the recordings and for each way to upsample, untrained and trained."""

import sys

import numpy as np
import torch
import upsampling
from tiny_dump import SPEC, write_dump

from espnet2_nhv.vocoder import build_vocoder, save_vocoder


def test_every_way_has_a_row(tmp_path, monkeypatch, capsys):
    dump = write_dump(tmp_path, n_train=1, n_dev=2)
    (tmp_path / "train").mkdir()
    np.savez(tmp_path / "train/feats_stats.npz", count=1, sum=np.zeros(SPEC.n_mels), sum_square=np.ones(SPEC.n_mels))
    torch.manual_seed(0)
    trained = build_vocoder("hifigan-v2", SPEC, channels=16, upsampling="linear")
    save_vocoder(trained, tmp_path / "made/linear/vocoder", licence="CC0", trained_on="tones (CC0)")
    options = ["--data", str(dump / "dev"), "--stats_dir", str(tmp_path), "--trained", str(tmp_path / "made")]
    monkeypatch.setattr(sys, "argv", ["upsampling.py", *options, "--channels", "16", "--seeds", "1", "--seconds", "1"])
    upsampling.main()
    head, _, *rows = capsys.readouterr().out.splitlines()
    assert head == "| upsampling | at 172 Hz (dB) | at 1378 Hz (dB) | at 11025 Hz (dB) | at 22050 Hz (dB) |"
    names = [row.split("|")[1].strip() for row in rows]
    kinds = ["transposed", "nearest", "linear", "subpixel"]
    assert names == ["none, the recordings", *(f"{kind}, untrained" for kind in kinds), "linear, trained"]
    levels = np.array([row.split("|")[2:-1] for row in rows], dtype=float)
    assert (levels >= -80).all() and (levels <= 0).all()
