"""The signal processing inside the vocoders that NHV is compared with, against direct formulas in float64."""

import math

import numpy as np
import pytest
import pyworld
import scipy.signal
import torch
from small import SMALL
from tiny_dump import SPEC, tone

from espnet2_nhv.dsp.fir import filter_frames, fir_matrix, n_fft_for
from espnet2_nhv.dsp.harmonics import sum_of_harmonics
from espnet2_nhv.dsp.inverse_stft import inverse_stft, magnitude
from espnet2_nhv.dsp.overlap_add import synthesis_window
from espnet2_nhv.loss.source import SourceLoss
from espnet2_nhv.loss.spectra import AmplitudePhaseLoss
from espnet2_nhv.vocoder.control_network import _LinearAttention
from espnet2_nhv.vocoder.registry import build_vocoder
from espnet2_nhv.vocoder.sifigan import _shifted

HOP, FS = 256, 44100


@pytest.fixture
def glide():
    """Phase (1, N), cycles, F0 (1, N), Hz, and random amplitudes (1, T + 1, 12); 2 to 5 kHz, so that some fall out."""
    n_frames = 8
    f0 = torch.linspace(2000, 5000, n_frames * HOP, dtype=torch.float64)[None]
    phase = torch.cumsum(f0, dim=1) / FS
    torch.manual_seed(0)
    return phase - phase.round(), f0, torch.rand(1, n_frames + 1, 12, dtype=torch.float64)


def test_sum_of_harmonics_is_the_sum(glide):
    phase, f0, amplitudes = glide
    time = np.arange(f0.shape[1]) / HOP
    want = np.zeros(f0.shape[1])
    for k in range(1, 13):
        level = np.interp(time, np.arange(9), amplitudes[0, :, k - 1])
        room = np.clip((FS / 2 - k * f0[0].numpy()) / (0.02 * FS / 2), 0, 1)
        want += level * room * np.sin(2 * np.pi * k * phase[0].numpy())
    got = sum_of_harmonics(phase, f0, amplitudes, HOP, FS)
    np.testing.assert_allclose(got[0], want, atol=1e-9)
    single = sum_of_harmonics(phase.float(), f0.float(), amplitudes.float(), HOP, FS)
    np.testing.assert_allclose(single[0], want, atol=1e-4)


def test_gradient_of_the_sum_of_harmonics(glide):
    """The sum is linear in the amplitudes, so the gradient of its product with anything is its transpose."""
    phase, f0, amplitudes = glide
    amplitudes.requires_grad_()
    weights, others = torch.randn_like(f0), torch.randn_like(amplitudes)
    (sum_of_harmonics(phase, f0, amplitudes, HOP, FS) * weights).sum().backward()
    want = (sum_of_harmonics(phase, f0, others, HOP, FS) * weights).sum()
    assert float((amplitudes.grad * others).sum()) == pytest.approx(float(want), rel=1e-9)


@pytest.mark.parametrize("hop", [256, 300])
def test_filter_that_stays_the_same_is_a_convolution(hop):
    torch.manual_seed(0)
    n_magnitudes, n_frames = 80, 12
    magnitudes = torch.rand(n_magnitudes)
    taps = np.roll(np.fft.irfft(magnitudes.double()), n_magnitudes - 1)
    taps *= scipy.signal.get_window("hann", len(taps))
    signal = torch.randn(1, n_frames * hop)
    want = np.convolve(signal[0], taps)[n_magnitudes - 1 :][: n_frames * hop]
    matrix = fir_matrix(n_magnitudes, n_fft_for(n_magnitudes, hop))
    got = filter_frames(signal, magnitudes.expand(1, n_frames + 1, -1), matrix, synthesis_window("hann", hop))
    np.testing.assert_allclose(got[0], want, atol=1e-4)


def test_filters_change_where_they_are_asked_to():
    """Silent up to frame 6, loud after: what is filtered follows within a hop."""
    magnitudes = torch.zeros(1, 13, 80)
    magnitudes[:, 7:] = 1.0
    matrix = fir_matrix(80, n_fft_for(80, HOP))
    out = filter_frames(torch.ones(1, 12 * HOP), magnitudes, matrix, synthesis_window("hann", HOP))[0]
    assert out[: 6 * HOP - 80].abs().max() < 1e-6
    # Up to where the signal itself ends, half a filter before it.
    np.testing.assert_allclose(out[7 * HOP + 80 : 12 * HOP - 80], 1.0, atol=1e-5)


@pytest.mark.parametrize("name", ["sawsing", "ddsp", "nsf", "uhifigan", "sifigan"])
def test_one_phase_leads_to_one_waveform(name):
    """What is random is drawn from PyTorch's generator, so that decoding can be repeated."""
    vocoder = build_vocoder(name, SPEC, **SMALL[name]).eval()
    mel, f0 = torch.zeros(20, SPEC.n_mels), torch.full((20,), 220.0)
    made = []
    for _ in range(2):
        torch.manual_seed(3)
        made.append(vocoder.inference(mel, f0))
    assert torch.equal(*made)


