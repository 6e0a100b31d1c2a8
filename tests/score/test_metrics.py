"""Metrics on signals whose scores are known beforehand."""

import numpy as np
import pytest
from scipy.signal import lfilter
from signals import FS, SPEC, noise, voice

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.score.f0 import f0_errors
from espnet2_nhv.score.frames import active_frames
from espnet2_nhv.score.lsd import BANDS, lsd
from espnet2_nhv.score.mcd import mcd, mel_cepstrum
from espnet2_nhv.score.metrics import METRICS, measure
from espnet2_nhv.score.stft import mrstft

KEYS = {metric.key for metric in METRICS} | {"lsd_worst_at"}


def shifted(f0, cents):
    return f0 * 2 ** (cents / 1200)


def known_f0(f0, n_samples, voiced=True):
    n_frames = n_samples // SPEC.hop_length
    return np.full(n_frames, float(f0)), np.full(n_frames, float(voiced))


def test_identical_signals_score_zero():
    wav = voice(220.0)
    scores = measure(wav, wav.copy(), SPEC)
    assert set(scores) == KEYS
    assert all(scores[metric.key] == 0.0 for metric in METRICS), scores


def test_gain_is_a_level_difference_and_nothing_else():
    wav = voice(220.0) + noise(1.2, seed=1, level=0.01)  # noise, so that no band is empty
    scores = measure(wav, 2 * wav, SPEC)
    for band in BANDS:
        assert scores[band] == pytest.approx(20 * np.log10(2), abs=0.01)
    assert scores["lsd_worst"] == pytest.approx(20 * np.log10(2), abs=0.01)
    assert scores["mrstft"] == pytest.approx(np.log(2), abs=1e-3)
    assert scores["mcd"] == pytest.approx(0, abs=1e-3)
    assert scores["f0_rmse"] == pytest.approx(0, abs=0.1)
    assert scores["f0_gross"] == scores["vuv_error"] == 0


def test_scores_do_not_depend_on_the_recording_level():
    reference, synthesised = noise(seed=0), noise(seed=1)
    f0 = known_f0(200, FS, voiced=False)
    loud, quiet = measure(reference, synthesised, SPEC, f0), measure(0.02 * reference, 0.02 * synthesised, SPEC, f0)
    for key in ("mrstft", "mcd", *BANDS):
        assert quiet[key] == pytest.approx(loud[key], rel=1e-3)


# --- MR-STFT


