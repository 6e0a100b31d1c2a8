"""The page of docs/listen: its phrases, what is made of them, and what it refuses."""

import json
import sys

import listen
import listen_sounds
import numpy as np
import pytest
import torch

from espnet2_nhv.errors import UserError
from espnet2_nhv.score import cache
from espnet2_nhv.vocoder import build_vocoder, save_vocoder

FS = listen_sounds.FS


@pytest.fixture(scope="module")
def sung():
    return listen_sounds.phrases()


def test_phrases_are_short_and_the_song_is_the_song(sung):
    assert len(sung) == 4 and all(2 * FS < len(wav) < 4.5 * FS for wav in sung.values())
    assert all(0.3 < np.abs(wav).max() <= 1 for wav in sung.values())
    again = listen_sounds.phrases()
    assert all(np.array_equal(again[name], wav) for name, wav in sung.items())


def test_world_is_changed_as_asked():
    """By the period of a tone: five semitones are a factor of 1.335."""
    time = np.arange(FS) / FS
    wav = sum(0.1 * np.sin(2 * np.pi * 220 * k * time) / k for k in range(1, 15))

    def pitch(x):
        x = x[len(x) // 4 : 3 * len(x) // 4]
        spectrum = np.abs(np.fft.rfft(x * np.hanning(len(x))))
        return spectrum.argmax() * FS / len(x)

    assert pitch(listen_sounds.world(wav, listen_sounds.CHANGES["up"])) == pytest.approx(220 * 2 ** (5 / 12), abs=3)
    slower = listen_sounds.world(wav, listen_sounds.CHANGES["slower"])
    assert len(slower) == pytest.approx(1.5 * len(wav), rel=0.01) and pitch(slower) == pytest.approx(220, abs=3)


def test_a_vocoder_is_told_what_to_change(sung, monkeypatch):
    vocoder, given = build_vocoder("sawsing", n_harmonics=20, n_layers=1), []
    monkeypatch.setattr(listen_sounds, "extract_f0", lambda wav, spec: (np.full(len(wav) // 256, 200, np.float32),))
    monkeypatch.setattr(vocoder, "inference", lambda mel, f0, **more: given.append((mel, f0)) or torch.zeros(1))
    for change in ("as_sung", "up", "slower"):
        listen_sounds.synthesize(vocoder, sung["alto"], listen_sounds.CHANGES[change])
    (mel, f0), (_, up), (slow, same) = given
    assert f0[0] == 200 and up[0] == pytest.approx(200 * 2 ** (5 / 12)) and same[0] == pytest.approx(200)
    assert len(slow) == pytest.approx(1.5 * len(mel), abs=2) and len(same) == len(slow)
    griffinlim = build_vocoder("griffinlim")
    able = {name for name, change in listen_sounds.CHANGES.items() if listen_sounds.can_sing(griffinlim, change)}
    assert able == {"as_sung", "slower"}  # it makes its pitch from the mel


def test_one_command_makes_the_page(tmp_path, monkeypatch, sung, capsys):
    monkeypatch.setattr(listen, "phrases", lambda: {"alto": sung["alto"][:FS]})
    monkeypatch.setattr(listen_sounds, "CHANGES", {})
    monkeypatch.setattr(listen, "CHANGES", {"as_sung": listen_sounds.Change("as sung")})
    monkeypatch.setattr(cache.tracker, "heard_f0", lambda wav, spec: (np.full(len(wav) // 256, 440.0),) * 2)
    vocoder = build_vocoder("griffinlim", n_iter=1)
    save_vocoder(vocoder, tmp_path / "voice", "CC0", "nothing")
    options = ["--vocoder", str(tmp_path / "voice"), "--work", str(tmp_path / "work"), "--singer", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["listen.py", *options, "--out", str(tmp_path / "page")])
    listen.main()
    assert "MB, 1 phrases" in capsys.readouterr().out
    text = (tmp_path / "page/data/index.js").read_text()
    (utterance,) = json.loads(text.removeprefix("page.data = ").rstrip(";\n"))["sets"][0]["utterances"]
    assert [sample["name"] for sample in utterance["samples"]] == ["reference", "nhv", "world", "griffinlim"]
    assert not any(sample["problem"] for sample in utterance["samples"])
    html = (tmp_path / "page/index.html").read_text()
    assert "espnet2_nhv, to hear" in html and '<nav role="tablist" hidden>' in html


@pytest.mark.parametrize(
    "options, message",
    [
        (["--db_root", "songs", "--out", str(listen.ROOT / "docs/listen")], "do not belong there"),
        (["--peers", "sawsing"], "give NAME=DIR"),
        (["--peers", "nhv=x"], "with a name that is not there already"),
        (["--vocoder", "nowhere"], "nowhere"),
    ],
)
def test_what_it_refuses(options, message, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "argv", ["listen.py", "--work", str(tmp_path), *options])
    with pytest.raises(UserError, match=message):
        listen.main()
