"""Metrics of other people's packages, on signals whose scores are known beforehand."""

import importlib.util

import numpy as np
import pytest
import soxr
import torch
from result_files import table
from signals import FS, SPEC, noise, voice

from espnet2_nhv.errors import UserError
from espnet2_nhv.report.results import write_results
from espnet2_nhv.score import learned
from espnet2_nhv.score.optional import OPTIONAL, available, measure_optional

LEARNED = [key for key, extra in OPTIONAL.items() if extra.file == "learned"]


@pytest.fixture(params=[key for key in OPTIONAL if key not in LEARNED])
def key(request):
    return installed(request)


@pytest.fixture(params=LEARNED)
def learned_key(request):
    return installed(request)


def installed(request):
    extra = OPTIONAL[request.param]
    if importlib.util.find_spec(extra.module) is None:
        pytest.skip(f"{extra.package} is not installed (pip install 'espnet2_nhv[metrics]')")
    return request.param


def test_a_copy_gets_the_highest_score_and_more_noise_a_lower_one(key):
    # A copy's score is fixed by each scale: 4.644 ends P.862.2's, 4.732 is the audio model's answer to no difference.
    copy = {"visqol": 4.732, "pesq": 4.644}[key]
    song = np.concatenate([voice(f0, 0.8) for f0 in (220.0, 260.0, 300.0)]) + 3e-4 * noise(2.4, seed=3)

    def score(level):
        return measure_optional(key, song, song + noise(2.4, 1, level) if level else song.copy(), SPEC)[key]

    scores = [score(level) for level in (0, 1e-3, 1e-2, 1e-1)]
    assert scores[0] == pytest.approx(copy, abs=2e-3)
    assert all(better > worse + 0.02 for better, worse in zip(scores, scores[1:])), scores
    assert scores[-1] >= 1


def test_nothing_to_judge_is_no_score(key):
    assert measure_optional(key, np.zeros(2 * FS), noise(2.0), SPEC) == {key: None}
    assert measure_optional(key, voice(220.0, 0.1), voice(220.0, 0.1), SPEC) == {key: None}


def test_silence_is_the_worst_of_all_and_no_number_is_none(key, monkeypatch):
    wav = np.concatenate([voice(f0, 0.8) for f0 in (220.0, 260.0)])
    assert measure_optional(key, wav, np.zeros_like(wav), SPEC) == {key: 1.0}
    assert measure_optional(key, wav[:1000], np.zeros(1000), SPEC) == {key: None}
    module, function = OPTIONAL[key].function.split(":")
    monkeypatch.setattr(f"{module}.{function}", lambda *a: {key: float("nan")})
    assert measure_optional(key, wav, wav, SPEC) == {key: None}


def package_opinion(key, wav):
    """What the package itself says of a signal at 16 kHz."""
    clip = soxr.resample(wav, FS, 16000).astype(np.float32)
    if key == "distillmos":
        distillmos = importlib.import_module("distillmos")
        with torch.no_grad():
            return float(distillmos.ConvTransformerSQAModel().eval()(torch.from_numpy(clip)[None]))
    np.random.seed(0)  # PLCMOS draws its listeners
    name, score = {"plcmos": ("plcmos", "plcmos"), "dnsmos": ("dnsmos", "sig_mos")}[key]
    return float(importlib.import_module(f"speechmos.{name}").run(clip, 16000)[score])


def test_a_learned_score_is_the_difference_to_the_recording(learned_key):
    song = np.concatenate([voice(f0, 0.6) for f0 in (220.0, 300.0)])
    rough = song + noise(1.2, 1, 0.05)
    state = np.random.get_state()[1].copy()
    found = measure_optional(learned_key, song, rough, SPEC)[learned_key]
    assert np.array_equal(np.random.get_state()[1], state)  # others' random numbers are theirs
    song_opinion, rough_opinion = (package_opinion(learned_key, wav) for wav in (song, rough))
    assert abs(found) > 0.05 and found == pytest.approx(rough_opinion - song_opinion, abs=1e-3)
    assert measure_optional(learned_key, song, song.copy(), SPEC) == {learned_key: 0.0}
    # Of silence they may say anything; here it gets the lowest opinion, and is nothing to compare with.
    lost = measure_optional(learned_key, song, 0 * song, SPEC)[learned_key]
    assert lost == pytest.approx(1 - song_opinion, abs=1e-3)
    assert measure_optional(learned_key, 0 * song, song, SPEC) == {learned_key: None}
    assert measure_optional(learned_key, song[:1000], song[:1000], SPEC) == {learned_key: None}


def test_long_songs_are_judged_in_clips(monkeypatch):
    heard = []
    monkeypatch.setattr(learned, "_plcmos", lambda: lambda clip: heard.append(clip) or float(len(heard)))
    song = noise(23.0)
    assert learned.plcmos(song, song, SPEC) == {"plcmos": 3.0}  # means of 4, 5, 6 and of 1, 2, 3
    assert [len(clip) / learned.RATE for clip in heard] == pytest.approx([23 / 3] * 6, abs=1e-3)


def test_a_missing_package_is_a_reason_not_an_error(monkeypatch):
    monkeypatch.setitem(OPTIONAL, "visqol", OPTIONAL["visqol"]._replace(module="not_installed_anywhere"))
    assert available(["visqol"]) == ((), {"visqol": "visqol-python is not installed"})
    assert available([]) == ((), {})
    with pytest.raises(UserError, match="no optional metric 'mos'; there are visqol, pesq, distillmos"):
        available(["mos"])


def test_a_skipped_metric_is_a_dash_and_a_note(expdir):  # noqa: F811
    import json

    path = expdir / "nhv" / "decode" / "eval" / "scores.json"
    scores = json.loads(path.read_text())
    scores["skipped"] = {"visqol": "visqol-python is not installed"}
    path.write_text(json.dumps(scores))
    write_results(expdir, ["nhv", "hifigan"], ["eval"])
    rows = {row["vocoder"]: row for row in table((expdir / "RESULTS.md").read_text(), "eval")}
    assert rows["`nhv`"]["ViSQOL (MOS) ↑"] == "-" and rows["`hifigan`"]["ViSQOL (MOS) ↑"] == ""
    assert rows["`nhv`"]["note"] == "no ViSQOL: visqol-python is not installed"
    assert "PESQ" not in rows["`nhv`"]
