"""Log-mel: ESPnet's numbers, the contract's frames."""

import dataclasses
import math
from pathlib import Path

import librosa
import numpy as np
import pytest
import torch
from espnet2.tts.feats_extract.log_mel_fbank import LogMelFbank

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.mel import LogMel, log_mel_of_long
from espnet2_nhv.feature.spec import FeatureSpec

PRESETS = sorted((Path(__file__).parents[2] / "conf" / "feature").glob("*.yaml"))
SPEC = FeatureSpec()


@pytest.fixture(params=PRESETS, ids=lambda path: path.stem)
def spec(request):
    # ESPnet's frames; DiffSinger's have a test of their own.
    return dataclasses.replace(FeatureSpec.load(request.param), frame_centre=0)


def _sound(n_samples, batch=2, seed=0):
    """Noise, loud and quiet, with a silent stretch."""
    rng = np.random.default_rng(seed)
    wav = rng.standard_normal((batch, n_samples)) * 10 ** rng.uniform(-4, -1, (batch, 1))
    wav[:, n_samples // 2 : n_samples // 2 + 6000] = 0
    return torch.from_numpy(wav.astype(np.float32))


def _espnet(spec):
    return LogMelFbank(
        fs=spec.fs, n_fft=spec.n_fft, win_length=spec.win_length, hop_length=spec.hop_length, window=spec.window,
        n_mels=spec.n_mels, fmin=spec.fmin, fmax=spec.fmax, htk=spec.mel_scale == "htk", log_base=spec.log_base,
    )  # fmt: skip


def test_is_espnets_bit_for_bit(spec):
    wav = _sound(20000)
    mel = LogMel(spec)(wav)
    theirs, _ = _espnet(spec)(wav)
    n_frames = 20000 // spec.hop_length
    assert theirs.shape[1] == n_frames + 1  # the frame that the contract drops
    theirs = theirs[:, :n_frames].transpose(1, 2)
    assert mel.dtype == torch.float32 and mel.shape == (2, spec.n_mels, n_frames)
    if spec.floor < 1e-6:  # ESPnet's own floors on power and amplitude lie above
        assert torch.equal(mel, theirs)
    else:
        assert torch.equal(mel, torch.maximum(theirs, torch.tensor(spec.log_floor)))
        assert (mel == torch.tensor(spec.log_floor)).any()


def test_htk_scale_is_espnets_too():
    spec = dataclasses.replace(SPEC, mel_scale="htk", n_mels=80, log_base=2.0)
    wav = _sound(9000)
    assert torch.equal(LogMel(spec)(wav), _espnet(spec)(wav)[0][:, : 9000 // 256].transpose(1, 2))


def test_agrees_with_a_float64_computation(spec):
    wav = _sound(16000)[0].double().numpy()
    half = spec.n_fft // 2
    mirrored = np.pad(wav, half, mode="reflect")
    margin = (spec.n_fft - spec.win_length) // 2
    n = np.arange(spec.win_length)
    window = np.pad(0.5 - 0.5 * np.cos(2 * np.pi * n / spec.win_length), margin)
    bands = librosa.filters.mel(
        sr=spec.fs, n_fft=spec.n_fft, n_mels=spec.n_mels, fmin=spec.fmin, fmax=spec.fmax, dtype=np.float64
    )
    frames = []
    for frame in range(16000 // spec.hop_length):
        piece = mirrored[frame * spec.hop_length : frame * spec.hop_length + spec.n_fft] * window
        amplitude = np.sqrt(np.maximum(np.abs(np.fft.rfft(piece)) ** 2, 1e-10))
        frames.append(np.log(np.maximum(bands @ amplitude, spec.floor)))
    mel = LogMel(spec)(torch.from_numpy(wav).float())[0].double().numpy()
    np.testing.assert_allclose(mel * spec.ln_base, np.stack(frames, axis=1), atol=2e-3)
    assert np.abs(mel * spec.ln_base - np.stack(frames, axis=1)).mean() < 2e-5


def test_presets_have_no_empty_band(spec):
    assert (LogMel(spec).fbank.logmel.melmat.sum(0) > 0).all()


@pytest.mark.parametrize("frame", [12, 13, 30])
def test_frame_is_centred_at_its_sample(spec, frame):
    wav = torch.zeros(60 * spec.hop_length)
    wav[frame * spec.hop_length] = 1.0
    energy = (LogMel(spec)(wav)[0] * spec.ln_base).exp().sum(0)
    assert int(energy.argmax()) == frame
    torch.testing.assert_close(energy[frame - 1], energy[frame + 1], rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("n_samples", [256, 257, 511, 512, 1023, 1024, 1025, 1026, 2048, 5000, 5119, 5120])
def test_number_of_frames(n_samples):
    mel = LogMel(SPEC)(_sound(n_samples)[0])
    assert mel.shape == (1, 128, n_samples // 256)
    assert torch.isfinite(mel).all() and (mel >= SPEC.log_floor).all()


def test_short_signal_is_continued_by_silence():
    wav = _sound(700)[:1]
    lengthened = torch.nn.functional.pad(wav, (0, SPEC.n_fft // 2 + 1 - 700))
    assert torch.equal(LogMel(SPEC)(wav), LogMel(SPEC)(lengthened)[..., : 700 // 256])


def test_less_than_a_frame_is_refused():
    with pytest.raises(UserError, match=r"a signal of 255 samples is shorter than one frame \(256\)"):
        LogMel(SPEC)(torch.zeros(255))


def test_window_that_torch_lacks_is_refused():
    with pytest.raises(UserError, match="window is 'nuttall'; give one of hann"):
        LogMel(dataclasses.replace(SPEC, window="nuttall"))


def test_silence_is_finite_and_at_espnets_floor():
    mel = LogMel(SPEC)(torch.zeros(1, 4096))
    torch.testing.assert_close(mel, _espnet(SPEC)(torch.zeros(1, 4096))[0][:, :16].transpose(1, 2))
    assert mel.max() < -5 and mel.min() >= SPEC.log_floor


def test_gradients_are_finite_and_right():
    spec = FeatureSpec(fs=8000, n_fft=64, win_length=64, hop_length=16, n_mels=8, fmin=100, fmax=4000, f0_ceil=800.0)
    log_mel = LogMel(spec)
    rng = np.random.default_rng(1)
    wav = torch.from_numpy(rng.standard_normal(200)).requires_grad_()
    weight = torch.from_numpy(rng.standard_normal((1, 8, 12)))
    (weight * log_mel(wav)).sum().backward()
    direction = torch.from_numpy(rng.standard_normal(200))
    with torch.no_grad():
        ends = [(weight * log_mel(wav + sign * 1e-3 * direction)).sum() for sign in (1, -1)]
    slope = (ends[0] - ends[1]) / 2e-3
    torch.testing.assert_close((wav.grad * direction).sum(), slope, rtol=2e-3, atol=2e-3)
    silent = torch.zeros(1, 4096, requires_grad=True)
    LogMel(SPEC)(silent).sum().backward()
    assert torch.isfinite(silent.grad).all()


def test_half_precision_stops_here():
    wav = _sound(4000)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mel = LogMel(SPEC)(wav)
    assert torch.equal(mel, LogMel(SPEC)(wav))
    assert LogMel(SPEC)(wav.bfloat16()).dtype == torch.float32


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_same_on_the_gpu():
    wav = _sound(20000)
    on_gpu = LogMel(SPEC).cuda()(wav.cuda())
    torch.testing.assert_close(on_gpu.cpu(), LogMel(SPEC)(wav), rtol=1e-4, atol=1e-3)


def test_louder_by_a_factor_is_higher_by_its_logarithm():
    wav = _sound(8000)[:1] + 0.01 * torch.randn(1, 8000, generator=torch.Generator().manual_seed(0))
    natural = LogMel(dataclasses.replace(SPEC, log_base=None))
    torch.testing.assert_close(natural(8 * wav), natural(wav) + math.log(8), rtol=0, atol=1e-3)


def test_the_openutau_preset_is_openvpis_formula():
    # What their extractor does: mirror (win - hop) / 2, no centring, magnitudes, ln of what is clamped.
    spec = FeatureSpec.load(Path(__file__).parents[2] / "conf" / "feature" / "44k_hop512_openutau.yaml")
    assert (spec.frame_centre, spec.win_length, spec.n_fft, spec.hop_length) == (0.5, 2048, 2048, 512)
    assert (spec.fmin, spec.fmax, spec.n_mels, spec.log_base, spec.floor) == (40, 16000, 128, None, 1e-5)
    wav = _sound(26000)[0]
    wav[8000:12000] *= 1e-4  # down to the floor
    mirrored = torch.nn.functional.pad(wav[None], (768, 768), mode="reflect")
    spectra = torch.stft(mirrored, 2048, 512, 2048, torch.hann_window(2048), center=False, return_complex=True).abs()
    basis = torch.from_numpy(librosa.filters.mel(sr=44100, n_fft=2048, n_mels=128, fmin=40, fmax=16000))
    theirs = torch.log(torch.clamp(basis @ spectra, min=1e-5))
    ours = LogMel(spec)(wav)
    assert ours.shape == theirs.shape == (1, 128, len(wav) // 512)
    assert (ours - theirs).abs().max() < 1e-4
    assert theirs.min() == pytest.approx(math.log(1e-5), abs=1e-6)
    torch.testing.assert_close(log_mel_of_long(wav.numpy(), spec, block_frames=7), ours[0].T, rtol=0, atol=1e-4)


@pytest.mark.parametrize("preset", PRESETS, ids=lambda path: path.stem)
@pytest.mark.parametrize("n_frames", [1, 2, 3])
def test_shortest_signals_have_their_frames(preset, n_frames):
    spec = FeatureSpec.load(preset)
    mel = LogMel(spec)(torch.zeros(n_frames * spec.hop_length + 1))
    assert mel.shape == (1, spec.n_mels, n_frames) and torch.isfinite(mel).all()
