"""Scoring a folder: good, bad and missing files, nothing done twice, one answer whatever the number of processes."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from espnet2_nhv.bin import score as score_cli
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.score import tracker
from espnet2_nhv.score.evaluate import _fingerprint, evaluate
from espnet2_nhv.score.metrics import METRICS

SPEC = FeatureSpec()
FS = SPEC.fs
SECONDS = 0.4


def tone(f0, seed=0):
    time = np.arange(int(SECONDS * FS)) / FS
    harmonics = sum(np.cos(2 * np.pi * k * f0 * time) / k for k in range(1, 20))
    return 0.1 * harmonics + 0.001 * np.random.default_rng(seed).standard_normal(len(time))


@pytest.fixture
def folders(tmp_path):
    """dump/eval of three utterances, and a decode folder in which one is perfect, one louder and one 20 cents sharp."""
    data, decode = tmp_path / "dump" / "eval", tmp_path / "exp" / "nhv" / "decode" / "eval"
    (data / "flac").mkdir(parents=True)
    (decode / "wav").mkdir(parents=True)
    SPEC.save(tmp_path / "dump" / "spec.yaml")
    pairs = {
        "a": (tone(220.0), tone(220.0)),
        "b": (tone(220.0), 2 * tone(220.0)),
        "c": (tone(220.0), tone(220.0 * 2 ** (20 / 1200), seed=1)),
    }
    for utt, (reference, synthesised) in pairs.items():
        soundfile.write(data / "flac" / f"{utt}.flac", reference, FS, subtype="PCM_16")
        soundfile.write(decode / "wav" / f"{utt}.wav", synthesised, FS, subtype="FLOAT")
    (data / "wav.scp").write_text("".join(f"{utt} {data}/flac/{utt}.flac\n" for utt in pairs))
    (decode / "wav.scp").write_text("".join(f"{utt} {decode}/wav/{utt}.wav\n" for utt in pairs))
    return data, decode


def test_scores_means_and_worst(folders):
    data, decode = folders
    scores = evaluate(data, decode)
    assert scores == json.loads((decode / "scores.json").read_text())
    assert list(scores["utterances"]) == ["a", "b", "c"]
    for metric in METRICS:
        values = {utt: scores["utterances"][utt][metric.key] for utt in "abc"}
        assert scores["mean"][metric.key] == pytest.approx(sum(values.values()) / 3, abs=1e-5)
        assert scores["worst"][metric.key][1] == max(values.values(), key=metric.fault)
        assert scores["count"][metric.key] == 3
    assert scores["utterances"]["a"]["mrstft"] < 0.02  # 16 against 32 bits
    assert scores["utterances"]["b"]["lsd_0_4"] == pytest.approx(6.02, abs=0.1)
    assert scores["worst"]["f0_rmse"][0] == "c"
    assert scores["worst"]["f0_rmse"][1] == pytest.approx(20, abs=1)
    assert (scores["n_utterances"], scores["n_scored"], scores["n_missing"]) == (3, 3, 0)
    assert not list(decode.glob("*.part"))


def test_two_processes_give_what_one_gives(folders, tmp_path):
    data, decode = folders
    one = evaluate(data, decode)
    (decode / "scores.json").unlink()
    assert evaluate(data, decode, nj=2) == one


def test_nothing_is_computed_twice(folders, monkeypatch):
    data, decode = folders
    first = evaluate(data, decode)
    calls = []
    analyse = tracker.heard_f0
    monkeypatch.setattr(tracker, "heard_f0", lambda wav, spec: calls.append(1) or analyse(wav, spec))
    monkeypatch.setattr("espnet2_nhv.score.evaluate.measure", lambda *a: pytest.fail("scored again"))
    assert evaluate(data, decode) == first
    monkeypatch.undo()

    # Another synthesis of one utterance: its F0 is analysed, and nothing else's.
    calls.clear()
    monkeypatch.setattr(tracker, "heard_f0", lambda wav, spec: calls.append(1) or analyse(wav, spec))
    soundfile.write(decode / "wav" / "a.wav", 0.5 * tone(220.0), FS, subtype="FLOAT")
    second = evaluate(data, decode)
    assert len(calls) == 1
    assert second["utterances"]["a"]["lsd_0_4"] == pytest.approx(6.02, abs=0.1)
    assert second["utterances"]["b"] == first["utterances"]["b"]


def test_scored_again_where_what_measures_changes(folders, monkeypatch):
    data, decode = folders
    pairs = {"a": (str(data / "flac" / "a.flac"), str(decode / "wav" / "a.wav"))}
    read = Path.read_bytes

    def made_from(file, extras):
        changed = lambda path: read(path) + b"#" * (f"{path.parent.name}/{path.stem}" == file)  # noqa: E731
        monkeypatch.setattr(Path, "read_bytes", changed)
        return _fingerprint(pairs, SPEC, extras, {})

    before = made_from("", ())
    assert {made_from(f"score/{name}", ()) for name in ("visqol", "pesq", "learned", "recordings")} == {before}
    measuring = ["score/mcd", "score/metrics", "score/aperiodicity", "pitch/harvest"]
    assert len({before, *(made_from(name, ()) for name in measuring)}) == 1 + len(measuring)
    assert made_from("score/pesq", ("pesq",)) != made_from("", ("pesq",)) != before
    assert made_from("score/learned", ("plcmos",)) != made_from("", ("plcmos",))


def test_the_kept_f0_follows_the_recording(folders):
    data, decode = folders
    evaluate(data, decode)
    soundfile.write(data / "flac" / "a.flac", tone(233.0), FS, subtype="PCM_16")
    soundfile.write(decode / "wav" / "a.wav", tone(233.0), FS, subtype="FLOAT")
    for kept in (data / "score_cache").glob("b.npz"):
        kept.write_bytes(kept.read_bytes()[:100])  # cut short: analysed again
    scores = evaluate(data, decode)
    assert scores["utterances"]["a"]["f0_gross"] == 0
    assert scores["utterances"]["a"]["f0_rmse"] < 1
    assert scores["utterances"]["b"]["f0_rmse"] < 1


def spoil(name, decode):
    path = decode / "wav" / "b.wav"
    if name == "missing":
        path.unlink()
    elif name == "not listed":
        scp = (decode / "wav.scp").read_text().splitlines(keepends=True)
        (decode / "wav.scp").write_text("".join(line for line in scp if not line.startswith("b ")))
    elif name == "garbage":
        path.write_bytes(b"not audio at all")
    elif name == "not a number":
        wav = tone(220.0)
        wav[100] = np.nan
        soundfile.write(path, wav, FS, subtype="FLOAT")
    elif name == "short":
        soundfile.write(path, tone(220.0)[: FS // 5], FS)
    elif name == "other rate":
        soundfile.write(path, tone(220.0), 24000)
    elif name == "stereo":
        soundfile.write(path, np.stack([tone(220.0)] * 2, axis=1), FS)


@pytest.mark.parametrize(
    "name, reason",
    [
        ("missing", "not readable"),
        ("not listed", "not synthesised"),
        ("garbage", "not readable"),
        ("not a number", "not finite"),
        ("short", f"{int(SECONDS * FS)} samples and the synthesised signal {FS // 5}"),
        ("other rate", "24000 Hz where the feature spec says 44100 Hz"),
        ("stereo", "2 channels"),
    ],
)
def test_a_bad_file_is_listed_and_the_others_are_scored(folders, name, reason, monkeypatch, capsys):
    data, decode = folders
    spoil(name, decode)
    arguments = ["score", "--data", str(data), "--decode", str(decode)]
    monkeypatch.setattr(sys, "argv", arguments)
    score_cli.main()
    assert "2 of 3 utterances scored" in capsys.readouterr().out
    scores = json.loads((decode / "scores.json").read_text())
    assert list(scores["utterances"]) == ["a", "c"]
    assert list(scores["missing"]) == ["b"] and reason in scores["missing"]["b"]
    assert (scores["n_utterances"], scores["n_scored"], scores["n_missing"]) == (3, 2, 1)

    monkeypatch.setattr(sys, "argv", [*arguments, "--strict"])
    with pytest.raises(SystemExit, match="1 utterances have no scores"):
        score_cli.main()


def test_nothing_scored_is_a_failure(folders, monkeypatch):
    data, decode = folders
    (decode / "wav.scp").write_text("stranger nowhere.wav\n")
    monkeypatch.setattr(sys, "argv", ["score", "--data", str(data), "--decode", str(decode)])
    with pytest.raises(SystemExit, match="no utterance could be scored"):
        score_cli.main()
    scores = json.loads((decode / "scores.json").read_text())
    assert scores["n_scored"] == 0 and set(scores["mean"].values()) == {None}


def test_utterances_without_a_value_stay_out_of_the_mean(folders):
    data, decode = folders
    for path in (data / "flac" / "a.flac", decode / "wav" / "a.wav"):
        soundfile.write(path, np.zeros(FS // 4), FS)
    scores = evaluate(data, decode)
    assert set(scores["utterances"]["a"].values()) == {None}
    assert scores["count"]["mcd"] == 2 and scores["n_scored"] == 3
    assert scores["mean"]["mcd"] == pytest.approx(np.mean([scores["utterances"][utt]["mcd"] for utt in "bc"]), abs=1e-5)


def test_folders_that_are_not_there(folders, tmp_path):
    data, decode = folders
    with pytest.raises(UserError, match="wav.scp"):
        evaluate(data, tmp_path / "nowhere")
    with pytest.raises(UserError, match="spec.yaml"):
        evaluate(decode, decode)
