"""What lies in people's folders: files that are no sound, sound of other formats, what zips and Macs add."""

import os
import struct
import sys
import unicodedata

import numpy as np
import pytest
import soundfile
import wav_data

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.audio import BadAudio, check_audio, load_audio, stamp
from espnet2_nhv.feature.datadir import read_table
from espnet2_nhv.feature.finding import AUDIO, find_files
from espnet2_nhv.feature.sniff import kind_of
from espnet2_nhv.synthesis.inputs import input_files

FS = 8000
WAVE = b"RIFF\x64\0\0\0WAVEfmt \x10\0\0\0"
M4A = b"\0\0\0\x20ftypM4A \0\0\0\0"


def noise(path, seconds=1.5, seed=0, level=0.1):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, level * np.random.default_rng(seed).standard_normal(int(seconds * FS)), FS, "FLOAT")
    return path


def test_one_finder_for_all(tmp_path):
    for name in ("a.wav", "b/c.FLAC", "d.m4a"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).touch()
    for name in ("._a.wav", "__MACOSX/x.wav", ".hidden/y.wav", "text.txt"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).touch()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/e.wav").touch()
    (tmp_path / "in/link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in/loop").symlink_to(tmp_path / "in")
    wanted = ["a", "b/c", "d", "link/e"]
    assert [str(path.relative_to(tmp_path / "in").with_suffix("")) for path in find_files(tmp_path / "in")] == wanted
    assert list(input_files(tmp_path / "in", AUDIO)) == wanted


