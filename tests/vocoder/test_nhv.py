"""NHV: its signal path against a slow float64 one, its streams, its limits."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.mel import LogMel
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.vocoder import build_vocoder

SMALL = dict(channels=24, hidden=32, n_blocks=2)
SPEC_24K = FeatureSpec(fs=24000, hop_length=300, win_length=1200, n_mels=80, fmin=80, fmax=7600)


def random_nhv(spec=None, **overrides):
    """A small NHV whose heads have left zero, so that every part of the network counts."""
    torch.manual_seed(0)
    nhv = build_vocoder("nhv", spec, **{**SMALL, **overrides}).eval()
    torch.nn.init.normal_(nhv.network.head.weight, std=0.02)
    torch.nn.init.normal_(nhv.network.skip.weight, std=0.02)
    return nhv


def random_features(n_frames, spec=None, seed=0):
    rng = np.random.default_rng(seed)
    n_mels = (spec or FeatureSpec()).n_mels
    mel = rng.normal(-2.0, 0.5, (n_frames, n_mels)).astype(np.float32)
    f0 = 220 * 2 ** (np.cumsum(rng.normal(0, 0.05, n_frames)) % 1.0)
    return torch.tensor(mel), torch.tensor(f0.astype(np.float32))


def reference_signal(nhv, mel, f0, noise, mel_f0=None):
    """The signal from its definition, in float64: one frame, one filter, one circular convolution after the other."""
    mel_f0 = f0 if mel_f0 is None else mel_f0
    hop, n_fft, fs, n_frames = nhv.spec.hop_length, nhv.n_fft, nhv.fs, len(mel)
    held = torch.cat([mel, mel[-1:].expand(nhv.look_ahead + 3, -1)])
    held = held[: len(held) - len(held) % nhv.arguments["stride"]]
    with torch.no_grad():
        sung = torch.cat([mel_f0, mel_f0[-1:].expand(len(held) - len(mel))])
        numbers, _ = nhv.network(nhv.network_input(held[None], sung[None]), nhv.network.initial_state(1))
        smooth = nhv.smoothing(held[None], sung[None])
        prior = nhv.mel_prior(held[None], smooth)[0].double().numpy()
    numbers = numbers[0, nhv.look_ahead : nhv.look_ahead + n_frames + 1].double().numpy()
    swell = np.tanh(numbers[:, -2:])
    numbers = numbers[:, :-2] * nhv.quefrency_scale.double().numpy()
    cepstra = prior[: len(numbers)] + numbers
    n_harmonic, _ = nhv.sizes
    quefrencies = np.arange(n_harmonic) - nhv.arguments["anticausal_order"]
    begin, end = nhv.arguments["lifter"]
    for frame, period in enumerate(fs / np.maximum(held_f0(f0, 1), held_f0(mel_f0, 1))):
        share = np.clip((np.abs(quefrencies) / period - begin) / (end - begin), 0, 1)
        cepstra[frame, :n_harmonic] *= 0.5 + 0.5 * np.cos(np.pi * share)

    f0 = held_f0(f0, 2)
    position = np.arange((n_frames + 1) * hop)
    samples = np.interp(position / hop, np.arange(len(f0)), f0)
    frame_phase = np.append(0, np.cumsum((f0[1:] + f0[:-1]) / 2 * hop / fs))
    i, u = position // hop, position % hop
    phase = frame_phase[i] + (f0[i] * u + (f0[i + 1] - f0[i]) * u**2 / (2 * hop)) / fs
    pulses = np.zeros(len(position))
    for k in range(1, int(fs / 2 / samples.min()) + 1):
        room = fs / 2 - k * samples
        level = np.where(room < samples, np.clip(room / np.minimum(samples, 0.01 * fs), 0, 1), 1) * (room >= 0)
        pulses += level * np.cos(2 * np.pi * k * phase)
    pulses *= np.sqrt(4 * samples / fs)

    turn = 2 * np.pi * phase
    swelling = noise[: len(i)] * (1 + swell[i, 0] * np.cos(turn) + swell[i, 1] * np.sin(turn))
    swelling /= np.sqrt(1 + (swell[i] ** 2).sum(axis=1) / 2)
    deviations = np.clip(noise[::hop], -3, 3)
    window = np.hanning(2 * hop + 1)[:-1]
    pulses, noise = (np.append(np.zeros(hop), x) for x in (pulses, swelling))
    signal = np.zeros((n_frames + 3) * hop + 2 * n_fft)
    bins = np.arange(n_fft)
    frequency = np.fft.fftfreq(n_fft, 1 / fs)
    octaves = np.log2(np.maximum(np.abs(frequency), 1) / nhv.arguments["jitter_above"])
    late = nhv.arguments["jitter"] * (0.5 + 0.5 * np.sin(np.pi * np.clip(octaves / 0.5, -0.5, 0.5)))
    for frame in range(n_frames + 1):
        harmonic = np.exp(np.exp(-2j * np.pi * np.outer(bins, quefrencies) / n_fft) @ cepstra[frame, :n_harmonic])
        harmonic *= np.exp(-2j * np.pi * frequency * late * deviations[frame])
        aperiodic = np.exp(
            np.cos(2 * np.pi * np.outer(bins, np.arange(nhv.sizes[1])) / n_fft) @ cepstra[frame, n_harmonic:]
        )
        part = slice(frame * hop, (frame + 2) * hop)
        buffers = [np.zeros(n_fft), np.zeros(n_fft)]
        for buffer, excitation in zip(buffers, (pulses, noise)):
            buffer[nhv.lead : nhv.lead + 2 * hop] = window * excitation[part]
        filtered = np.fft.ifft(np.fft.fft(buffers[0]) * harmonic + np.fft.fft(buffers[1]) * aperiodic).real
        begin = n_fft + (frame - 1) * hop - nhv.lead
        signal[begin : begin + n_fft] += filtered
    return signal[n_fft : n_fft + n_frames * hop]


def held_f0(f0, n):
    return np.append(f0.double().numpy(), [f0[-1].double()] * n)


@pytest.mark.parametrize("anticausal_order", [0, 64])
def test_signal_path_equals_slow_reference(anticausal_order, monkeypatch):
    nhv = random_nhv(anticausal_order=anticausal_order)
    mel, f0 = random_features(20)
    noise = np.random.default_rng(1).normal(size=24 * nhv.spec.hop_length)
    monkeypatch.setattr(nhv, "noise", torch.tensor(noise).float())
    stream = nhv.stream()
    mel_f0 = f0 if anticausal_order else f0.flip(0) * 1.5
    wav = torch.cat([stream.push(mel, f0, mel_f0), stream.flush()]).numpy()
    expected = reference_signal(nhv, mel, f0, noise, mel_f0)
    assert len(wav) == len(expected)
    assert np.abs(wav - expected).max() < 1e-4 * np.abs(expected).max()


def test_noise_swells_with_the_period_and_its_power_stays():
    nhv = random_nhv()
    noise = nhv.noise[None, : 1024 * 256]
    _, tangent, _ = nhv.pulses(torch.full((1, 1025), 150.0), torch.zeros(1, dtype=torch.float64))
    numbers = torch.zeros(1, 1024, nhv.network.n_out)
    assert torch.equal(nhv.swelling(noise, tangent, numbers), noise)  # nothing said, nothing changed
    numbers[..., -2:] = torch.tensor([0.9, -0.4])
    swelling = nhv.swelling(noise, tangent, numbers)
    assert swelling.square().mean() == pytest.approx(noise.square().mean().item(), rel=0.02)
    loud = np.exp(2j * np.arctan(tangent[0].double().numpy()))  # where in the period power is
    centre = (swelling[0].double().numpy() ** 2 * loud).mean()
    a, b = np.tanh([0.9, -0.4])
    assert centre == pytest.approx((a + 1j * b) / (1 + (a**2 + b**2) / 2), abs=0.02)
    assert not build_vocoder("nhv", **SMALL, modulated_noise=False).modulated_noise


@pytest.mark.parametrize("chunk", [1, 7, 64, 1000])
def test_chunks_equal_the_whole(chunk):
    nhv = random_nhv()
    mel, f0 = random_features(1100)
    whole = nhv.inference(mel, f0)
    stream = nhv.stream()
    parts = [stream.push(m, f) for m, f in zip(mel.split(chunk), f0.split(chunk))]
    joined = torch.cat([*parts, stream.flush()])
    assert joined.shape == whole.shape == (1100 * 256,)
    assert (joined - whole).abs().max() < 1e-5


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_any_chunking_of_any_curve_equals_the_whole(data):
    f0 = torch.tensor(data.draw(st.lists(st.floats(40.0, 1500.0, width=32), min_size=1, max_size=60)))
    mel = random_features(len(f0), seed=len(f0))[0]
    nhv = random_nhv(look_ahead=data.draw(st.integers(0, 2)), stride=data.draw(st.integers(1, 3)))
    whole = nhv.inference(mel, f0)
    assert torch.isfinite(whole).all() and whole.abs().max() <= 1.0
    stream, parts, begin = nhv.stream(), [], 0
    while begin < len(f0):
        end = begin + data.draw(st.integers(1, 20))
        parts.append(stream.push(mel[begin:end], f0[begin:end]))
        begin = end
    joined = torch.cat([*parts, stream.flush()])
    assert joined.shape == whole.shape
    assert (joined - whole).abs().max() < 1e-5


@pytest.mark.parametrize("look_ahead, stride", [(0, 1), (1, 1), (2, 1), (0, 2), (1, 2), (0, 3)])
def test_stream_speaks_when_it_says(look_ahead, stride):
    nhv = random_nhv(look_ahead=look_ahead, stride=stride)
    mel, f0 = random_features(10)
    for chunk in (1, 3):
        stream, returned, first = nhv.stream(), 0, None
        for begin in range(0, 10, chunk):
            returned += len(stream.push(mel[begin : begin + chunk], f0[begin : begin + chunk]))
            come = min(begin + chunk, 10)
            first = first or (come if returned else None)
            assert returned >= (come - stream.latency_frames + 0.5) * nhv.spec.hop_length
        if chunk == 1:
            assert first <= stream.latency_frames
    assert stream.latency_seconds <= 0.025


def test_default_stream_speaks_within_25_ms():
    stream = build_vocoder("nhv").stream()
    assert stream.latency_seconds <= 0.025


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_every_frame_is_seen_with_its_look_ahead(stride):
    """Output frame i hears of input frames up to i + look_ahead at least, and of none after its step."""
    network = random_nhv(look_ahead=1, stride=stride).network
    x = torch.randn(1, 12, network.n_in)
    y, _ = network(x, network.initial_state(1))
    for changed in range(12):
        other = x.clone()
        other[0, changed] += 1.0
        z, _ = network(other, network.initial_state(1))
        hears = (y != z).any(dim=-1)[0]
        for i in range(1, 12):  # output frame i belongs to input frame i - 1
            if changed == i:
                assert hears[i]
            if changed > i - 1 + 1 + stride - 1:
                assert not hears[i]


def test_flushed_stream_takes_no_more():
    stream = random_nhv().stream()
    assert len(stream.flush()) == 0
    with pytest.raises(UserError, match="flushed"):
        stream.push(*random_features(1))


@pytest.mark.parametrize("stride", [2, 3])
def test_frames_alike_are_sung_alike_wherever_they_are_in_a_step(stride):
    nhv = random_nhv(stride=stride)
    mel = random_features(1)[0].expand(120, -1)
    with torch.no_grad():
        read = nhv.network_input(mel[None], torch.full((1, 120), 220.0))
        numbers, _ = nhv.network(read, nhv.network.initial_state(1))
    settled = numbers[0, 60:]
    assert settled.std(dim=1).min() > 0.01
    assert (settled - settled[0]).abs().max() < 1e-6


def test_noise_goes_round_at_any_hop():
    nhv = random_nhv(FeatureSpec(hop_length=1200, win_length=2400, n_fft=4096))
    mel, f0 = random_features(500)
    wav = nhv.inference(mel, f0)
    assert len(wav) == 500 * 1200 and torch.isfinite(wav).all()


def test_what_comes_out_can_be_worked_on():
    nhv = random_nhv()
    mel, f0 = random_features(30)
    stream = nhv.stream(seed=-(2**70))
    gain = torch.ones(1, requires_grad=True)
    for wav in (nhv.inference(mel, f0), stream.push(mel, f0), stream.flush()):
        wav *= 0.5
        (gain * wav).sum().backward()


def test_batch_equals_its_rows_but_for_noise_and_phase():
    """Forward is random; in power, over seconds, it must be what inference gives."""
    nhv = random_nhv()
    mel, f0 = random_features(800)
    with torch.no_grad():
        batch = nhv(mel.T.expand(3, -1, -1), f0.expand(3, 1, -1))
    single = nhv.inference(mel, f0)
    assert batch.shape == (3, 1, 800 * 256)
    assert not torch.allclose(batch[0], batch[1])
    # Of a random network's noise, a few loud frames make most: single draws are 4 % apart.
    assert torch.allclose(batch.square().mean(dim=-1), single.square().mean(), rtol=0.25)


@pytest.mark.parametrize("n_frames", [1, 2, 3])
def test_shortest_inputs(n_frames):
    nhv = random_nhv()
    mel, f0 = random_features(n_frames)
    assert nhv.inference(mel, f0).shape == (n_frames * 256,)
    assert nhv(mel.T[None], f0[None, None]).shape == (1, 1, n_frames * 256)


@pytest.mark.parametrize("level", [-1e6, -20.0, 20.0, 1e6])
def test_mel_far_outside_the_training_range(level):
    nhv = random_nhv()
    wav = nhv.inference(torch.full((50, 128), level), torch.full((50,), 220.0))
    assert torch.isfinite(wav).all() and wav.abs().max() <= 1.0


@pytest.mark.parametrize("spec", [FeatureSpec(), SPEC_24K, FeatureSpec(log_base=None, floor=1e-5)])
def test_silence_gives_silence(spec):
    """Features of digital silence give less than -80 dBFS, whatever the weights are."""
    nhv = random_nhv(spec)
    torch.nn.init.normal_(nhv.network.head.bias, std=3.0)
    silent = torch.log(torch.tensor(max(spec.floor, 3e-7))) / spec.ln_base
    wav = nhv.inference(silent.expand(100, spec.n_mels), torch.full((100,), 220.0))
    assert 20 * torch.log10(wav.abs().max() + 1e-12) < -80


def test_constant_envelope_is_reproduced():
    """White noise of known level, described by its mel, comes back with that spectrum before any training."""
    torch.manual_seed(0)
    spec = FeatureSpec()
    noise = torch.randn(4 * spec.fs) * 0.05
    mel = LogMel(spec)(noise)[0].T
    # At 50 Hz the mel sees no single harmonics.
    wav = build_vocoder("nhv", **SMALL).eval().inference(mel, torch.full((len(mel),), 50.0))
    assert 20 * torch.log10(wav.std() / noise.std()) == pytest.approx(0, abs=1.5)
    difference = (LogMel(spec)(wav)[0].T - mel)[20:-20].mean(dim=0) * 20
    # A mel averages magnitudes, and those of noise are a decibel below its power.
    assert difference[3:] == pytest.approx(-1.0, abs=1.5)


@pytest.mark.parametrize("hop", [512, 300, 128])
def test_features_at_another_hop(hop):
    nhv = random_nhv()
    source = FeatureSpec(hop_length=hop)
    mel, f0 = random_features(100, source)
    wav = nhv.inference(mel, f0, spec=source)
    assert wav.shape == (100 * hop,)
    assert torch.isfinite(wav).all()


def test_steady_features_at_another_hop_sound_the_same():
    nhv = random_nhv()
    mel = random_features(1)[0].expand(200, -1)
    f0 = torch.full((200,), 300.0)
    coarse = nhv.inference(mel[:100], f0[:100], spec=FeatureSpec(hop_length=512))
    assert (coarse - nhv.inference(mel, f0))[:50000].abs().max() < 1e-5


@pytest.mark.parametrize(
    "f0, message",
    [
        ([220.0, 0.0, 220.0], "f0 is not above 0 Hz.*frame 1"),
        ([220.0, -5.0, 220.0], "f0 is not above 0 Hz.*frame 1"),
        ([220.0, 220.0, float("nan")], "f0 is not finite at frame 2"),
        ([float("inf"), 220.0, 220.0], "f0 is not finite at frame 0"),
        ([220.0, 220.0, 30000.0], "f0 is not below 22050 Hz at frame 2"),
        ([220.0], "mel has 3 frames and f0 1"),
        ([], "mel has 3 frames and f0 0"),
        (None, "needs F0"),
    ],
)
def test_bad_f0_is_refused(f0, message):
    f0 = None if f0 is None else torch.tensor(f0)
    with pytest.raises(UserError, match=message):
        random_nhv().inference(random_features(3)[0], f0)


@pytest.mark.parametrize(
    "mel, message",
    [
        (torch.zeros(3, 80), r"\(3, 80\) does not fit.*128"),
        (torch.zeros(0, 128), "no frames"),
        (torch.full((3, 128), float("nan")), "mel is not finite at frame 0"),
    ],
)
def test_bad_mel_is_refused(mel, message):
    with pytest.raises(UserError, match=message):
        random_nhv().inference(mel, torch.full((len(mel),), 220.0))


def test_one_frame_more_of_either_is_trimmed():
    nhv = random_nhv()
    mel, f0 = random_features(5)
    assert nhv.inference(mel, f0[:4]).shape == nhv.inference(mel[:4], f0).shape == (4 * 256,)


@pytest.mark.parametrize(
    "overrides", [dict(n_fft=1000), dict(n_fft=512), dict(order=600), dict(noise_order=300), dict(window="kaiser")]
)
def test_sizes_that_do_not_fit_are_refused(overrides):
    with pytest.raises(UserError):
        build_vocoder("nhv", **SMALL, **overrides)


def test_gradients_agree_with_float64():
    """Gradients of a loss on the waveform, float32 against the same graph in float64 (FFT, exp and all)."""
    gradients = []
    mel, f0 = random_features(6)
    for dtype in (torch.float32, torch.float64):
        nhv = random_nhv().to(dtype)
        mel, f0 = mel.to(dtype), f0.to(dtype)
        numbers, _ = nhv.network(nhv.network_input(mel[None], f0[None]), nhv.network.initial_state(1))
        pulses, tangent, _ = nhv.pulses(torch.cat([f0, f0[-1:]])[None], torch.zeros(1, dtype=torch.float64))
        excitation = torch.stack(
            [pulses.to(dtype), nhv.swelling(pulses.flip(-1).to(dtype), tangent.to(dtype), numbers)]
        )
        excitation = torch.nn.functional.pad(excitation, (nhv.spec.hop_length, 0))
        frames = nhv.filtered_frames(nhv.filters(numbers, mel[None], f0[None], f0[None]), *excitation)
        frames.square().sum().backward()
        gradients.append([p.grad.double() for p in nhv.network.parameters()])
    for single, double in zip(*gradients):
        assert (single - double).norm() < 1e-3 * double.norm() + 1e-9


def test_autocast_keeps_the_signal_path_in_float32():
    nhv = random_nhv().train()
    mel, f0 = random_features(8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        wav = nhv(mel.T[None], f0[None, None])
    assert wav.dtype == torch.float32
    wav.square().mean().backward()
    assert all(torch.isfinite(p.grad).all() for p in nhv.parameters())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_equals_cpu():
    nhv = random_nhv()
    mel, f0 = random_features(100)
    harmonic = nhv.inference(mel, f0)
    assert torch.allclose(
        nhv.cuda().inference(mel.cuda(), f0.cuda()).square().mean().cpu(), harmonic.square().mean(), rtol=0.1
    )
