"""The picture of spectrograms: what is bright in it, and what is refused."""

import sys

import numpy as np
import pytest
import soundfile
from PIL import Image

from espnet2_nhv.bin import spectrograms as command
from espnet2_nhv.errors import UserError
from espnet2_nhv.report.spectrograms import draw_spectrograms

FS = 44100


@pytest.fixture
def tones(tmp_path):
    """Two seconds at 8 kHz, of which the copy has only the second one."""
    time = np.arange(2 * FS) / FS
    wav = 0.1 * np.sin(2 * np.pi * 8000 * time)
    files = dict(recording=tmp_path / "a.wav", copy=tmp_path / "b.wav")
    for path, signal in zip(files.values(), (wav, wav * (time > 1))):
        soundfile.write(path, signal, FS)
    return files


def test_what_sounds_is_bright_where_and_when_it_sounds(tones, tmp_path, monkeypatch, capsys):
    out = tmp_path / "p.png"
    titled = [f"{title}={path}" for title, path in tones.items()]
    monkeypatch.setattr(
        sys, "argv", ["spectrograms", str(out), *titled, "--zoom", "0.5", "1.5", "--band", "7000", "9000"]
    )
    command.main()
    assert str(out) in capsys.readouterr().out
    picture = np.array(Image.open(out).convert("L")).astype(float)
    height, width = picture.shape
    recording, copy = picture[: height // 2, : width // 2], picture[height // 2 : int(0.9 * height), : width // 2]

    def line(part):  # how bright the two ends of the tone's row are; paper is white
        inner = part[20:-20, 60:-60]
        level = np.median(inner[:, 2 * inner.shape[1] // 3 :], axis=1)
        row = inner[np.argmax(np.where(level < 250, level, 0))]
        return np.median(row[: len(row) // 3]), np.median(row[2 * len(row) // 3 :])

    first, second = line(recording)
    assert first > 150 and second > 150
    first, second = line(copy)
    assert first < 60 < 150 < second


@pytest.mark.parametrize(
    "options, complaint",
    [
        (dict(span=(5.0, 6.0)), "recording: there is no sound from 5 to 6 s"),
        (dict(zoom=(1.5, 3.0)), "the zoom from 1.5 to 3 s is not within 0 to 2 s"),
        (dict(band=(9000.0, 4000.0)), "a band from 9000 to 4000 Hz"),
    ],
)
def test_what_cannot_be_shown_is_one_sentence(tones, tmp_path, options, complaint):
    with pytest.raises(UserError, match=complaint):
        draw_spectrograms(tones, tmp_path / "p.png", **options)


def test_a_forgotten_name_of_the_picture_costs_no_recording(tones, monkeypatch):
    files = [str(path) for path in tones.values()]
    before = tones["recording"].read_bytes()
    monkeypatch.setattr(sys, "argv", ["spectrograms", *files])
    with pytest.raises(UserError, match="a.wav: what is drawn is a PNG: give a file ending in .png"):
        command.main()
    assert tones["recording"].read_bytes() == before


def test_files_that_are_not_there_or_of_one_name(tones, tmp_path, monkeypatch):
    with pytest.raises(UserError, match="none.wav: missing"):
        draw_spectrograms({"recording": tmp_path / "none.wav"}, tmp_path / "p.png")
    monkeypatch.setattr(sys, "argv", ["spectrograms", "p.png", *[str(tones["recording"])] * 2])
    with pytest.raises(UserError, match="two files are called 'a'"):
        command.main()
