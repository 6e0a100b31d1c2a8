"""Metrics on a real song, where their usual size is known."""

import os
from pathlib import Path

import numpy as np
import pytest
import pyworld
import soundfile
import soxr

from espnet2_nhv.feature.pitch.analysis import extract_f0
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.score.metrics import measure

PJS = os.environ.get("PJS")
pytestmark = pytest.mark.skipif(not PJS, reason="PJS does not name the PJS corpus (export PJS=.../PJS_corpus_ver1.1)")
SPEC = FeatureSpec()


@pytest.fixture(scope="module")
def phrase():
    (path,) = (path for path in (Path(PJS) / "pjs081").glob("pjs081_song.*") if path.suffix in (".wav", ".flac"))
    wav, rate = soundfile.read(path, frames=6 * 48000)
    return soxr.resample(wav, rate, SPEC.fs)


def test_world_analysis_synthesis(phrase):
    f0, vuv = (track.astype(np.float64) for track in extract_f0(phrase, SPEC))
    f0 = f0 * vuv
    time = np.arange(len(f0)) * SPEC.hop_length / SPEC.fs
    n_fft = pyworld.get_cheaptrick_fft_size(SPEC.fs, SPEC.f0_floor)
    envelope = pyworld.cheaptrick(phrase, f0, time, SPEC.fs, fft_size=n_fft)
    aperiodicity = pyworld.d4c(phrase, f0, time, SPEC.fs, fft_size=n_fft)
    wav = pyworld.synthesize(f0, envelope, aperiodicity, SPEC.fs, 1000 * SPEC.hop_length / SPEC.fs)
    scores = measure(phrase, wav[: len(phrase)], SPEC)
    print(scores)
    assert 0.3 < scores["mrstft"] < 0.6
    assert 1.0 < scores["mcd"] < 4.0
    assert scores["f0_rmse"] < 20 and scores["f0_gross"] < 10 and scores["vuv_error"] < 15
    assert all(0.5 < scores[band] < 3.0 for band in ("lsd_4_8", "lsd_8_16", "lsd_16_22"))
    assert scores["lsd_0_4"] < 9


def test_a_real_song_against_itself(phrase):
    scores = measure(phrase, phrase, SPEC)
    assert {value for key, value in scores.items() if key != "lsd_worst_at"} == {0.0}