@pytest.mark.parametrize(
    ("name", "head", "message"),
    [
        ("a.m4a", M4A, r"it is AAC in MP4 \(m4a\), which libsndfile does not read: install ffmpeg, or convert"),
        ("a.wav", M4A, "it is AAC in MP4"),
        ("a.wav", b"\xff\xf1\x50\x80" + bytes(99), "it is AAC, which"),
        ("a.wav", WAVE + struct.pack("<HHIIHH", 0x00FF, 2, 44100, 9999, 1, 0), "AAC in WAVE"),
        ("a.ogg", b"\x1a\x45\xdf\xa3" + bytes(99), "it is Matroska or WebM"),
        ("a.wav", b"\x00\x05\x16\x07" + bytes(99), "a Mac's own facts"),
        ("a.flac", b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
        ("a.mp3", b"<!DOCTYPE html><html>", "a web page: the download has failed"),
        ("a.wav", b"hello\n", "it is text"),
        ("a.wav", b"PK\3\4" + bytes(50), "a zip archive: unpack it"),
        ("a.wav", bytes(range(7, 99)), "format not recognised"),
    ],
)  # fmt: skip
def test_what_a_file_is(tmp_path, monkeypatch, name, head, message):
    monkeypatch.setenv("PATH", str(tmp_path))  # where there is no ffmpeg
    (tmp_path / name).write_bytes(head)
    with pytest.raises(BadAudio, match=message):
        check_audio(str(tmp_path / name))


def test_sound_is_sound_whatever_it_is_called(tmp_path):
    path = noise(tmp_path / "a.wav").rename(tmp_path / "a.m4a")
    assert check_audio(str(path)) == 1.5
    assert kind_of(path.read_bytes()[:64]) is None


def test_ffmpeg_reads_the_rest(tmp_path, monkeypatch):
    """A program of that name, which gives what ffmpeg gives."""
    wav = noise(tmp_path / "real.wav")
    soundfile.write(tmp_path / "real.au", soundfile.read(wav)[0], FS, "FLOAT")
    (tmp_path / "bin").mkdir()
    broken = f"[ -e {tmp_path}/broken ] && echo bad atom >&2 && exit 1"
    (tmp_path / "bin/ffmpeg").write_text(f"#!/bin/sh\n{broken}\ncat {tmp_path}/real.au\n")
    (tmp_path / "bin/ffmpeg").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin{os.pathsep}{os.environ['PATH']}")
    (tmp_path / "a.m4a").write_bytes(M4A)
    got, _ = load_audio(str(tmp_path / "a.m4a"), FS)
    np.testing.assert_array_equal(got, soundfile.read(wav, dtype="float32")[0])
    (tmp_path / "broken").touch()
    with pytest.raises(BadAudio, match=r"ffmpeg cannot read it \(bad atom\)"):
        load_audio(str(tmp_path / "a.m4a"), FS)


def test_other_spelling_of_a_path(tmp_path):
    path = noise(tmp_path / unicodedata.normalize("NFD", "\u304c.wav"))
    other = unicodedata.normalize("NFC", str(path))
    assert check_audio(other) == 1.5 and stamp(other) == stamp(str(path)) != ()


def _stage_1(monkeypatch, *options):
    monkeypatch.setattr(sys, "argv", ["wav_data.py", *map(str, options)])
    wav_data.main()
    return {name: read_table(f"data/{name}/utt2spk") for name in ("train", "dev", "eval")}


def bad_files(folder):
    soundfile.write(folder / "silent.wav", np.zeros(2 * FS), FS)
    soundfile.write(folder / "one.wav", np.zeros(1), FS)
    wav = 0.1 * np.ones(2 * FS)
    wav[FS] = np.nan
    soundfile.write(folder / "nan.wav", wav, FS, "FLOAT")
    (folder / "empty.wav").touch()
    (folder / "text.wav").write_text("hello\n")


@pytest.mark.parametrize("seed", range(3))
def test_one_good_file_among_bad_ones(tmp_path, monkeypatch, capsys, seed):
    monkeypatch.chdir(tmp_path)
    noise(tmp_path / f"in/good{seed}.wav", 20)
    bad_files(tmp_path / "in")
    sets = _stage_1(monkeypatch, "--db_root", "in", "--data", "data")
    said = capsys.readouterr()
    for reason in (
        "silent.wav: silent",
        "one.wav: too short",
        "nan.wav: holds a value",
        "empty.wav: empty",
        "it is text",
    ):
        assert reason in said.err
    assert "1 of 6 files can be used, fewer than 3" in said.out
    assert list(sets["dev"]) == [f"good{seed}_dev"] and list(sets["eval"]) == [f"good{seed}_eval"]
    assert f"good{seed}_train" in sets["train"]


def test_bad_files_are_never_held_out(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for number in range(3):
        noise(tmp_path / f"in/{number}.wav", seed=number)
    bad_files(tmp_path / "in")
    sets = _stage_1(monkeypatch, "--db_root", "in", "--data", "data")
    good = {name: {utt for utt in utts if utt.isdigit()} for name, utts in sets.items()}
    assert all(len(good[name]) == 1 for name in good) and len(sets["dev"]) == len(sets["eval"]) == 1
    capsys.readouterr()
    # What was seen is known the next time; what has changed is looked at again.
    monkeypatch.setattr("usable.check_audio", lambda source: pytest.fail(f"{source} is read again"))
    assert _stage_1(monkeypatch, "--db_root", "in", "--data", "data") == sets
    assert "nan.wav: holds a value" in capsys.readouterr().err
    monkeypatch.setattr("usable.check_audio", lambda source: 2.0 if source.endswith("nan.wav") else pytest.fail(source))
    soundfile.write(tmp_path / "in/nan.wav", np.ones(3 * FS) * 0.1, FS)
    _stage_1(monkeypatch, "--db_root", "in", "--data", "data")
    assert "nan.wav" not in capsys.readouterr().err


def test_nothing_usable(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    bad_files(tmp_path / "in")
    with pytest.raises(
        UserError, match=r"none of the 5 recordings can be used \(the first, empty: empty: .* 0 bytes\)"
    ):
        _stage_1(monkeypatch, "--db_root", "in", "--data", "data")
