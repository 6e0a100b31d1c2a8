"""Periodicity of the copy against the recording's, on voices whose share of noise is known."""

import numpy as np
import pytest
from signals import FS, SPEC, noise

from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.score import aperiodicity as d4c
from espnet2_nhv.score import between
from espnet2_nhv.score.aperiodicity import ABSOLUTE, MEAN, aperiodicity
from espnet2_nhv.score.between import between_harmonics, gap_levels

SECONDS = 1.5


def sung(f0, top=20000.0):
    """Harmonics of one level up to `top` Hz, of scattered phases; and F0 and voicing as an analyser gives them."""
    time = np.arange(int(SECONDS * FS)) / FS
    f0 = np.broadcast_to(f0, time.shape)
    phase = 2 * np.pi * np.cumsum(f0) / FS
    wav = 0.03 * sum(np.cos(k * phase + k * k) for k in range(1, int(top / f0.max()) + 1))
    n_frames = len(time) // SPEC.hop_length
    return wav, (f0[:: SPEC.hop_length][:n_frames].astype(float), np.ones(n_frames))


def vibrato(f0):
    return f0 * 2 ** (0.5 / 12 * np.sin(2 * np.pi * 5.5 * np.arange(int(SECONDS * FS)) / FS))


def hiss(seed, level=0.03):
    return noise(SECONDS, seed, level)


@pytest.mark.parametrize("f0", [110.0, vibrato(220.0), 500.0], ids=["low", "vibrato", "high"])
def test_noise_twice_as_loud_is_six_decibels(f0):
    wav, known = sung(f0)
    scores = between_harmonics(wav + hiss(1), wav + 2 * hiss(2), SPEC, known)
    assert all(scores[band] == pytest.approx(20 * np.log10(2), abs=0.6) for band in between.BANDS), scores
    back = between_harmonics(wav + 2 * hiss(2), wav + hiss(1), SPEC, known)
    assert back == pytest.approx({band: -value for band, value in scores.items()}, abs=0.2)
    # A share of noise has the same decibels while harmonics are far above it; to D4C vibrato is noise, a little.
    scores = aperiodicity(wav + hiss(1, 0.01), wav + 2 * hiss(2, 0.01), SPEC, known)
    assert all(scores[band] == pytest.approx(20 * np.log10(2), abs=2) for band in MEAN), scores
    assert all(scores[key] >= abs(scores[band]) - 1e-9 for key, band in zip(ABSOLUTE, MEAN))
    assert scores["ap_abs"] == pytest.approx(np.mean([scores[key] for key in ABSOLUTE]))


def test_a_buzz_is_below_and_breath_above():
    clean, known = sung(180.0)
    breathy = clean + hiss(1)
    buzz, breath = (aperiodicity(*pair, SPEC, known) for pair in ((breathy, clean), (clean, breathy)))
    assert all(buzz[band] < -10 and breath[band] > 10 for band in MEAN), (buzz, breath)
    buzz, breath = (between_harmonics(*pair, SPEC, known) for pair in ((breathy, clean), (clean, breathy)))
    assert all(buzz[band] < -20 and breath[band] > 20 for band in between.BANDS), (buzz, breath)


def test_only_the_band_that_has_the_noise_changes():
    wav, known = sung(200.0)
    spectrum = np.fft.rfft(hiss(3))
    frequency = np.fft.rfftfreq(len(wav), 1 / FS)
    there = (frequency > 8500) & (frequency < 15500)
    rough = wav + np.fft.irfft(np.where(there, spectrum, 0), len(wav))
    ground = hiss(4, 1e-4)
    scores = between_harmonics(wav + ground, rough + ground, SPEC, known)
    assert scores["between_8_16"] > 30
    assert abs(scores["between_0_4"]) < 0.3 and abs(scores["between_4_8"]) < 0.5
    scores = aperiodicity(wav + ground, rough + ground, SPEC, known)
    assert scores["ap_12"] > 10 and abs(scores["ap_3"]) < 1


def test_levels_of_gaps_are_those_of_the_noise():
    # A mean of the logarithm of exponentially distributed power is 10 / ln 10 times Euler's constant below its mean.
    wav, (f0, _) = sung(vibrato(160.0))
    frames = np.arange(20, len(f0) - 20)
    levels = np.nanmean(gap_levels(wav + hiss(5), f0, frames, SPEC, 1e-12), axis=0)
    assert levels == pytest.approx(20 * np.log10(0.03) - 10 / np.log(10) * np.euler_gamma, abs=0.5)
    assert (np.nanmean(gap_levels(wav, f0, frames, SPEC, 1e-12), axis=0) < -55).all()  # harmonics at -36


def test_a_pitch_a_little_off_is_put_right():
    wav, (f0, vuv) = sung(vibrato(160.0))
    off = f0 * 2 ** (4 / 1200)
    scores = between_harmonics(wav + hiss(1), wav + 2 * hiss(2), SPEC, (off, vuv))
    assert all(scores[band] == pytest.approx(20 * np.log10(2), abs=0.9) for band in between.BANDS), scores


def test_another_draw_of_the_same_noise_is_no_difference():
    wav, known = sung(240.0, top=6000)
    pair = wav + hiss(1), wav + hiss(2)
    assert all(abs(value) < 0.4 for value in between_harmonics(*pair, SPEC, known).values())
    scores = aperiodicity(*pair, SPEC, known)
    assert all(abs(scores[band]) < 0.6 for band in MEAN)
    assert all(0.2 < scores[key] < 3 for key in ABSOLUTE)


def test_unvoiced_frames_do_not_count():
    wav, (f0, vuv) = sung(200.0)
    vuv[len(vuv) // 2 :] = 0
    half = int(0.5 * SECONDS * FS)
    changed = (wav + hiss(1)).copy()
    changed[half + 4000 :] = hiss(2)[half + 4000 :]
    assert set(aperiodicity(wav + hiss(1), changed, SPEC, (f0, vuv)).values()) == {0.0}
    assert set(between_harmonics(wav + hiss(1), changed, SPEC, (f0, vuv)).values()) == {0.0}
    silent = (f0, np.zeros_like(vuv))
    for measure in (aperiodicity, between_harmonics):
        assert set(measure(wav, changed, SPEC, silent).values()) == {None}


def test_bands_end_where_the_rate_does():
    spec = FeatureSpec(fs=24000, hop_length=300, n_fft=2048, win_length=1200, n_mels=80, fmin=80, fmax=7600)
    time = np.arange(24000) / 24000
    wav = 0.03 * sum(np.cos(2 * np.pi * 200 * k * time + k * k) for k in range(1, 55))
    known = np.full(80, 200.0), np.ones(80)
    scores = aperiodicity(wav, wav + noise(1.0)[:24000], spec, known)
    assert [band for band in d4c.BANDS if scores[f"ap_{band}"] is not None] == [3, 6, 9]
    assert scores["ap_9"] > 3 and scores["ap_abs_15"] is None
