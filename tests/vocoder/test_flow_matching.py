"""Flow matching of spectra: where it starts, where its steps end, what its loss is at rest."""

import pytest
import torch
from small import SMALL

from espnet2_nhv.feature.mel import LogMel
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.vocoder.registry import build_vocoder

SPECS = {
    "hop 256": FeatureSpec(),
    "hop 512": FeatureSpec(hop_length=512, win_length=2048, n_mels=80, fmin=80),
    "24 kHz": FeatureSpec(fs=24000, hop_length=300, win_length=1200, n_mels=80, fmin=80, fmax=7600),
}


def small(spec):
    torch.manual_seed(0)
    return build_vocoder("flow-matching", spec, **SMALL["flow-matching"]).eval().requires_grad_(False)


@pytest.mark.parametrize("name", SPECS)
def test_at_rest_it_is_noise_as_loud_as_the_mel(name):
    spec = SPECS[name]
    vocoder = small(spec)
    mel = torch.full((1, spec.n_mels, 100), -2.0)
    mel[:, spec.n_mels // 2 :] -= 1.0
    made = LogMel(spec)(vocoder(mel)[:, 0])[0, :, 10:-10].mean(dim=1)
    edge = slice(spec.n_mels // 2 - 3, spec.n_mels // 2 + 3)
    difference = (made - mel[0, :, 0]).abs()
    difference[edge] = 0
    # The mean magnitude of noise is 0.05 decades below the root of its power.
    assert difference.max() < 0.3 and difference.mean() < 0.1


@pytest.mark.parametrize("name", SPECS)
def test_steps_that_know_the_way_end_at_the_recording(name, monkeypatch):
    spec = SPECS[name]
    vocoder = small(spec)
    wav = 0.1 * torch.randn(2, 1, 12 * spec.hop_length)
    mel = LogMel(spec)(wav[:, 0])
    voice = vocoder._spectrum(wav) / vocoder._condition(mel)[0].repeat(1, 2, 1)
    monkeypatch.setattr(vocoder.network, "forward", lambda x, t, _: (voice - x) / (1 - t[:, None, None]))
    torch.testing.assert_close(vocoder(mel), wav, atol=1e-5, rtol=0)
    guess, losses = vocoder.train().forward_with_losses(mel, None, wav)
    torch.testing.assert_close(guess, wav, atol=1e-5, rtol=0)
    assert losses["flow"] < 1e-6


def test_loss_at_rest_is_the_power_of_two_noises():
    vocoder = small(FeatureSpec())
    wav = 0.01 * torch.randn(4, 1, 60 * 256)
    mel = LogMel(vocoder.spec)(wav[:, 0])
    _, losses = vocoder.forward_with_losses(mel, None, wav)
    assert 0.9 < losses["flow"] < 1.3
    _, losses = vocoder.forward_with_losses(torch.full_like(mel, -10.0), None, torch.zeros_like(wav))
    assert float(losses["flow"]) == pytest.approx(0.5, rel=0.05)


def test_where_a_segment_was_cut_does_not_count():
    """The click of a cut is as loud in soft bins as the tone is in its own."""
    vocoder = small(FeatureSpec())
    time = torch.arange(60 * 256) / 44100
    wav = 0.1 * torch.cos(2 * torch.pi * 200 * time)[None, None] + 1e-4 * torch.randn(1, 1, len(time))
    mel = LogMel(vocoder.spec)(wav[:, 0])
    inner = slice(20 * 256, 40 * 256)
    _, whole = vocoder.forward_with_losses(mel, None, wav)
    _, segment = vocoder.forward_with_losses(mel[..., 20:40], None, wav[..., inner])
    assert float(segment["flow"]) == pytest.approx(float(whole["flow"]), rel=0.2)
