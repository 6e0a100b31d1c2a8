"""Singing along with a microphone that is none."""

import sys
import types

import numpy as np
import pytest
import torch
from exports import save_small

from espnet2_nhv import load_vocoder
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.mel import log_mel_of_long
from espnet2_nhv.synthesis.live_input import LiveAnalysis, LiveSinger

FS = 44100


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return save_small(tmp_path_factory.mktemp("input") / "saved")


def buzz(seconds, f0=220.0):
    return (0.1 * np.sign(np.sin(2 * np.pi * f0 * np.arange(int(seconds * FS)) / FS))).astype(np.float32)


@pytest.mark.parametrize("block", [300, 512])
def test_frames_are_those_of_the_whole(saved, block):
    spec, wav = load_vocoder(saved).spec, buzz(0.6)
    analysis = LiveAnalysis(spec, "dio")
    parts = [analysis.push(wav[begin : begin + block]) for begin in range(0, len(wav), block)]
    mel, f0 = (torch.cat(column) for column in zip(*parts))
    # All frames whose window has been heard, and no later than half a window after their centre.
    assert len(mel) == len(f0) == (len(wav) - 512) // 256 + 1
    expected = log_mel_of_long(wav, spec)[: len(mel)]
    torch.testing.assert_close(mel[4:], expected[4:], atol=1e-3, rtol=0)  # before the first sample there is silence
    np.testing.assert_allclose(f0[60:], 220, rtol=0.02)


class Microphone:
    """What sounddevice.Stream is: blocks of a buzz, and what was played."""

    played, opened = [], {}

    def __init__(self, **options):
        if options["device"] == "none":
            raise ValueError("No input device matching 'none'")
        Microphone.opened, Microphone.played, self._at = options, [], 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def read(self, n):
        self._at += n
        return buzz(self._at / FS + 1)[self._at - n : self._at, None], False

    def write(self, block):
        Microphone.played.append(block[:, 0].copy())


@pytest.fixture
def sounddevice(monkeypatch):
    module = types.ModuleType("sounddevice")
    module.Stream, module.PortAudioError = Microphone, OSError
    monkeypatch.setitem(sys.modules, "sounddevice", module)


def run(monkeypatch, *arguments):
    from espnet2_nhv.bin import live

    threads = torch.get_num_threads()
    monkeypatch.setattr(sys, "argv", ["live", *map(str, arguments)])
    try:
        live.main()
    finally:
        torch.set_num_threads(threads)


def test_command_line(saved, sounddevice, monkeypatch, capsys):
    common = ["--vocoder", saved, "--f0_method", "dio", "--block", 1024]
    run(monkeypatch, "--input", "default", "--seconds", 1.0, "--key_shift", 12, "--voicing", 12, *common)
    said = capsys.readouterr().out
    assert "latency:" in said and "late blocks:" in said
    assert Microphone.opened["samplerate"] == FS and Microphone.opened["device"] is None
    wav = np.concatenate(Microphone.played)
    assert len(wav) == round(FS / 1024) * 1024 and np.abs(wav[:1024]).max() == 0  # the latency
    late = wav[20000:36000]
    spectrum = np.abs(np.fft.rfft(late * np.hanning(len(late)), 2**18))
    lags = np.fft.irfft(np.log(spectrum + 1e-6))[FS // 900 : FS // 120]
    assert FS / (FS // 900 + np.argmax(lags)) == pytest.approx(440, rel=0.03)


def test_what_cannot_be_listened_to(saved, sounddevice, monkeypatch, tmp_path):
    common = ["--vocoder", saved, "--f0_method", "dio"]
    (tmp_path / "a.csv").write_text("0,1\n")
    for arguments, words in (
        (["--input", "none", "--seconds", 0.1, *common], "--input none: cannot be opened"),
        (["--input", "default", "--gender", tmp_path / "a.csv", *common], "knobs are numbers there"),
        ([], "give an audio file, or --input"),
        (["a.wav", "--input", "default"], "give an audio file, or --input"),
    ):
        with pytest.raises(UserError, match=words):
            run(monkeypatch, *arguments)
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(UserError, match="PortAudio"):
        run(monkeypatch, "--input", "default", "--seconds", 0.1, *common)
    with pytest.raises(UserError, match="too small"):
        LiveSinger(load_vocoder(saved), 8, "dio")
