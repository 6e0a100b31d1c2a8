"""What segments become before they are trained on."""

import numpy as np
import pytest
import torch

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.mel import LogMel
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.train.augment import Augmentation, band_limited, coloured_noise, margin_frames
from espnet2_nhv.vocoder import build_vocoder

SPEC = FeatureSpec()
N_FRAMES, MARGIN = 32, margin_frames(SPEC)


@pytest.fixture(scope="module")
def nhv():
    return build_vocoder("nhv", channels=16, hidden=16)


def segments(batch=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    wav = 0.1 * torch.randn(batch, (N_FRAMES + 2 * MARGIN) * 256, generator=generator)
    return wav, torch.full((batch, 1, N_FRAMES), 220.0)


def test_nothing_but_the_mel_of_the_middle(nhv):
    """Without any change: the mel is that of the whole file, at the segment's own frames."""
    wav, f0 = segments()
    real, mel, same_f0, mel_f0 = Augmentation(SPEC)(wav, f0, nhv)
    assert torch.equal(real[:, 0], wav[:, MARGIN * 256 : -MARGIN * 256])
    torch.testing.assert_close(mel, LogMel(SPEC)(wav)[..., MARGIN : MARGIN + N_FRAMES])
    assert torch.equal(same_f0, f0) and torch.equal(mel_f0, f0)


def test_gain_and_polarity_reach_the_mel(nhv):
    torch.manual_seed(0)
    wav, f0 = segments(16)
    real, mel, _, _ = Augmentation(SPEC, gain_db=48.0, polarity=True)(wav, f0, nhv)
    middle = wav[:, MARGIN * 256 : -MARGIN * 256]
    gain = (real[:, 0] * middle).sum(dim=1) / middle.square().sum(dim=1)
    torch.testing.assert_close(real[:, 0], gain[:, None] * middle)
    assert (gain < 0).any() and (gain > 0).any()
    assert 10 ** (-48 / 20) <= gain.abs().min() < 0.1 and 0.7 < gain.abs().max() <= 1
    before = LogMel(SPEC)(wav)[..., MARGIN : MARGIN + N_FRAMES]
    torch.testing.assert_close(mel - before, gain.abs().log10()[:, None, None].expand_as(mel), atol=1e-2, rtol=0)


def test_foreign_pitch_is_told_in_half_of_them(nhv):
    torch.manual_seed(0)
    wav, f0 = segments(16)
    real, mel, same_f0, mel_f0 = Augmentation(SPEC, foreign=1.0)(wav, f0, nhv)
    assert torch.equal(same_f0, f0)
    told = (mel_f0 != f0).all(dim=-1)[:, 0]
    assert 3 <= told.sum() <= 13
    assert (mel_f0 / f0).log2().abs().max() <= 1
    assert mel.shape == (16, 128, N_FRAMES) and torch.isfinite(mel).all()
    assert (mel - LogMel(SPEC)(wav)[..., MARGIN : MARGIN + N_FRAMES]).abs().amax(dim=(1, 2)).min() > 0.05
    assert nhv.training


def test_a_vocoder_that_knows_no_mel_f0_is_told_nothing():
    wav, f0 = segments()
    vocoder = build_vocoder("hifigan", channels=16)
    _, mel, _, mel_f0 = Augmentation(SPEC, foreign=1.0, blur=1.0)(wav, f0, vocoder)
    assert mel_f0 is None and mel.shape == (4, 128, N_FRAMES)


def test_noise_replaces_the_voice_and_its_pitch(nhv):
    torch.manual_seed(0)
    wav, f0 = segments(8)
    real, mel, new_f0, _ = Augmentation(SPEC, noise=1.0)(wav, f0, nhv)
    assert (new_f0 != f0).all() and new_f0.min() >= SPEC.f0_floor and new_f0.max() <= SPEC.f0_ceil
    assert not torch.isclose(real[:, 0], wav[:, MARGIN * 256 : -MARGIN * 256]).any(dim=1).all()


def test_coloured_noise_has_levels_and_colours_and_no_pitch():
    torch.manual_seed(0)
    noise = coloured_noise(32, 16384)
    assert torch.isfinite(noise).all() and noise.abs().max() <= 1
    level = 20 * noise.std(dim=1).log10()
    assert level.min() < -40 and level.max() > -25
    spectrum = np.abs(np.fft.rfft(noise.numpy())) ** 2
    slopes = 10 * np.log10(spectrum[:, 10:100].mean(axis=1) / spectrum[:, 4000:].mean(axis=1))
    assert slopes.max() > 10 and slopes.min() < -3
    # Some end: from 8 kHz up next to nothing is left of them, while others go on.
    treble = 10 * np.log10(spectrum[:, 5944:].sum(axis=1) / spectrum.sum(axis=1))
    assert (treble < -45).sum() > 4 and (treble > -20).sum() > 10
    # And some of those are dark as rumble is: two thirds of them is below 500 Hz, next to nothing above 4 kHz.
    share = [spectrum[:, low:high].sum(axis=1) / spectrum.sum(axis=1) for low, high in ((0, 186), (1486, 8193))]
    assert ((share[0] > 0.66) & (share[1] < 1e-3)).sum() > 2


@pytest.mark.parametrize(
    "arguments, message",
    [(dict(key=(1.5, 1.0)), "key"), (dict(noise=2.0), "noise"), (dict(gain_db=-3.0), "gain_db")],
)
def test_values_out_of_range_are_refused(arguments, message):
    with pytest.raises(UserError, match=message):
        Augmentation(SPEC, **arguments)


def test_what_lies_above_a_limit_is_gone():
    torch.manual_seed(0)
    wav = torch.randn(8, 44100)
    limited = band_limited(wav, 44100)
    frequency = np.fft.rfftfreq(44100, 1 / 44100)
    before, after = (np.abs(np.fft.rfft(x.numpy())) for x in (wav, limited))
    limits = []
    for had, has in zip(before, after):
        kept = 20 * np.log10(has / had)
        limits.append(frequency[kept > -6].max())
        assert np.abs(kept[(20 < frequency) & (frequency < 0.9 * limits[-1])]).max() < 0.1
        assert np.median(kept[frequency > 1.1 * limits[-1]]) < -80
    assert min(limits) > 2800 and max(limits) < 20100 and max(limits) > 2 * min(limits)
