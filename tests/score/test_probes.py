"""What vocoders are asked for by other keys and by noise, and how the answer is judged."""

import numpy as np
import pytest
from signals import clock, note
from tiny_dump import tone

from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.score.robustness import probes, unvoiced
from espnet2_nhv.score.robustness.columns import kind_of
from espnet2_nhv.score.robustness.probes import Phrase, asked_f0, steady_frame
from espnet2_nhv.score.robustness.shift import shift_errors
from espnet2_nhv.score.robustness.unvoiced import gained_periodicity

SPEC = FeatureSpec()
FS = SPEC.fs


# --- other keys


def phrase_of(f0):
    n_frames = len(f0) // SPEC.hop_length
    return f0[:: SPEC.hop_length][:n_frames], np.ones(n_frames)


def test_pitch_is_judged_against_what_was_asked():
    recording, f0 = tone(1.5, 220)
    own, vuv = phrase_of(f0)
    sung, _ = tone(1.5, 330 * 2 ** (10 / 1200))
    scores = shift_errors(sung.astype(float), 1.5 * own, recording.astype(float), own, vuv, SPEC)
    assert scores["f0_rmse"] == pytest.approx(10, abs=1)
    assert scores["f0_gross"] == 0 and scores["f0_lost"] < 5
    scores = shift_errors(sung.astype(float), 0.75 * own, recording.astype(float), own, vuv, SPEC)
    assert scores["f0_gross"] == 100 and scores["f0_worst"] == pytest.approx(1210, abs=15)


def test_timbre_is_of_the_envelope_not_of_the_pitch():
    def vowel(f0, peak, seconds=1.5):
        """Harmonics under one resonance, and their F0."""
        phase = 2 * np.pi * f0 * clock(seconds)
        return 0.05 * sum(np.exp(-(((k * f0 - peak) / 400) ** 2)) * np.cos(k * phase) for k in range(1, 60)) + 1e-3 * (
            np.random.default_rng(0).standard_normal(len(phase))
        )

    own, vuv = phrase_of(np.full(int(1.5 * FS), 150.0))
    recording = vowel(150.0, 1000.0)
    same = shift_errors(vowel(200.0, 1000.0), own * 4 / 3, recording, own, vuv, SPEC)["timbre"]
    other = shift_errors(vowel(200.0, 1800.0), own * 4 / 3, recording, own, vuv, SPEC)["timbre"]
    assert shift_errors(recording, own, recording, own, vuv, SPEC)["timbre"] < 0.5
    assert same < other / 2


def test_what_lies_outside_the_analysis_is_not_judged():
    recording, f0 = tone(0.5, 60)
    own, vuv = phrase_of(f0)
    scores = shift_errors(recording.astype(float), 0.5 * own, recording.astype(float), own, vuv, SPEC)
    assert set(scores.values()) == {None}


# --- what is not a voice


@pytest.mark.parametrize("name", unvoiced.NOISES)
def test_noise_is_no_more_periodic_than_another_draw_of_it(name, monkeypatch):
    noise = unvoiced.make_noise(name, SPEC)
    assert 20 * np.log10(np.sqrt(np.mean(noise**2))) == pytest.approx(-36, abs=0.1)
    draw = np.random.default_rng
    monkeypatch.setattr(np.random, "default_rng", lambda seed: draw(seed + 1))
    scores = gained_periodicity(noise, unvoiced.make_noise(name, SPEC), SPEC)
    assert scores["periodicity_gained"] < 0.1 and abs(scores["level_off"]) < 0.01


def test_a_hum_in_noise_is_found_at_its_pitch():
    noise = unvoiced.make_noise("pink", SPEC)
    hum = note(4.0, f0=245.0)
    hum *= np.sqrt(3 * np.mean(noise**2) / np.mean(hum**2))  # three quarters of the power
    scores = gained_periodicity(noise, noise + hum, SPEC)
    assert scores["periodicity_gained"] == pytest.approx(0.75, abs=0.12)
    assert min(abs(scores["hum"] * k - 245) for k in (1, 2, 3, 4)) < 3  # a multiple of the period is as good
    assert scores["level_off"] == pytest.approx(6.02, abs=0.3)
    assert set(gained_periodicity(noise, np.zeros_like(noise), SPEC).values()) == {None}


# --- what is asked


def test_a_vocoder_that_can_be_told_the_pitch_of_the_mel_is_probed_both_ways():
    assert not any(name.endswith("mel_f0") for name in [*probes.shift_probes(), *probes.cycle_probes()])
    told = [name for name in probes.shift_probes(True) if name.endswith("mel_f0")]
    assert told == [
        f"{name}_mel_f0" for name in ("f0_x0.5", "f0_x0.75", "f0_x1.5", "f0_x2", "low_male", "high_soprano")
    ]
    phrase = Phrase("u", np.zeros((100, 128)), np.linspace(150, 250, 100), np.ones(100), "u.wav")
    assert asked_f0("f0_x0.5_mel_f0", phrase, SPEC) == pytest.approx(phrase.f0 / 2)
    assert asked_f0("cycle_-5_mel_f0", phrase, SPEC) == pytest.approx(phrase.f0 * 2 ** (-5 / 12))
    assert {kind_of(name) for name in told} == {"shifted"} and kind_of("cycle_-5_mel_f0") == "cycle"


def test_voices_are_moved_to_their_median():
    phrase = Phrase("u", np.zeros((100, 128)), np.linspace(150, 250, 100), np.ones(100), "u.wav")
    assert np.median(asked_f0("high_soprano", phrase, SPEC)) == pytest.approx(880, rel=1e-3)
    assert np.median(asked_f0("low_male", phrase, SPEC)) == pytest.approx(82.4, rel=1e-3)
    assert asked_f0("key_+3", phrase, SPEC) == pytest.approx(phrase.f0 * 2**0.25)
    assert asked_f0("f0_x0.5", phrase, SPEC) == pytest.approx(phrase.f0 / 2)


def test_the_steadiest_loud_frame_is_held():
    rng = np.random.default_rng(0)
    mel, f0, vuv = rng.normal(-2, 0.5, (200, 128)), 200 + 20 * rng.random(200), np.ones(200)
    mel[60:90], f0[60:90] = -6.0, 210.0  # steady but faint
    mel[120:150], f0[120:150] = -1.0, 210.0
    vuv[170:] = 0
    mel[170:] = -1.0  # steady but unvoiced
    _, frame = steady_frame([Phrase("u", mel, f0, vuv, "u.wav")])
    assert 128 <= frame < 142
