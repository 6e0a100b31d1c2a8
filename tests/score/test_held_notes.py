"""What is measured of a held note: each measure on notes whose faults are known."""

import numpy as np
import pytest
from signals import clock, note

from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.score.robustness.comb import fit_comb, line_spectrum
from espnet2_nhv.score.robustness.drift import drift
from espnet2_nhv.score.robustness.frame_rate import frame_rate_traces
from espnet2_nhv.score.robustness.glitches import glitches
from espnet2_nhv.score.robustness.periodicity import periodicity

SPEC = FeatureSpec()
FS, F0 = SPEC.fs, 207.3


# --- the comb


@pytest.mark.parametrize("f0", [65.4, 207.3, 880.0])
def test_comb_finds_pitch_and_power(f0):
    order = np.arange(1, int(7000 / f0))
    wav = note(1.0, f0 * 2 ** (30 / 1200), harmonics=len(order))  # asked for f0, 30 cents sharp
    comb = fit_comb(line_spectrum(wav), FS, f0)
    assert 1200 * np.log2(comb.f0 / f0) == pytest.approx(30, abs=0.5)
    assert comb.harmonic == pytest.approx(0.005 * np.sum(1.0 / order**2), rel=1e-3)
    assert comb.rest < 1e-5 * comb.harmonic


# --- drift


def test_a_note_that_falls_is_found_to_have_fallen():
    scores = drift(note(f0=np.where(clock(6) > 3, F0 * 2 ** (-7 / 1200), F0), noise=1e-4), F0, SPEC)
    assert scores["f0_drift"] == pytest.approx(7, abs=0.3)
    assert scores["f0_off"] == pytest.approx(7, abs=0.3)


def test_a_note_out_of_tune_has_not_drifted():
    scores = drift(note(f0=F0 * 2 ** (20 / 1200), noise=1e-4), F0, SPEC)
    assert scores["f0_off"] == pytest.approx(20, abs=0.3)
    assert scores["f0_drift"] < 0.2 and scores["lsd_drift"] < 0.5


def test_colour_drift_is_the_difference_of_levels():
    wav = note(noise=0.003)
    assert drift(wav * np.where(clock(6) > 3, 0.5, 1.0), F0, SPEC)["lsd_drift"] == pytest.approx(6.02, abs=0.1)


def test_noise_has_no_pitch_to_drift():
    scores = drift(0.1 * np.random.default_rng(0).standard_normal(6 * FS), F0, SPEC)
    assert scores["f0_off"] is None and scores["f0_drift"] is None


# --- periodicity


def test_harmonics_to_noise_by_hand():
    level = 3e-3
    harmonic = 0.005 * np.sum(1.0 / np.arange(1, 31) ** 2)
    # White noise between F0 / 2 and 8 kHz, but for the 11 bins of 1 Hz about each of the 38 harmonics there.
    noise = level**2 * (8000 - F0 / 2 - 38 * 11) / (FS / 2)
    scores = periodicity(note(noise=level), F0, FS)
    assert scores["hnr"] == pytest.approx(10 * np.log10(harmonic / noise), abs=0.2)
    assert abs(scores["hnr_drift"]) < 0.2
    assert scores["hnr_worst"] == pytest.approx(scores["hnr"], abs=0.3)


def test_a_rough_end_and_a_rough_second_are_told_apart():
    noise = 0.01 * np.random.default_rng(1).standard_normal(8 * FS)
    time, clean = clock(8), note(8.0, noise=1e-3)
    end = periodicity(clean + noise * (time > 6), F0, FS)
    assert end["hnr_drift"] == pytest.approx(-20, abs=0.5) and end["hnr_worst"] == pytest.approx(
        end["hnr"] - 20, abs=0.5
    )
    middle = periodicity(clean + noise * ((time > 3.5) & (time < 4.6)), F0, FS)
    assert abs(middle["hnr_drift"]) < 0.3 and middle["hnr_worst"] < middle["hnr"] - 15


def test_another_pitch_is_not_periodic_at_this_one():
    assert periodicity(note(f0=172.27), F0, FS)["hnr"] < 0


# --- glitches


@pytest.mark.parametrize("f0", [65.4, 207.3, 700.0])
def test_a_clean_note_has_no_glitch(f0):
    scores = glitches(note(f0=f0, noise=3e-3), SPEC)
    assert scores["glitches"] == 0 and scores["worst_frame"] < 5


def test_clicks_and_gaps_are_counted_and_found():
    wav = note(8.0, noise=3e-3)
    wav[2 * FS] += 0.5
    wav[4 * FS : 4 * FS + 900] = 0
    wav[5 * FS] -= 0.5
    wav[5 * FS + 400] += 0.5  # the same moment
    assert glitches(wav, SPEC)["glitches"] == 3
    wav = note(8.0, noise=3e-3)
    wav[5 * FS] += 0.5
    scores = glitches(wav, SPEC)
    assert scores["worst_frame_at"] == pytest.approx(5, abs=0.04)
    assert scores["worst_frame"] > 10


# --- frame rate


@pytest.mark.parametrize("depth", [0.01, 0.1])
def test_depth_of_modulation_at_the_frame_rate(depth):
    wav = note(10.0, noise=1e-3) * (1 + depth * np.cos(2 * np.pi * SPEC.frame_rate * clock(10)))
    assert frame_rate_traces(wav, F0, SPEC)["frame_am"] == pytest.approx(100 * depth, rel=0.03)


def test_modulation_of_breath_counts_too():
    breath = 0.1 * np.random.default_rng(0).standard_normal(10 * FS)
    plain = frame_rate_traces(breath, F0, SPEC)["frame_am"]
    wav = breath * (1 + 0.2 * np.cos(2 * np.pi * SPEC.frame_rate * clock(10)))
    assert plain < 1
    assert frame_rate_traces(wav, F0, SPEC)["frame_am"] == pytest.approx(20, abs=1.5)


def test_energy_at_multiples_of_the_frame_rate():
    clean = note(10.0, noise=1e-3)
    hum = 0.01 * np.cos(2 * np.pi * 3 * SPEC.frame_rate * clock(10))
    share = 10 * np.log10(0.01**2 / 2 / (0.005 * np.sum(1.0 / np.arange(1, 31) ** 2)))
    assert frame_rate_traces(clean, F0, SPEC)["frame_tone"] < -60
    assert frame_rate_traces(clean + hum, F0, SPEC)["frame_tone"] == pytest.approx(share, abs=0.3)
    # A frame repeated for ever is nothing but the frame rate.
    frame = np.random.default_rng(0).standard_normal(SPEC.hop_length)
    assert frame_rate_traces(np.tile(0.1 * frame, 1400), F0, SPEC)["frame_tone"] == pytest.approx(0, abs=0.1)
