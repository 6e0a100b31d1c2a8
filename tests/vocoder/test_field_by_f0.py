"""What is special about the vocoders of the field that are driven by F0."""

import pytest
import torch
from small import SMALL
from tiny_dump import SPEC, features, tone

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.mel import LogMel
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.vocoder.mel_level import MelLevel
from espnet2_nhv.vocoder.registry import build_vocoder


@pytest.mark.parametrize("name", ["wavehax", "periodnet", "periodnet-series", "dspgan", "refinegan", "pc-nsf-hifigan"])
def test_untrained_it_hears_f0_and_the_mel(name):
    """Another F0 and another mel each change more than a hundredth of the signal."""
    torch.manual_seed(0)
    vocoder = build_vocoder(name, SPEC, **SMALL[name]).eval()
    mel, wavs = torch.randn(1, SPEC.n_mels, 12) - 2, []
    for shift, f0 in ((0.0, 220.0), (0.0, 330.0), (1.0, 220.0)):
        torch.manual_seed(1)
        with torch.no_grad():
            wavs.append(vocoder(mel + shift * torch.randn(1, SPEC.n_mels, 12), torch.full((1, 1, 12), f0)))
    for other in wavs[1:]:
        assert (other - wavs[0]).std() > 0.01 * wavs[0].std()


def test_pitch_cycle_compares_one_step_with_two(monkeypatch):
    """Where the mel of what was sung is all that counts, and its pitch nothing, both ways end at the same."""
    torch.manual_seed(0)
    vocoder = build_vocoder("pc-nsf-hifigan", SPEC, **SMALL["pc-nsf-hifigan"], share=1.0).train()
    wav, f0 = tone(0.3, 220)
    mel, f0 = features(wav, f0)
    mel, f0 = torch.from_numpy(mel).T[None, :, :24], torch.from_numpy(f0).T[None, :, :24]
    sung = []
    monkeypatch.setattr(vocoder, "_sung", lambda mel, source: sung.append((mel, source)) or source.repeat(1, 1, 4))
    monkeypatch.setattr(vocoder.log_mel, "forward", lambda wav: torch.zeros(len(wav), SPEC.n_mels, 24))
    made, losses = vocoder.forward_with_losses(mel, f0, torch.zeros(1, 1, 24 * 256))
    assert float(losses["pitch_cycle"]) == 0.0 and made.shape == (1, 1, 24 * 256)
    (_, first), (_, second) = sung
    # Moved once and halfway; then back at its own pitch, and where once was.
    assert torch.equal(second[1], first[0]) and not torch.equal(second[0], first[0])
    assert not torch.equal(first[0], first[1])
    vocoder.eval()
    assert vocoder.forward_with_losses(mel, f0, torch.zeros(1, 1, 24 * 256))[1] == {}


def test_mini_source_enters_at_the_second_stage():
    vocoder = build_vocoder("pc-nsf-hifigan", FeatureSpec(hop_length=512), **SMALL["pc-nsf-hifigan"])
    assert vocoder.source_rate == 64 and list(vocoder.generator.sources) == ["1"]
    source = vocoder._source(torch.full((1, 1, 100), 441.0))[0, 0]
    spectrum = torch.fft.rfft(source * torch.hann_window(len(source))).abs()
    assert float(spectrum.argmax()) * 44100 / 8 / len(source) == pytest.approx(441.0, abs=1.0)
    with pytest.raises(UserError, match="pc-nsf-hifigan: 2 scales are too few"):
        build_vocoder("pc-nsf-hifigan", SPEC, channels=16, upsample_scales=[16, 16])


def test_dspgan_reads_the_mel_of_its_synthesiser():
    torch.manual_seed(0)
    vocoder = build_vocoder("dspgan", SPEC, **SMALL["dspgan"])
    mel, f0 = torch.randn(2, SPEC.n_mels, 8) - 2, torch.full((2, 1, 8), 220.0)
    made, losses = vocoder.forward_with_losses(mel, f0, 0.1 * torch.randn(2, 1, 8 * 256))
    made.square().mean().backward(retain_graph=True)
    # What the network does wrong is not the synthesiser's fault.
    assert all(p.grad is None for p in vocoder.dsp.parameters())
    assert any(p.grad is not None for p in vocoder.generator.parameters())
    losses["dsp"].backward()
    assert any(p.grad is not None for p in vocoder.dsp.parameters())
    vocoder.set_stats(torch.arange(128.0), torch.ones(128))
    assert torch.equal(vocoder.dsp.mel_mean, vocoder.mel_mean)
    assert not any("fbank" in name for name in vocoder.state_dict())


def test_level_of_frames_is_that_of_the_samples():
    torch.manual_seed(0)
    wav = 0.05 * torch.randn(1, 100 * 256)
    level = MelLevel(SPEC)(LogMel(SPEC)(wav))
    assert float(level.median()) == pytest.approx(0.05, rel=0.15)
    assert float(MelLevel(SPEC)(LogMel(SPEC)(0.1 * wav)).median()) == pytest.approx(0.005, rel=0.15)


def test_refinegan_starts_from_pulses_as_loud_as_the_mel():
    torch.manual_seed(0)
    vocoder = build_vocoder("refinegan", SPEC, **SMALL["refinegan"])
    mel = torch.full((1, SPEC.n_mels, 40), -2.0)
    vocoder.set_stats(mel[0, :, 0], 0.25 * torch.ones(SPEC.n_mels))  # the loudest frames have ten times the power
    wav = vocoder.template(mel, torch.full((1, 1, 40), 220.0))[0, 0]
    assert float(wav.square().mean().sqrt()) == pytest.approx(10 ** (-0.5), rel=0.05)
