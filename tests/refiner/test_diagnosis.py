"""Mels of one singer, spoilt in every way that is known, for a vocoder trained on others."""

import dataclasses
import json
import sys

import numpy as np
import pytest
import torch

from espnet2_nhv.bin import diagnose as command
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.mel import LogMel
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.refiner.diagnosis import diagnose
from espnet2_nhv.refiner.statistics import Changes, MelStatistics
from espnet2_nhv.vocoder import build_vocoder, save_vocoder

SPEC = FeatureSpec()
LN10 = np.log(10.0)


def log_mel(wav, **changes_of_spec):
    with torch.no_grad():
        return LogMel(dataclasses.replace(SPEC, **changes_of_spec))(torch.from_numpy(wav))[0].T.double().numpy()


@pytest.fixture(scope="module")
def songs(demo_wavs):
    """A song of each singer, as samples, with what every recording has and the demo lacks: breath, and a room."""
    songs = []
    for seed, (wav, _) in enumerate(demo_wavs.values()):
        rng = np.random.default_rng(seed)
        wav = wav[: 2 * SPEC.fs]
        level = np.sqrt(np.convolve(np.square(wav), np.full(2000, 1 / 2000), "same"))
        wav = wav + (0.1 * level + 5e-4) * rng.normal(size=len(wav))
        room = rng.normal(size=300) * np.exp(-np.arange(300) / 44.1)  # a millisecond
        wav = np.convolve(wav, room / np.linalg.norm(room))[: len(wav)]
        songs.append(wav.astype(np.float32))
    return songs


@pytest.fixture(scope="module")
def trained(songs):
    """Mean and deviation of the features of all songs but the first."""
    mel = np.concatenate([log_mel(wav) for wav in songs[1:]])
    return mel.mean(axis=0), mel.std(axis=0)


def found(mel, trained, spec=SPEC):
    return diagnose(MelStatistics.of([mel]), *trained, spec)


def smooth(mel):
    for _ in range(2):
        mel = np.pad(mel, 1, mode="edge")
        mel = (mel[2:] + 2 * mel[1:-1] + mel[:-2]) / 4
        mel = (mel[:, 2:] + 2 * mel[:, 1:-1] + mel[:, :-2]) / 4
    return mel


SPOILT = {
    "none": [lambda mel, trained: mel],
    "log base": [lambda mel, trained: mel * LN10, lambda mel, trained: mel * LN10 / np.log(2)],
    "power": [lambda mel, trained: 2 * mel],
    "decibel": [lambda mel, trained: 20 * mel],
    "linear": [lambda mel, trained: 10**mel],
    "normalised": [
        lambda mel, trained: (mel - trained[0]) / trained[1],
        lambda mel, trained: (mel - mel.mean(axis=0)) / mel.std(axis=0),
    ],
    "scaled": [lambda mel, trained: (mel + 6.5) / 8, lambda mel, trained: (mel + 6.5) / 4 - 1],
    "level": [lambda mel, trained: mel + np.log10(32768), lambda mel, trained: mel - 1.5],
    "smooth": [lambda mel, trained: smooth(mel)],
    "floor": [lambda mel, trained: np.maximum(mel, np.quantile(mel, 0.03))],
}


@pytest.mark.parametrize("cause, number", [(cause, n) for cause, ways in SPOILT.items() for n in range(len(ways))])
def test_what_was_done_to_numbers_is_named(cause, number, songs, trained):
    diagnosis = found(SPOILT[cause][number](log_mel(songs[0]), trained), trained)
    assert diagnosis.cause == cause, sorted(diagnosis.evidence.items(), key=lambda pair: pair[1])
    assert diagnosis.says and diagnosis.fix and (diagnosis.certain or cause == "scaled")


@pytest.mark.parametrize(
    "causes, analysis",
    [
        (["hop"], dict(hop_length=128)),
        (["hop"], dict(hop_length=512)),
        (["hop", "window"], dict(win_length=2048)),  # either way frames overlap more
    ],
)
def test_another_analysis_is_named(causes, analysis, songs, trained):
    diagnosis = found(log_mel(songs[0], **analysis), trained)
    assert diagnosis.cause in causes, sorted(diagnosis.evidence.items(), key=lambda pair: pair[1])