def test_mrstft_by_hand():
    reference, synthesised = voice(330.0, 0.25), 0.7 * voice(340.0, 0.25, seed=1)
    floor = 1e-7 * max(
        np.sum(reference[max(centre - 1024, 0) : centre + 1024] ** 2) / 2048
        for centre in range(0, len(reference) - SPEC.hop_length + 1, SPEC.hop_length)
    )
    expected = []
    for n in (512, 1024, 2048, 4096):
        window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)
        window /= np.linalg.norm(window)
        distance = []
        for centre in range(0, len(reference), n // 4):
            pair = []
            for wav in (reference, synthesised):
                around = np.concatenate([np.zeros(n), wav, np.zeros(n)])[centre + n // 2 : centre + n // 2 + n]
                pair.append(np.sqrt(np.maximum(np.abs(np.fft.rfft(window * around)) ** 2, floor)))
            distance.append(np.mean(np.abs(np.log(pair[0]) - np.log(pair[1]))))
        expected.append(np.mean(distance))
    assert mrstft(reference, synthesised, SPEC)["mrstft"] == pytest.approx(np.mean(expected), rel=1e-3)


def test_mrstft_of_two_draws_of_one_noise_is_ln_2():
    # |X|^2 and |Y|^2 are exponential, their log ratio is logistic, and E|logistic| = 2 ln 2.
    assert mrstft(noise(2, seed=0), noise(2, seed=1), SPEC)["mrstft"] == pytest.approx(np.log(2), rel=0.02)


# --- LSD


@pytest.mark.parametrize(
    "low, high, band",
    [(300, 3500, "lsd_0_4"), (4500, 7300, "lsd_4_8"), (9000, 14500, "lsd_8_16"), (18000, 21000, "lsd_16_22")],
)
def test_lsd_sees_a_difference_only_in_its_band(low, high, band):
    spectrum = np.fft.rfft(noise(seed=5))
    frequency = np.fft.rfftfreq(FS, 1 / FS)
    louder = np.where((frequency >= low) & (frequency < high), 10.0, 1.0)
    scores = lsd(noise(seed=5), np.fft.irfft(louder * spectrum), SPEC)
    assert scores[band] > 10
    assert all(scores[other] < 0.1 for other in BANDS if other != band)


def test_lsd_bands_end_at_half_the_sampling_rate():
    spec = FeatureSpec(fs=24000, hop_length=300, n_fft=2048, win_length=1200, n_mels=80, fmin=80, fmax=7600)
    wav = noise()
    scores = lsd(wav, 2 * wav, spec)
    assert scores["lsd_16_22"] is None
    assert scores["lsd_8_16"] == pytest.approx(20 * np.log10(2), abs=0.01)


def test_lsd_does_not_punish_another_draw_of_the_same_noise():
    scores = lsd(noise(seed=0), noise(seed=1), SPEC)
    assert all(scores[band] < 2.5 for band in ("lsd_4_8", "lsd_8_16", "lsd_16_22"))  # single bins: 7.9 dB


def test_worst_frame_is_where_the_glitch_is():
    reference = noise(2.0)
    glitched = reference.copy()
    glitched[int(1.3 * FS) : int(1.35 * FS)] *= 0.01
    scores = lsd(reference, glitched, SPEC)
    assert scores["lsd_worst"] > 20
    assert scores["lsd_worst_at"] == pytest.approx(1.325, abs=0.01)
    assert scores["lsd_0_4"] < 3


# --- MCD


def all_pass(alpha, frequency):
    z = np.exp(-1j * frequency)
    return (z - alpha) / (1 - alpha * z)


def test_mel_cepstrum_of_a_known_envelope():
    # H = exp(0.5 + 0.3 A + 0.1 A^3), A the all-pass of the warping: its mel-cepstrum is written in it.
    a = all_pass(0.53, np.linspace(0, np.pi, 2049))
    power = np.abs(np.exp(0.5 + 0.3 * a + 0.1 * a**3)) ** 2
    expected = np.zeros(40)
    expected[[0, 1, 3]] = 0.5, 0.3, 0.1
    np.testing.assert_allclose(mel_cepstrum(power[None], 44100)[0], expected, atol=1e-9)


def test_mcd_of_a_known_filter():
    a = all_pass(0.53, np.linspace(0, np.pi, 2049))
    filtered = lfilter(np.fft.irfft(np.exp(0.3 * a))[:512], 1.0, noise())
    expected = 10 / np.log(10) * np.sqrt(2) * 0.3  # only c_1 differs, by 0.3
    assert mcd(noise(), filtered, SPEC, known_f0(200, FS, voiced=False))["mcd"] == pytest.approx(expected, rel=0.03)


def test_mcd_ignores_pitch():
    reference, synthesised = voice(200.0), voice(shifted(200.0, 30))
    assert mcd(reference, synthesised, SPEC, known_f0(200, len(reference)))["mcd"] < 1.0


# --- F0


@pytest.mark.parametrize("f0", [110.0, 440.0, 1100.0])
def test_f0_fine_error_is_the_shift(f0):
    scores = f0_errors(voice(f0), voice(shifted(f0, 20)), SPEC)
    assert scores["f0_rmse"] == pytest.approx(20, abs=1.0)
    assert scores["f0_gross"] < 1
    assert scores["vuv_error"] < 3


def test_f0_gross_error_does_not_reach_the_fine_error():
    assert f0_errors(voice(220.0), voice(shifted(220.0, 100)), SPEC)["f0_gross"] == pytest.approx(100, abs=1)
    octave = np.where(np.arange(int(1.2 * FS)) < 0.3 * FS, 440.0, 220.0)
    scores = f0_errors(voice(220.0), voice(octave), SPEC)
    assert scores["f0_gross"] == pytest.approx(25, abs=4)
    assert scores["f0_rmse"] < 5


def test_a_muted_half_is_a_voicing_error():
    muted = voice(220.0)
    muted[len(muted) // 2 :] = 0
    assert f0_errors(voice(220.0), muted, SPEC)["vuv_error"] == pytest.approx(50, abs=4)


# --- frames


def test_silence_in_both_does_not_count_and_in_one_does():
    wav = noise(1.0)
    gap = slice(int(0.4 * FS), int(0.8 * FS))
    quiet, n_frames = wav.copy(), FS // SPEC.hop_length
    quiet[gap] = 0
    assert active_frames(quiet, quiet, SPEC).mean() == pytest.approx(0.6, abs=0.06)
    assert active_frames(quiet, wav, SPEC).all() and active_frames(wav, quiet, SPEC).all()
    assert active_frames(quiet, quiet, SPEC).shape == (n_frames,)


@pytest.mark.parametrize("missing", [1, 255, 512])
def test_the_rest_of_a_frame_may_be_missing(missing):
    wav = voice(220.0, 0.5)
    scores = measure(wav, wav[:-missing], SPEC)
    assert scores["mrstft"] == scores["mcd"] == 0.0


def test_signals_that_cannot_be_compared():
    wav = noise(0.5)
    with pytest.raises(UserError, match=f"{len(wav)} samples.*{len(wav) - 513}"):
        measure(wav, wav[:-513], SPEC)
    with pytest.raises(UserError, match="mono"):
        measure(wav, np.stack([wav, wav]), SPEC)
    broken = wav.copy()
    broken[77] = np.nan
    with pytest.raises(UserError, match="synthesised signal is not finite at sample 77"):
        measure(wav, broken, SPEC)


@pytest.mark.parametrize(
    "reference, synthesised",
    [
        (np.zeros(FS // 2), np.zeros(FS // 2)),
        (np.zeros(FS // 2), noise(0.5)),
        (noise(0.5), np.zeros(FS // 2)),
        (noise(0.5), noise(0.5, seed=1)),
        (voice(220.0, 0.05)[: SPEC.hop_length], noise(0.05)[: SPEC.hop_length]),
        (voice(220.0, 0.05)[:100], noise(0.05)[:100]),
        (np.eye(1, FS // 2, 30)[0], np.zeros(FS // 2)),
    ],
    ids=["silence", "sound for silence", "silence for sound", "noise", "one frame", "below a frame", "click"],
)
def test_scores_are_finite_or_none(reference, synthesised):
    scores = measure(reference, synthesised, SPEC)
    assert set(scores) == KEYS
    assert all(value is None or np.isfinite(value) for value in scores.values()), scores
    if len(reference) > SPEC.hop_length and (reference.any() or synthesised.any()):
        assert scores["mrstft"] > 0 and scores["mcd"] is not None and scores["lsd_worst"] > 0


def test_silence_has_no_scores():
    assert set(measure(np.zeros(FS), np.zeros(FS), SPEC).values()) == {None}


def test_no_voiced_frame_has_no_f0_error():
    scores = f0_errors(noise(0.5), voice(220.0, 0.5), SPEC, known_f0(200, FS // 2, voiced=False))
    assert scores["f0_rmse"] is scores["f0_gross"] is None
    assert scores["vuv_error"] > 80
