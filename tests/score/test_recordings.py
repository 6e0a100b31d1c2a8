"""bin.score --files: vocoders on recordings as they are."""

import json
import sys

import numpy as np
import pytest
import soundfile

from espnet2_nhv.bin import score as command
from espnet2_nhv.errors import UserError
from espnet2_nhv.report.line import scores_in_one_line
from espnet2_nhv.score import recordings
from espnet2_nhv.score.evaluate import summarise
from espnet2_nhv.score.metrics import METRICS
from espnet2_nhv.vocoder import build_vocoder, save_vocoder

FS = 48000


@pytest.fixture
def songs(tmp_path):
    """A stereo note, one in a folder, and a file that is no sound."""
    folder = tmp_path / "songs"
    folder.mkdir()
    for number, pitch in enumerate((196.0, 262.0)):
        time = np.arange(int(0.9 * FS)) / FS
        wav = 0.1 * sum(np.cos(2 * np.pi * k * pitch * time) / k for k in range(1, 40))
        wav += 1e-3 * np.random.default_rng(number).standard_normal(len(time))
        soundfile.write([tmp_path / "a.wav", folder / "b.flac"][number], np.stack([wav, wav], 1), FS)
    (tmp_path / "c.wav").write_text("no sound")
    return tmp_path


def run(monkeypatch, *options):
    monkeypatch.setattr(sys, "argv", ["score", *map(str, options)])
    command.main()


def test_one_line_a_vocoder(songs, monkeypatch, capsys):
    files = songs / "a.wav", songs / "songs", songs / "c.wav"
    cache, out = songs / "cache", songs / "scores.json"
    options = ("--seconds", 0.7, "--cache", cache, "--out", out)
    run(monkeypatch, "--files", *files, "--vocoder", "world", "griffinlim", *options)
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["world", "griffinlim"]
    assert all(": 2 files  MR-STFT 0." in line and "aperiodicity " in line for line in lines)
    found = json.loads(out.read_text())
    assert list(found["world"]["missing"]) == [str(songs / "c.wav")]
    world, gl = (found[name]["mean"] for name in ("world", "griffinlim"))
    assert world["f0_gross"] == 0 and world["lsd_0_4"] < 6
    assert world["mrstft"] != gl["mrstft"] and world["ap_abs"] is not None
    assert len(list(cache.iterdir())) == 2  # F0 of each recording

    # The next time it is not analysed again, and the scores are the same.
    monkeypatch.setattr("espnet2_nhv.score.cache.tracker.heard_f0", lambda *a: pytest.fail("analysed again"))
    files = recordings.find_recordings(files[:1])
    again = recordings.score_recordings(build_vocoder("world").eval(), files, 0.7, cache)
    assert again["utterances"] == {str(songs / "a.wav"): found["world"]["utterances"][str(songs / "a.wav")]}


def test_a_peer_is_scored_as_any_other(songs, monkeypatch, capsys):
    halve = "import soundfile, sys; x, fs = soundfile.read(sys.argv[1]); soundfile.write(sys.argv[2], x[::2], fs // 2)"
    (songs / "halve.py").write_text(halve)
    peer, out = f"half={sys.executable} {songs}/halve.py {{inp}} {{out}}", songs / "scores.json"
    run(monkeypatch, "--files", songs / "a.wav", "--peer", peer, "--out", out)
    assert capsys.readouterr().out.startswith("half: 1 files  MR-STFT ")
    mean = json.loads(out.read_text())["half"]["mean"]
    assert mean["lsd_0_4"] < 3 < 20 < mean["lsd_16_22"]  # the recording, without what is above a quarter of its rate
    with pytest.raises(UserError, match="give NAME=DIR or NAME=command"):
        run(monkeypatch, "--files", songs / "a.wav", "--peer", "half")
    with pytest.raises(UserError, match="peer half: .* has no vocoder.yaml; sounds made elsewhere are scored as a set"):
        run(monkeypatch, "--files", songs / "a.wav", "--peer", f"half={songs}")
    with pytest.raises(UserError, match="no recording could be scored .*no_such_program cannot be run"):
        run(monkeypatch, "--files", songs / "a.wav", "--peer", "half=no_such_program {inp} {out}")


def test_wrong_options_are_one_sentence(songs, monkeypatch):
    with pytest.raises(UserError, match="give --data and --decode .* or --files and --vocoder"):
        run(monkeypatch, "--files", songs / "a.wav")
    with pytest.raises(UserError, match="hifigan: has to be trained"):
        run(monkeypatch, "--files", songs / "a.wav", "--vocoder", "hifigan")
    with pytest.raises(UserError, match="nowhere: not a saved vocoder"):
        run(monkeypatch, "--files", songs / "a.wav", "--vocoder", songs / "nowhere")
    with pytest.raises(UserError, match="no recording could be scored .*c.wav"):
        run(monkeypatch, "--files", songs / "c.wav", "--vocoder", "world")
    with pytest.raises(UserError, match="0 seconds of each recording"):
        run(monkeypatch, "--files", songs / "a.wav", "--vocoder", "world", "--seconds", 0)
    with pytest.raises(UserError, match="no optional metric 'mos'"):
        run(monkeypatch, "--files", songs / "a.wav", "--vocoder", "world", "--optional", "mos")


def test_a_saved_vocoder_is_found(songs):
    save_vocoder(build_vocoder("hifigan", channels=16), songs / "saved", "CC0", "nothing")
    assert recordings.find_vocoder(songs / "saved").spec == build_vocoder("world").spec


def test_every_column_that_decides_is_in_the_line():
    values = {metric.key: number + 0.25 for number, metric in enumerate(METRICS)} | {"distillmos": -0.5}
    other = {key: value + 1 for key, value in values.items()}
    scores = summarise({"a": (values, None), "b": (other, None)}, ["distillmos"])
    line = scores_in_one_line(scores)
    for metric in METRICS:
        if metric.key not in ("lsd_worst", "ap_abs"):
            assert metric.show(values[metric.key] + 0.5) in line
    assert line.endswith("DistillMOS 0.00±0.50")
