"""The corpus `score`: recordings with scores and labels beside them."""

import sys
from pathlib import Path

import numpy as np
import pytest
import score_data
import soundfile
from labels import read_labels
from score_files import note_xml, write_xml
from songs import beside, label_of, score_of

from espnet2_nhv.errors import UserError


def make(folder, name, score=True, label=True):
    folder.mkdir(parents=True, exist_ok=True)
    soundfile.write(folder / f"{name}.wav", 0.1 * np.random.default_rng(0).normal(size=44100 * 2), 44100)
    if score:
        write_xml(folder / f"{name}.musicxml", note_xml(16, "A3", "か"))
    if label:
        (folder / f"{name}.lab").write_text("0.0 0.2 k\n0.2 2.0 a\n")


def run(folder, data):
    sys.argv = ["score_data", "--db_root", str(folder), "--data", str(data)]
    score_data.main()


def test_stage_1(tmp_path, capsys):
    corpus = tmp_path / "corpus"
    for name in ("a", "b", "c", "d"):
        make(corpus / "singer", name)
    make(corpus, "spoken", score=False)
    run(corpus, tmp_path / "data")
    said = capsys.readouterr().out
    assert "left out: 1 recordings without a score" in said and "spoken.wav" in said
    lines = [
        line for part in ("train", "dev", "eval") for line in (tmp_path / "data" / part / "wav.scp").read_text().split()
    ]
    assert sorted(lines[::2]) == [f"singer_{name}" for name in "abcd"]
    assert score_of(lines[1]).suffix == ".musicxml" and read_labels(label_of(lines[1]))[1] == (0.2, 2.0, "a")


def test_what_is_missing_is_said(tmp_path):
    with pytest.raises(UserError, match="no recording in it has a score"):
        run(tmp_path, tmp_path / "data")
    make(tmp_path, "a"), make(tmp_path, "b")
    with pytest.raises(UserError, match="2 recordings with a score, but train, dev and eval need one each"):
        run(tmp_path, tmp_path / "data")
    make(tmp_path, "c", label=False)
    with pytest.raises(UserError, match=r"c.wav: there are no phoneme labels beside it \(c.lab"):
        run(tmp_path, tmp_path / "data")
    with pytest.raises(UserError, match="there is no score beside it"):
        score_of(tmp_path / "z.wav")


def test_names_of_pjs(tmp_path):
    (tmp_path / "pjs001.musicxml").touch()
    assert beside(tmp_path / "pjs001_song.flac", (".mid", ".musicxml")) == tmp_path / "pjs001.musicxml"


def test_labels_in_seconds_and_in_htks_unit(tmp_path):
    path = Path(tmp_path / "x.lab")
    path.write_text("0 10000000 sil\n12000000 13000000 k\n13000000 20000000 xx\n")
    assert read_labels(path) == [(0.0, 1.0, "pau"), (1.0, 1.2, "pau"), (1.2, 1.3, "k"), (1.3, 2.0, "pau")]
    path.write_text("0\t1.5\ta\n1.5\t2.25\tSP\n")
    assert read_labels(path) == [(0.0, 1.5, "a"), (1.5, 2.25, "pau")]
    for line in ("0 1.5", "x 1.5 a", "2.0 1.0 a"):
        path.write_text(f"0.0 0.5 a\n{line}\n")
        with pytest.raises(UserError, match="x.lab, line 2: not a start, an end and a phoneme"):
            read_labels(path)
