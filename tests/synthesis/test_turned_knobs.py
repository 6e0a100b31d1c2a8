"""Knobs of the command lines that sing."""

import sys

import numpy as np
import pytest
import soundfile
import torch
from exports import save_small, song

from espnet2_nhv import load_vocoder
from espnet2_nhv.errors import UserError
from espnet2_nhv.synthesis.live import play_live


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return save_small(tmp_path_factory.mktemp("knobs") / "saved")


@pytest.fixture
def recording(own_folder):
    time = np.arange(44100) / 44100
    soundfile.write("a.wav", 0.1 * np.sign(np.sin(2 * np.pi * 220 * time)), 44100)
    return own_folder / "a.wav"


def run(monkeypatch, command, *arguments):
    from importlib import import_module

    threads = torch.get_num_threads()
    monkeypatch.setattr(sys, "argv", [command, *map(str, arguments)])
    try:
        import_module(f"espnet2_nhv.bin.{command}").main()
    finally:
        torch.set_num_threads(threads)


def test_copy_synthesis(saved, recording, monkeypatch):
    common = [recording, "--vocoder", saved, "--f0_method", "dio", "--subtype", "FLOAT"]
    (recording.parent / "up.csv").write_text("time,loudness\n0,-20\n0.5,-20\n0.5,0\n")
    for out, more in (
        ("plain", []),
        ("same", ["--gender", 0]),
        ("half", ["--loudness", -20]),
        ("up", ["--loudness", "up.csv"]),
    ):
        run(monkeypatch, "copy_synthesis", common[0], f"{out}.wav", *common[1:], *more)
    plain, same, half, up = (soundfile.read(f"{name}.wav")[0] for name in ("plain", "same", "half", "up"))
    assert np.array_equal(plain, same) and np.abs(plain).max() > 0.01
    np.testing.assert_allclose(half, plain / 10, atol=1e-5)
    np.testing.assert_allclose(up[:20000], plain[:20000] / 10, atol=1e-5)
    np.testing.assert_allclose(up[24000:], plain[24000:], atol=1e-5)


def test_of_many_what_changed_is_made_again(saved, recording, monkeypatch):
    folder = recording.parent
    for name in ("songs", "curves"):
        (folder / name).mkdir()
    for name in ("x", "y"):
        recording.with_name("songs").joinpath(f"{name}.wav").write_bytes(recording.read_bytes())
        (folder / "curves" / f"{name}.csv").write_text("0,-3\n")
    arguments = ["songs", "out", "--vocoder", saved, "--f0_method", "dio", "--breathiness", "curves"]
    run(monkeypatch, "copy_synthesis", *arguments)
    before = {name: (folder / "out" / f"{name}.wav").stat().st_ino for name in ("x", "y")}
    (folder / "curves" / "y.csv").write_text("0,9\n")
    run(monkeypatch, "copy_synthesis", *arguments)
    again = {name: (folder / "out" / f"{name}.wav").stat().st_ino for name in ("x", "y")}
    assert again["x"] == before["x"] and again["y"] != before["y"]


def test_synthesize(saved, own_folder, monkeypatch):
    vocoder = load_vocoder(saved)
    mel, f0 = song(vocoder, 0.5)
    np.savez("a.npz", mel=mel, f0=f0)
    given = ["--mel", "a.npz", "--vocoder", saved, "--subtype", "FLOAT"]
    for out, value in (("plain", "0"), ("turned", "4")):
        run(monkeypatch, "synthesize", *given, "--out", out, "--tension", value)
    plain, turned = (soundfile.read(f"{name}/a.wav", dtype="float32")[0] for name in ("plain", "turned"))
    np.testing.assert_allclose(plain, vocoder(mel, f0), atol=1e-6)
    np.testing.assert_allclose(turned, vocoder(mel, f0, knobs=dict(tension=4)), atol=1e-6)
    assert np.abs(turned - plain).max() > 0.01
    with pytest.raises(UserError, match="tension is 9: give dB per octave from -6 to 6"):
        run(monkeypatch, "synthesize", *given, "--out", "bad", "--tension", "9")


def test_live(saved):
    vocoder = load_vocoder(saved)
    mel, f0 = (torch.from_numpy(x) for x in song(vocoder, 0.5))
    knobs = dict(gender=3.0, voicing=np.linspace(-6, 6, len(f0)))
    wav, _ = play_live(vocoder, mel, f0, 512, paced=False, knobs=knobs)
    np.testing.assert_allclose(wav, vocoder.inference(mel, f0, knobs=knobs), atol=1e-5)
