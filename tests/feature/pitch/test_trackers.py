"""Each tracker against a glide whose pitch is known, and the registry."""

import dataclasses
import importlib.util

import numpy as np
import pytest
from signals import FS, SPEC, voice

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.audit import audit_f0
from espnet2_nhv.feature.pitch.analysis import analyse_pitch, extract_f0
from espnet2_nhv.feature.pitch.registry import DEFAULT, TRACKERS, build_tracker
from espnet2_nhv.feature.pitch.swift import Swift

SOUND = ("swift", "harvest", "dio", "fcpe")  # all that listen to the sound


@pytest.mark.parametrize("method", SOUND)
def test_a_glide_and_a_vibrato(method):
    if method == "fcpe" and importlib.util.find_spec("torchfcpe") is None:
        pytest.skip("torchfcpe is not installed")
    n = np.arange(2 * FS) / FS
    contour = 150 * 2 ** (n / 2 + 0.04 * np.sin(2 * np.pi * 5.5 * n))
    f0, vuv = extract_f0(voice(contour, 2.0), SPEC, method)
    frames = np.arange(10, len(f0) - 10)
    cents = 1200 * np.abs(np.log2(f0[frames] / contour[frames * SPEC.hop_length]))
    assert vuv[frames].mean() > 0.99
    assert np.median(cents) < 6 and np.percentile(cents, 99) < 30


@pytest.mark.parametrize("pitch", [554, 587])
def test_swift_does_not_jump_to_the_octave_above(pitch):
    # SwiftF0 alone hears the octave in some of these tones.
    n = np.arange(FS)
    tone = sum(np.cos(2 * np.pi * k * pitch * n / FS + 0.3 * k * k) / k**1.5 for k in range(1, 30))
    f0, vuv = extract_f0(0.1 * tone / tone.std(), SPEC, "swift")
    assert vuv[12:-12].all() and np.abs(1200 * np.log2(f0 / pitch))[12:-12].max() < 12


@pytest.mark.parametrize("pitch, floor, ceil", [(43.0, 40.0, 300.0), (2350.0, 200.0, 2500.0), (1850.0, 200.0, 2500.0)])
def test_swift_beyond_the_range_of_its_network(pitch, floor, ceil):
    spec = dataclasses.replace(SPEC, f0_floor=floor, f0_ceil=ceil)
    f0, vuv = extract_f0(voice(pitch), spec, "swift")
    assert vuv[20:-20].mean() > 0.95
    assert np.median(np.abs(1200 * np.log2(f0[20:-20] / pitch))) < 10


def test_swift_is_the_same_in_pieces(monkeypatch, demo_wavs):
    wav, _ = demo_wavs["tenor"]
    whole, whole_vuv = extract_f0(wav, SPEC, "swift")
    monkeypatch.setattr(Swift, "piece_seconds", 4)
    pieces, vuv = extract_f0(wav, SPEC, "swift")
    assert (vuv == whole_vuv).all()
    np.testing.assert_allclose(pieces, whole, rtol=1e-5)


def test_the_registry_builds_what_it_lists_and_names_what_is_missing(monkeypatch):
    assert DEFAULT in TRACKERS and set(SOUND) <= set(TRACKERS)
    with pytest.raises(UserError, match="no F0 method 'crepe'; there are swift, harvest"):
        build_tracker("crepe", SPEC)
    monkeypatch.setitem(TRACKERS, "mine", "tests_without:Tracker")
    with pytest.raises(ModuleNotFoundError):  # a mistake in the row itself is a bug, not the user's
        build_tracker("mine", SPEC)


def test_a_missing_package_is_one_sentence(monkeypatch):
    from espnet2_nhv.feature.pitch import fcpe

    def missing():
        raise ImportError("No module named 'torchfcpe'")

    monkeypatch.setattr(fcpe, "_model", missing)
    with pytest.raises(UserError, match="the F0 method fcpe needs the package torchfcpe"):
        build_tracker("fcpe", SPEC)


def test_creaky_voice_is_voiced_and_noise_is_not():
    from pitch_table import at_frames, creaky

    (wav, true), *_ = creaky(1)
    f0, vuv = extract_f0(wav, SPEC, "swift")
    assert vuv[true > 0].mean() > 0.9 and vuv[true == 0].mean() < 0.05
    # Its pulses are too uneven to repeat: what has the sound alone to judge by calls it unvoiced.
    assert extract_f0(wav, SPEC, "dio")[1][true > 0].mean() < 0.9
    rumble = np.cumsum(np.random.default_rng(0).standard_normal(2 * FS))
    rumble -= np.convolve(rumble, np.ones(2000) / 2000, "same")
    assert extract_f0(0.3 * rumble / np.abs(rumble).max(), SPEC, "swift")[1].mean() < 0.05
    assert len(at_frames(true, 256, len(wav))) == len(f0)


@pytest.mark.parametrize("method", ["swift", "dio"])
def test_a_voice_beyond_the_range_is_told_of_and_given_no_pitch(method):
    n = np.arange(3 * FS) / FS
    # A second in the range, a second above it, a second below it.
    wav = voice(np.where(n < 1, 300.0, np.where(n < 2, 1500.0, 75.0)), 3.0)
    spec = dataclasses.replace(SPEC, f0_floor=150.0, f0_ceil=1000.0)
    pitch = analyse_pitch(wav, spec, method, watch=True)
    assert pitch.beyond == pytest.approx(2 / 3, abs=0.06)
    seconds = np.arange(len(pitch.f0)) * 256 / FS
    if method == "swift":
        assert pitch.vuv[(seconds > 1.1) & (seconds < 1.9)].mean() < 0.05
    (warning,) = [text for text in audit_f0(pitch.f0, pitch.vuv, spec, pitch.beyond).warnings(spec) if "beyond" in text]
    assert "beyond 150 to 1000 Hz" in warning and "--f0_ceil" in warning
    wide = analyse_pitch(wav, dataclasses.replace(SPEC, f0_floor=60.0, f0_ceil=2000.0), method, watch=True)
    assert wide.beyond < 0.02
    assert np.median(np.abs(1200 * np.log2(wide.f0[(seconds > 1.2) & (seconds < 1.8)] / 1500))) < 10


def test_an_octave_is_not_changed_for_a_moment():
    # Uneven pulses now and then repeat better after two periods than after one.
    from pitch_table import creaky

    (wav, _), *_ = creaky(1)
    pitch = analyse_pitch(wav, SPEC, "swift")
    assert pitch.vuv.mean() > 0.5 and audit_f0(pitch.f0, pitch.vuv, SPEC).jumps == 0