@pytest.mark.parametrize("name", ["sawsing", "ddsp"])
def test_harmonics_stand_at_multiples_of_f0(name):
    """A vocoder without noise has energy at multiples of F0 and hardly any between them."""
    torch.manual_seed(0)
    vocoder = build_vocoder(name, SPEC, **SMALL[name]).eval()
    vocoder.noise_fir.zero_()
    n_frames = 172
    wav = vocoder(torch.zeros(1, SPEC.n_mels, n_frames), torch.full((1, 1, n_frames), 441.0))[0, 0]
    middle = wav[20 * HOP : 20 * HOP + 22050].double()
    power = torch.fft.rfft(middle * torch.blackman_window(22050, dtype=torch.float64)).abs().square()
    frequency = torch.arange(len(power)) * FS / 22050
    off = (frequency / 441.0 - (frequency / 441.0).round()).abs() * 441.0
    assert power[off > 20].sum() < 1e-6 * power.sum()
    # 20 harmonics were asked for.
    assert power[(frequency - 8820).abs() < 5].sum() > 1e-7 * power.sum() > power[frequency > 8900].sum()


@pytest.mark.parametrize("name", ["sawsing", "ddsp"])
def test_untrained_noise_leaves_the_harmonics_bare(name):
    """Under louder noise a spectral loss shows harmonics no slope, and minutes of training silenced them for good."""
    vocoder = build_vocoder(name, SPEC).eval()
    mel, f0 = torch.zeros(1, SPEC.n_mels, 60), torch.full((1, 1, 60), 220.0)
    torch.manual_seed(1)
    both = vocoder(mel, f0)
    vocoder.noise_fir.zero_()
    torch.manual_seed(1)
    harmonics = vocoder(mel, f0)
    assert (both - harmonics).square().mean() < 1e-2 * harmonics.square().mean()


def test_linear_attention_is_softmax_attention_on_average():
    """With many random directions the two agree; with exact softmax as the oracle."""
    torch.manual_seed(0)
    layer = _LinearAttention(16, n_heads=2, head_size=8)
    with torch.no_grad():
        from espnet2_nhv.vocoder.control_network import _orthogonal_directions

        layer.directions = _orthogonal_directions(20000, 8)
        x = torch.randn(1, 30, 16)
        y = layer.norm(x)
        query, key, value = (f(y).unflatten(-1, (2, 8)).transpose(1, 2) for f in (layer.query, layer.key, layer.value))
        exact = torch.nn.functional.scaled_dot_product_attention(query, key, value)
        want = layer.out(exact.transpose(1, 2).flatten(2))
        got = layer(x)
        uniform = layer.out(value.mean(dim=2, keepdim=True).expand_as(value).transpose(1, 2).flatten(2))
    assert (got - want).norm() < 0.25 * (uniform - want).norm()


def test_sinc_filters_part_at_the_cutoff():
    vocoder = build_vocoder("nsf", SPEC, **SMALL["nsf"])
    for cutoff in (0.2, 0.5, 0.8):
        low, high = (x[0, 0].numpy() for x in vocoder._sinc_filters(torch.tensor([[cutoff]])))
        at = np.array([1e-3, cutoff - 0.12, cutoff, cutoff + 0.12, 0.999]) * np.pi
        gains = [np.abs(scipy.signal.freqz(taps, worN=at)[1]) for taps in (low, high)]
        np.testing.assert_allclose(gains[0], [1, 1, 0.5, 0, 0], atol=0.06)
        np.testing.assert_allclose(gains[1], [0, 0, 0.5, 1, 1], atol=0.06)


def test_taps_follow_the_period():
    x, distance = torch.randn(2, 3, 40), torch.randint(-9, 10, (2, 40))
    got = _shifted(x, distance)
    for b in range(2):
        for n in range(40):
            m = n + int(distance[b, n])
            want = x[b, :, m] if 0 <= m < 40 else torch.zeros(3)
            assert torch.equal(got[b, :, n], want)


def test_sifigan_source_repeats_at_the_period():
    """Far taps reach whole fractions of a period: at dense factor d a tap is fs / (d f0) samples away."""
    torch.manual_seed(0)
    vocoder = build_vocoder("sifigan", SPEC, **SMALL["sifigan"]).eval()
    seen = []
    for block in vocoder.source_blocks:
        block.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[1]))
    vocoder(torch.zeros(1, SPEC.n_mels, 8), torch.full((1, 1, 8), 210.0))
    rates = np.cumprod(vocoder.scales) * FS / HOP
    for tap, rate, dense in zip(seen, rates, (0.5, 1, 4, 8)):
        assert tap.shape == (1, round(8 * rate * HOP / FS))
        np.testing.assert_allclose(tap, rate / dense / 210.0, rtol=1e-5)


