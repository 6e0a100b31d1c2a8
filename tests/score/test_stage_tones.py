"""Tones at the rates of a network's stages, found in what is not a tone."""

import numpy as np
import pytest
import torch

from espnet2_nhv.errors import UserError
from espnet2_nhv.score.stage_tones import LOWEST, stage_tones
from espnet2_nhv.vocoder import build_vocoder
from espnet2_nhv.vocoder.upsample_layer import UPSAMPLINGS, UpsampleLayer

FS, SCALES = 44100, (8, 8, 2, 2)


def noise(seconds=20):
    return np.random.default_rng(0).normal(size=seconds * FS)


def test_a_tone_is_counted_once_at_the_stage_it_belongs_to():
    time = np.arange(20 * FS)
    # 172 * 3 Hz is of the first stage; 1378 * 5 of the second; 22050 of the last.
    for period, harmonic, stage in ((256, 3, 172), (32, 5, 1378), (2, 1, 22050)):
        tone = 0.1 * np.cos(2 * np.pi * harmonic * time / period)
        tones = stage_tones(noise() + tone, SCALES, FS)
        assert list(tones) == [172, 1378, 11025, 22050]
        expected = 10 * np.log10((tone**2).mean())
        assert tones[stage] == pytest.approx(expected, abs=0.5)
        assert all(level < -40 for rate, level in tones.items() if rate != stage)


def test_no_tone_is_seen_in_noise_or_in_notes_elsewhere():
    time = np.arange(20 * FS) / FS
    singing = sum(np.sin(2 * np.pi * k * (220 * time + 3 * np.sin(2 * np.pi * 5 * time))) for k in range(1, 30))
    for wav in (noise(), singing):
        assert max(stage_tones(wav, SCALES, FS).values()) < -35
    assert set(stage_tones(np.zeros(FS), SCALES, FS).values()) == {LOWEST}


def test_transposed_convolutions_hum_and_interpolation_does_not():
    """Untrained; a constant goes in, and what comes out of a stage should be one, but at its ends."""
    torch.manual_seed(0)
    x = torch.ones(1, 8, 50)
    for kind in ("nearest", "linear"):
        y = UpsampleLayer(kind, 8, 4, 8)(x)
        assert y.shape == (1, 4, 400)
        assert torch.allclose(y[..., 20:-20], y[..., 200:201].expand(-1, -1, 360), atol=1e-5)
    y = UpsampleLayer("subpixel", 8, 4, 8)(x)
    assert y.shape == (1, 4, 400) and y[0, :, 100:108].std(dim=1).min() > 0.01
    assert torch.allclose(y[..., 100:108], y[..., 108:116], atol=1e-6)  # eight samples, again and again
    with pytest.raises(UserError, match="upsampling is 'bicubic'; there are transposed, nearest, linear, subpixel"):
        build_vocoder("hifigan", channels=16, upsampling="bicubic")


@pytest.mark.parametrize("kind", UPSAMPLINGS)
def test_each_way_keeps_the_contract_and_folds(kind):
    torch.manual_seed(0)
    vocoder = build_vocoder("hifigan-v2", channels=16, upsampling=kind).eval()
    assert vocoder.arguments["upsampling"] == kind
    mel = torch.randn(1, 128, 12)
    with torch.no_grad():
        before = vocoder(mel)
        assert before.shape == (1, 1, 12 * 256)
        torch.testing.assert_close(vocoder.fuse()(mel), before, atol=1e-5, rtol=1e-4)
    assert not any("weight_g" in name for name, _ in vocoder.named_parameters())
