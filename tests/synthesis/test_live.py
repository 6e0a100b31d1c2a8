"""The live stream gives the signal of the stream, and its report adds up."""

import sys

import numpy as np
import pytest
import soundfile
import torch
from exports import save_small, song

from espnet2_nhv import load_vocoder
from espnet2_nhv.errors import UserError
from espnet2_nhv.synthesis.live import play_live
from espnet2_nhv.vocoder import build_vocoder


@pytest.mark.parametrize("block", [64, 512, 1000])
def test_signal_is_that_of_the_whole(tmp_path, block):
    vocoder = load_vocoder(save_small(tmp_path / "saved"))
    mel, f0 = (torch.from_numpy(x) for x in song(vocoder, 1.0))
    wav, report = play_live(vocoder, mel, f0, block, paced=False)
    np.testing.assert_allclose(wav, vocoder.inference(mel, f0), atol=1e-5)
    assert report.late == 0 and len(report.times) >= len(wav) / block
    assert report.latency_seconds == pytest.approx((vocoder.stream().latency_frames * 256 + block) / 44100)
    assert len(report.lines()) == 6


def test_a_stream_that_cannot_keep_up_is_told(tmp_path):
    import time

    class Slow:
        def __init__(self, stream):
            self._stream, self.latency_frames = stream, stream.latency_frames

        def push(self, *frames):
            time.sleep(0.03)
            return self._stream.push(*frames)

        def flush(self):
            return self._stream.flush()

    vocoder = load_vocoder(save_small(tmp_path / "saved"))
    stream = vocoder.stream
    vocoder.stream = lambda: Slow(stream())
    mel, f0 = (torch.from_numpy(x) for x in song(vocoder, 0.3))
    _, report = play_live(vocoder, mel, f0, 512)
    assert report.late > 5 and report.times.max() >= 0.03


def test_command_line_and_refusals(tmp_path, monkeypatch, capsys):
    from espnet2_nhv.bin import live

    saved = save_small(tmp_path / "saved")
    time = np.arange(16000) / 16000
    soundfile.write(tmp_path / "a.wav", 0.1 * np.sign(np.sin(2 * np.pi * 220 * time)), 16000)
    arguments = ["live", str(tmp_path / "a.wav"), "--vocoder", str(saved), "--fast", "--f0_method", "dio"]
    threads = torch.get_num_threads()
    try:
        monkeypatch.setattr(sys, "argv", [*arguments, "--out", str(tmp_path / "b.wav"), "--block", "512"])
        live.main()
        said = capsys.readouterr().out
        assert all(word in said for word in ("latency", "jitter", "at worst"))
        assert soundfile.info(tmp_path / "b.wav").duration == pytest.approx(1.0, abs=0.01)
        monkeypatch.setattr(sys, "argv", [*arguments, "--out", str(tmp_path / "b.wav"), "--block", "1"])
        with pytest.raises(UserError, match="too small"):
            live.main()
    finally:
        torch.set_num_threads(threads)
    with pytest.raises(UserError, match="cannot work as a stream"):
        play_live(build_vocoder("nhv-direct"), torch.zeros(3, 128), torch.ones(3), 512)