@pytest.mark.parametrize("n_fft, hop", [(16, 4), (1024, 256), (2048, 512)])
def test_spectra_of_a_signal_give_it_back(n_fft, hop):
    """Frame i is centred at sample i * hop; a sine of full scale is not too loud."""
    wav = torch.sin(0.2 * torch.arange(hop * 20))
    window = torch.hann_window(n_fft)
    spectrum = torch.stft(wav[None], n_fft, hop, window=window, pad_mode="constant", return_complex=True)
    level, phase = magnitude(spectrum.abs().log()), spectrum.angle()
    again = inverse_stft(level * torch.cos(phase), level * torch.sin(phase), window, hop)
    assert again.shape == (1, 1, len(wav))
    np.testing.assert_allclose(again[0, 0], wav, atol=1e-4)
    assert float(magnitude(torch.tensor(1e6))) < 1e4


def test_losses_of_spectra_vanish_at_the_recording():
    loss = AmplitudePhaseLoss(1024, HOP)
    wav = torch.from_numpy(tone(0.4, 300)[0])[None, None, : 60 * HOP]
    target = loss.stft(wav)
    log_amplitude, phase = target.abs().clamp(min=1e-5).log(), target.angle()
    perfect = loss(log_amplitude, phase, wav, wav)
    assert set(perfect) == set(AmplitudePhaseLoss.names)
    assert all(float(value) < 1e-4 for value in perfect.values())
    # Whole turns do not count; a shift of all phases counts once, as itself; of amplitudes, squared.
    turned = loss(log_amplitude, phase + 6 * math.pi, wav, wav)
    assert float(turned["phase"]) < 1e-3
    shifted = loss(log_amplitude + 0.5, phase - 0.25, wav, wav)
    assert float(shifted["phase"]) == pytest.approx(0.25, abs=1e-3)
    assert float(shifted["amplitude"]) == pytest.approx(0.25, abs=1e-3)
    # A delay of one sample, by the Fourier transform's own shift: group delay differs by one step a bin.
    ramp = 2 * math.pi * torch.arange(513)[:, None] / 1024
    delayed = loss(log_amplitude, phase - ramp, wav, wav)
    wrapped = (ramp - 2 * math.pi * torch.round(ramp / (2 * math.pi))).abs().mean()
    assert float(delayed["phase"]) == pytest.approx(float(wrapped) + 2 * math.pi / 1024, rel=1e-2)
    assert float(loss(log_amplitude, phase, torch.zeros_like(wav), wav)["consistency"]) == pytest.approx(
        float(target.abs().square().mean()), rel=1e-3
    )


def test_envelope_is_cheaptricks():
    """Against WORLD's own, both without their mean over frequency."""
    loss = SourceLoss(SPEC)
    wav, f0 = tone(0.5, 220)
    n_frames = len(wav) // HOP
    contour = f0[::HOP][:n_frames]
    got = loss.log_envelope(torch.from_numpy(wav)[None, None, : n_frames * HOP], torch.from_numpy(contour)[None, None])
    times = np.arange(n_frames) * HOP / FS
    power = pyworld.cheaptrick(wav.astype(np.float64), contour.astype(np.float64), times, FS, fft_size=loss.n_fft)
    inner = slice(10, n_frames - 10)
    want = 0.5 * np.log(power)[inner]
    got = got[0, inner].double().numpy()
    # Up to 5 kHz, where the harmonics of this tone stand out from the noise.
    band = slice(10, round(5000 / FS * loss.n_fft))
    difference = (got - want)[:, band]
    difference -= difference.mean(axis=1, keepdims=True)
    assert (
        np.abs(difference).mean()
        < 0.12
        < 0.5
        < np.abs(want[:, band] - want[:, band].mean(axis=1, keepdims=True)).mean()
    )


def test_source_loss_wants_pitch_and_level_but_no_envelope():
    loss = SourceLoss(SPEC)
    wav, f0 = (torch.from_numpy(x)[None, None, : 80 * HOP] for x in tone(0.5, 220))
    contour = f0[..., ::HOP]
    phase = torch.cumsum(f0 / FS, dim=-1)
    flat = sum(torch.cos(2 * math.pi * k * phase) for k in range(1, 90))
    scale = loss.residual_magnitude(wav, contour).mean() / loss._frames(flat, loss.window).abs().mean()
    flat = flat * scale
    other = sum(torch.cos(2 * math.pi * k * phase * 1.5) for k in range(1, 60)) * scale
    values = [float(loss(x, wav, contour)) for x in (flat, 4 * flat, other, wav)]
    assert min(values[1:]) > 1.2 * values[0], values
