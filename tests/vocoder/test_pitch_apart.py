"""What keeps the mel's own pitch out of NHV's filters: smoothing over one F0, and a lifter that follows F0."""

import numpy as np
import pytest
import torch

from espnet2_nhv.dsp.overlap_add import overlap_add
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.mel import LogMel
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.vocoder import build_vocoder, load_vocoder, save_vocoder
from espnet2_nhv.vocoder.nhv.band_smoothing import BandSmoothing
from espnet2_nhv.vocoder.nhv.lifter import PitchLifter
from espnet2_nhv.vocoder.nhv.mel_prior import band_centres, unit_level

SPEC = FeatureSpec()


def harmonics(f0, seconds=1.0, slope=0.0):
    """All harmonics of `f0` at one level, or falling, below 10 kHz."""
    time = np.arange(int(seconds * SPEC.fs)) / SPEC.fs
    k = np.arange(1, int(10000 / f0))
    level = 0.01 * k**-slope
    return (level[:, None] * np.cos(2 * np.pi * k[:, None] * f0 * time + k[:, None] ** 2)).sum(axis=0)


def averaged(power, f0):
    """The average over one F0 around each band's centre, by summing up many points; power ``(n_mels,)``."""
    centres, nyquist = band_centres(SPEC), SPEC.fs / 2
    offsets = np.linspace(-f0 / 2, f0 / 2, 2001)
    at = np.abs(centres[:, None] + offsets)
    return np.interp(np.where(at > nyquist, 2 * nyquist - at, at), centres, power).mean(axis=1)


@pytest.mark.parametrize("width", [0, 3, 7])
def test_power_is_averaged_over_one_f0(width):
    smoothing = BandSmoothing(SPEC)
    mel = 0.3 * torch.randn(1, 4, 128, generator=torch.Generator().manual_seed(0)) - 2.0
    f0 = smoothing.lowest * 2 ** (width / 2)
    level = unit_level(SPEC)
    got = smoothing(mel, torch.full((1, 4), f0))
    for frame in range(4):
        power = np.exp(2 * (np.log(10) * mel[0, frame].double().numpy() - level))
        want = (0.5 * np.log(averaged(power, f0)) + level) / np.log(10)
        np.testing.assert_allclose(got[0, frame].numpy(), want, atol=0.02)


def test_widths_in_between_are_blended_and_frames_are_independent():
    smoothing = BandSmoothing(SPEC)
    mel = torch.randn(1, 6, 128) - 2.0
    f0 = torch.tensor([[30.0, 100.0, 110.0, 400.0, 1500.0, 9000.0]])
    whole = smoothing(mel, f0)
    for frame in range(6):
        alone = smoothing(mel[:, frame : frame + 1], f0[:, frame : frame + 1])
        torch.testing.assert_close(whole[:, frame : frame + 1], alone)


def test_harmonics_are_gone_after_smoothing_and_their_level_stays():
    """Of equal harmonics a mel shows a ripple; averaged over F0 there is none, and the level is that of the power."""
    wav = torch.from_numpy(harmonics(300.0)).float()
    mel = LogMel(SPEC)(wav)[0].T[40:60]
    smooth = BandSmoothing(SPEC)(mel[None], torch.full((1, 20), 300.0))[0]
    low = slice(12, 60)  # from 450 Hz to 2.5 kHz, where bands are narrower than an F0
    assert 20 * mel[10, low].std() > 5.0
    assert 20 * smooth[10, low].std() < 1.0


@pytest.mark.parametrize("f0", [80.0, 220.0, 900.0])
def test_lifter_is_its_formula(f0):
    quefrencies = np.arange(-64, 223)
    got = PitchLifter(quefrencies, 44100, 0.4, 0.5)(torch.tensor([[f0]]))[0, 0].numpy()
    share = np.abs(quefrencies) * f0 / 44100
    want = 0.5 + 0.5 * np.cos(np.pi * np.clip((share - 0.4) / 0.1, 0, 1))
    np.testing.assert_allclose(got, want, atol=1e-5)


@pytest.mark.parametrize("limits", [(0.5, 0.4), (0.0, 0.5), (0.4, 0.4)])
def test_limits_of_the_lifter_must_rise(limits):
    with pytest.raises(UserError, match="lifter"):
        build_vocoder("nhv", lifter=limits)


def autocorrelation(wav, f0):
    """Of a signal at a lag of one period of `f0`, linearly between samples, relative to that at none."""
    lags = SPEC.fs / f0
    spectrum = np.abs(np.fft.rfft(wav * np.hanning(len(wav)), 2 * len(wav))) ** 2
    r = np.fft.irfft(spectrum)
    return np.interp(lags, np.arange(4000), r[:4000]) / r[0]