def test_another_range_is_named_where_the_voice_is_known(songs):
    mel = log_mel(songs[0])
    diagnosis = found(log_mel(songs[0], fmax=8000), (mel.mean(axis=0), mel.std(axis=0)))
    assert diagnosis.cause == "range" and "fmax" in diagnosis.fix


def test_a_vocoder_of_the_natural_logarithm_is_given_log10(songs):
    spec = dataclasses.replace(SPEC, log_base=None)
    mel = np.concatenate([log_mel(wav) for wav in songs[1:]]) * LN10
    diagnosis = found(log_mel(songs[0]), (mel.mean(axis=0), mel.std(axis=0)), spec)
    assert diagnosis.cause == "log base" and "2.30259" in diagnosis.fix and "log_base: 10.0" in diagnosis.fix


def test_statistics_are_those_of_all_frames_at_once():
    mels = [np.random.default_rng(n).normal(size=(50 * n, 8)) for n in (1, 2, 3)]
    given, whole = MelStatistics.of(mels), np.concatenate(mels)
    np.testing.assert_allclose([given.mean, given.std], [whole.mean(axis=0), whole.std(axis=0)])
    np.testing.assert_array_equal([given.low, given.high], [whole.min(axis=0), whole.max(axis=0)])
    assert given.n_utterances == 3 and given.n_frames == 300 and given.at_lowest == 1 / 2400
    changes, upper = Changes.of(whole), whole[:, 4:]
    for got, expected in (
        (changes.in_time, np.diff(upper, 2, axis=0)),
        (changes.over_two, upper[4:] - 2 * upper[2:-2] + upper[:-4]),
        (changes.in_frequency[1:-1], np.diff(upper, 2, axis=1)),
    ):
        np.testing.assert_allclose(got, np.median(np.abs(expected), axis=0), rtol=0.03)


def test_nothing_to_compare(songs):
    with pytest.raises(UserError, match="no frame"):
        MelStatistics.of([np.zeros((0, 128))])
    with pytest.raises(UserError, match="number 2 is not finite at frame 1"):
        MelStatistics.of([np.zeros((2, 128)), np.array([[0.0], [np.nan]])])
    with pytest.raises(UserError, match="keeps no statistics"):
        found(log_mel(songs[0]), (np.zeros(128), np.ones(128)))


def test_command(songs, trained, tmp_path, monkeypatch, capsys):
    vocoder = build_vocoder("griffinlim", SPEC)
    vocoder.set_stats(*map(torch.from_numpy, trained))
    save_vocoder(vocoder, tmp_path / "vocoder", "CC0-1.0", "demo")
    np.save(tmp_path / "song.npy", (LN10 * log_mel(songs[0])).astype(np.float32).T)  # bands first
    arguments = ["--vocoder", tmp_path / "vocoder", "--mel", tmp_path / "song.npy", "--json", tmp_path / "found.json"]
    monkeypatch.setattr(sys, "argv", ["diagnose", *map(str, arguments)])
    command.main()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("1 utterances,") and len(lines) == 1 + 1 + 12 + 2
    assert "natural logarithm" in lines[-2] and "multiply them by 0.434294" in lines[-1]
    written = json.loads((tmp_path / "found.json").read_text())
    assert written["cause"] == "log base" and len(written["bands"]) == 128
    assert written["bands"][0]["trained_mean"] == pytest.approx(float(vocoder.mel_mean[0]), rel=1e-6)
    (tmp_path / "found.json").unlink()
    arguments[-1] = tmp_path / "none" / "found.json"  # said before the mels are read, and not after
    monkeypatch.setattr(sys, "argv", ["diagnose", *map(str, arguments)])
    with pytest.raises(UserError, match="there is no folder .*none to write it to"):
        command.main()


@pytest.mark.filterwarnings("error")
def test_a_mel_that_does_not_move(songs, trained):
    found(np.full((50, 128), -2.0, np.float32), trained)
