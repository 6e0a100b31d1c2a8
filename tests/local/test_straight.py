"""local/straight.py: STRAIGHT in Octave where both are there, one sentence where not."""

import os
import shutil
import sys

import numpy as np
import pytest
import soundfile
import straight
from signals import FS, voice

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.score.mcd import mcd

OCTAVE = """#!/bin/sh
[ -z "{problem}" ] || {{ echo "error: {problem}" >&2; exit 1; }}
cp wav made
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A checkout by its looks, and a sound."""
    (tmp_path / "checkout/src").mkdir(parents=True)
    (tmp_path / "checkout/src/exstraightspec.m").touch()
    monkeypatch.setenv("STRAIGHT_ROOT", str(tmp_path / "checkout"))
    soundfile.write(tmp_path / "in.wav", np.stack([voice(220)] * 2, 1), FS)
    monkeypatch.setattr(sys, "argv", ["straight.py", str(tmp_path / "in.wav"), str(tmp_path / "out.wav")])
    return tmp_path


def octave(folder, monkeypatch, problem=""):
    """An Octave that gives back what it was given, or complains."""
    (folder / "octave").write_text(OCTAVE.format(problem=problem))
    (folder / "octave").chmod(0o755)
    monkeypatch.setattr(straight, "OCTAVE", str(folder / "octave"))


def test_what_goes_in_comes_out(folder, monkeypatch):
    octave(folder, monkeypatch)
    straight.main()
    made, fs = soundfile.read(folder / "out.wav")
    np.testing.assert_allclose(made, soundfile.read(folder / "in.wav")[0][:, 0], atol=1e-6)
    assert fs == FS


def test_what_is_missing_is_named(folder, monkeypatch):
    octave(folder, monkeypatch, problem="package signal not found")
    with pytest.raises(UserError, match="STRAIGHT failed in Octave: error: package signal not found"):
        straight.main()
    monkeypatch.setattr(straight, "OCTAVE", str(folder / "nowhere"))
    with pytest.raises(UserError, match="nowhere cannot be run .*: install octave and octave-signal"):
        straight.main()
    (folder / "in.wav").write_text("no sound")
    with pytest.raises(UserError, match="in.wav: not readable as audio"):
        straight.main()
    for value in (str(folder), ""):
        monkeypatch.setenv("STRAIGHT_ROOT", value)
        with pytest.raises(UserError, match="STRAIGHT_ROOT names no checkout"):
            straight.main()


@pytest.mark.skipif(
    shutil.which(straight.OCTAVE) is None or not os.environ.get("STRAIGHT_ROOT"),
    reason="octave-cli is not installed, or STRAIGHT_ROOT does not name a checkout of legacy STRAIGHT",
)
def test_a_vowel_keeps_its_timbre():
    wav = voice(220, seconds=0.6)
    made = straight.straight(wav, FS, straight.find_root())
    spec = FeatureSpec()
    n_frames = len(wav) // spec.hop_length
    assert len(made) == len(wav) and mcd(wav, made, spec, (np.full(n_frames, 220.0), np.ones(n_frames)))["mcd"] < 4
