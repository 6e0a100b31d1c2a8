"""Each tracker against a glide whose pitch is known, and the registry."""

import importlib.util

import numpy as np
import pytest
from signals import FS, SPEC, voice

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.pitch.analysis import extract_f0
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
    import dataclasses

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
