"""What cannot be written is said before the work for it is done, and nobody's recording is written over."""

import os
import sys

import numpy as np
import pytest
import soundfile
from score_files import note_xml, write_xml

from espnet2_nhv.bin import live, sing
from espnet2_nhv.errors import UserError
from espnet2_nhv.synthesis.targets import check_target


def test_targets(tmp_path, monkeypatch):
    (tmp_path / "a.wav").write_bytes(b"mine")
    (tmp_path / "b.wav").symlink_to(tmp_path / "a.wav")
    check_target(tmp_path / "new.wav", tmp_path / "a.wav")
    check_target(tmp_path / "a.wav")  # of another recording, or of an earlier run
    check_target(tmp_path / "no suffix")
    monkeypatch.chdir(tmp_path)
    check_target("new.wav")
    refused = {
        ("a.wav", "a.wav"): "a.wav is the recording itself, which would be lost",
        ("b.wav", "a.wav"): "b.wav is the recording itself, which would be lost",
        (".", None): "is a folder: give the name of a file, e.g. song.wav",
        ("a.flac", None): "a.flac: what is written is wav: call it a.wav",
        ("none/a.wav", None): "there is no folder none to write it to",
        ("a.wav/a.wav", None): "there is no folder a.wav to write it to",
    }
    for (path, source), words in refused.items():
        with pytest.raises(UserError, match=words):
            check_target(path, source)
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anywhere
    with pytest.raises(UserError, match="new.wav: . may not be written to: check its rights"):
        check_target("new.wav")


def test_before_anything_is_sung(tmp_path, monkeypatch):
    write_xml(tmp_path / "song.musicxml", note_xml(4, "A3", "さ"))
    monkeypatch.setattr(sys, "argv", ["sing", str(tmp_path / "song.musicxml"), str(tmp_path), "--model", "none"])
    with pytest.raises(UserError, match="is a folder"):
        sing.main()
    soundfile.write(tmp_path / "live.wav", np.zeros(4410), 44100)
    before = (tmp_path / "live.wav").read_bytes()
    monkeypatch.chdir(tmp_path)  # where live writes if it is not told otherwise
    monkeypatch.setattr(sys, "argv", ["live", "live.wav", "--vocoder", "none"])
    with pytest.raises(UserError, match="live.wav is the recording itself"):
        live.main()
    assert (tmp_path / "live.wav").read_bytes() == before