@pytest.mark.parametrize("factor, told", [(0.5, True), (0.5, False), (0.75, True), (1.5, True)])
def test_the_mels_own_pitch_is_not_sung(factor, told):
    """Untrained, on the mel of 300 Hz: what is heard repeats at the F0 asked for, and less at the mel's."""
    mel = LogMel(SPEC)(torch.from_numpy(harmonics(300.0, slope=0.5)).float())[0].T
    sung, f0 = torch.full((len(mel),), 300.0), torch.full((len(mel),), 300.0 * factor)
    vocoder = build_vocoder("nhv", channels=16, hidden=16, jitter=0.0).eval()
    wav = vocoder.inference(mel, f0, mel_f0=sung if told else None).numpy()[8000:-8000]
    assert autocorrelation(wav, 300.0 * factor) > 0.3
    if factor == 0.5:  # every other harmonic would be missing if 300 Hz were stamped into the filters
        spectrum = np.abs(np.fft.rfft(wav * np.hanning(len(wav))))
        level = [20 * np.log10(spectrum[round(f * len(wav) / SPEC.fs)] + 1e-9) for f in 150.0 * np.arange(3, 20)]
        odd, even = np.mean(level[::2]), np.mean(level[1::2])
        assert abs(odd - even) < (2.0 if told else 6.0)


def test_jitter_moves_what_is_above_and_keeps_what_is_below():
    """A held note, without noise in it: its low harmonics are lines, its high ones have something between them."""
    mel = torch.full((600, 128), -2.2)
    f0 = torch.full((600,), 441.0)
    between = []
    for jitter in (0.0, 25e-6):
        vocoder = build_vocoder("nhv", channels=16, hidden=16, jitter=jitter, jitter_above=3000.0).eval()
        deviations = torch.randn(1, 601, generator=torch.Generator().manual_seed(0))
        cepstra = vocoder.cepstra(
            torch.zeros(1, 601, sum(vocoder.sizes)), mel[:1].expand(1, 601, -1), *[f0[:1].expand(1, 601)] * 2
        )
        filters = vocoder.responses(*cepstra, deviations)
        pulses, _, _ = vocoder.pulses(f0[:1].expand(1, 602), torch.zeros(1, dtype=torch.float64))
        pulses = torch.nn.functional.pad(pulses, (256, 0))
        wav = overlap_add(vocoder.filtered_frames(filters, pulses, torch.zeros_like(pulses)), 256)[
            0, 4096:-4096
        ].numpy()
        level = 20 * np.log10(np.abs(np.fft.rfft(wav * np.hanning(len(wav)))) + 1e-9)
        frequency = np.fft.rfftfreq(len(wav), 1 / SPEC.fs)
        middle = np.abs(frequency / 441.0 % 1 - 0.5) < 0.2
        between.append(
            [
                level[middle & (low < frequency) & (frequency < high)].mean()
                for low, high in ((500, 2000), (8000, 12000))
            ]
        )
    (steady_low, steady_high), (low, high) = between
    assert low < high - 40.0 and high > steady_high + 20.0 and steady_low < -100.0


def test_a_vocoder_saved_before_sings_as_before(tmp_path):
    old = dict(smooth=False, lifter=None, reads_f0=False, jitter=0.0)
    vocoder = build_vocoder("nhv", channels=16, hidden=16, **old)
    torch.nn.init.normal_(vocoder.network.head.weight, std=0.02)
    save_vocoder(vocoder, tmp_path, licence="none", trained_on="nothing")
    card = tmp_path / "vocoder.yaml"
    lines = [line for line in card.read_text().splitlines() if line.split(":")[0].strip() not in old]
    card.write_text("\n".join(lines))
    loaded = load_vocoder(tmp_path)
    mel, f0 = torch.randn(50, 128) - 2.0, torch.full((50,), 200.0)
    assert torch.equal(loaded.inference(mel, f0), vocoder.eval().inference(mel, f0))
    assert not loaded.takes_mel_f0
    with pytest.raises(UserError, match="does not take mel_f0"):
        loaded.inference(mel, f0, mel_f0=f0)


@pytest.mark.parametrize("mel_f0, message", [([200.0], "mel_f0 1"), ([200.0, 0.0, 1.0], "mel_f0 is not above 0 Hz")])
def test_bad_mel_f0_is_refused(mel_f0, message):
    vocoder = build_vocoder("nhv", channels=16, hidden=16).eval()
    with pytest.raises(UserError, match=message):
        vocoder.inference(torch.zeros(3, 128), torch.full((3,), 200.0), mel_f0=torch.tensor(mel_f0))
