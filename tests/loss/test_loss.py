"""Losses against their formulas in float64, and their behaviour at the edges."""

import dataclasses

import librosa
import numpy as np
import pytest
import torch

from espnet2_nhv.dsp.short_time import add_power_gradient, power, short_time_spectra
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.loss.band_level import BandLevelLoss
from espnet2_nhv.loss.mel import MelLoss
from espnet2_nhv.loss.stft import DEFAULT_RESOLUTIONS, MultiResolutionSTFTLoss

SPEC = FeatureSpec(fs=16000, n_fft=512, win_length=400, hop_length=128, n_mels=40, fmin=60, fmax=7600)


def signals(n_samples=5000, batch=3, seed=0):
    rng = np.random.default_rng(seed)
    wav = rng.normal(size=(batch, n_samples)) * 0.1
    wav[0, : n_samples // 2] = 0.0  # silence in one of them
    return wav + rng.normal(size=wav.shape) * 0.02, wav


def spectrogram(wav, n_fft, hop_length, win_length, pad_mode):
    """Complex ``(B, frames, bins)``, frame by frame, centred, float64."""
    window = np.zeros(n_fft)
    left = (n_fft - win_length) // 2
    window[left : left + win_length] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(win_length) / win_length)
    padded = np.pad(wav, ((0, 0), (n_fft // 2, n_fft // 2)), mode=pad_mode)
    starts = range(0, padded.shape[1] - n_fft + 1, hop_length)
    return np.stack([np.fft.rfft(padded[:, s : s + n_fft] * window) for s in starts], axis=1), window


def stft_loss(wav_hat, wav, resolutions, linear, log, convergence, floor):
    losses = []
    for resolution in resolutions:
        (hat, window), (ref, _) = (spectrogram(x, *resolution, "constant") for x in (wav_hat, wav))
        hat, ref = (np.sqrt(np.abs(x) ** 2 / np.sum(window**2) + floor**2) for x in (hat, ref))
        loss = linear * np.mean(np.abs(hat - ref)) / np.mean(ref)
        loss += log * np.mean(np.abs(np.log(hat) - np.log(ref)))
        per_signal = [np.linalg.norm(h - r) / np.linalg.norm(r) for h, r in zip(hat, ref)]
        losses.append(loss + convergence * np.mean(per_signal))
    return np.mean(losses)


@pytest.mark.parametrize("weights", [(1.0, 1.0, 0.0), (0.0, 1.0, 0.0), (0.5, 0.0, 2.0)])
def test_stft_loss_is_its_formula(weights):
    resolutions = [(64, 16, 64), (600, 120, 480), (4096, 1024, 4096)]
    wav_hat, wav = signals()
    loss = MultiResolutionSTFTLoss(resolutions, *weights, floor=1e-4)
    got = loss(torch.from_numpy(wav_hat)[:, None].float(), torch.from_numpy(wav)[:, None].float()).item()
    assert got == pytest.approx(stft_loss(wav_hat, wav, resolutions, *weights, floor=1e-4), rel=1e-5)


def autograd_loss(wav_hat, wav, level_of, loss):
    """The formula again, in float64, left to autograd; `level_of` is what the linear term is relative to."""
    total = 0.0
    for n_fft, hop_length, win_length in loss.resolutions:
        window = torch.hann_window(win_length, dtype=torch.float64)

        def magnitude(x):
            spectrum = (
                torch.stft(x, n_fft, hop_length, win_length, window, pad_mode="constant", return_complex=True)
                / window.norm()
            )
            return torch.sqrt(torch.view_as_real(spectrum).square().sum(dim=-1) + loss.floor**2)

        hat, ref = magnitude(wav_hat), magnitude(wav)
        distance = loss.linear_weight * (hat - ref).abs().mean() / magnitude(level_of).mean()
        distance = distance + loss.log_weight * (hat.log() - ref.log()).abs().mean()
        norms = (hat - ref).flatten(1).norm(dim=1) / ref.flatten(1).norm(dim=1)
        total = total + distance + loss.convergence_weight * norms.mean()
    return total / len(loss.resolutions)


@pytest.mark.parametrize(
    "n_samples, resolution",
    [(3000, (64, 16, 64)), (3001, (600, 70, 240)), (900, (255, 120, 100)), (500, (2048, 240, 1200))],
)
def test_short_time_spectra_and_their_adjoint_are_those_of_torch_stft(n_samples, resolution):
    """Any transform length, odd ones too, windows shorter than it, hops longer than half the window."""
    n_fft, hop_length, win_length = resolution
    wav = torch.from_numpy(signals(n_samples)[0]).requires_grad_()
    window = torch.hann_window(win_length, dtype=torch.float64)
    stft = torch.stft(wav, n_fft, hop_length, win_length, window, pad_mode="constant", return_complex=True)
    want = stft.mT.abs().square()
    transform = window, n_fft, hop_length
    spectra = short_time_spectra(wav.detach(), *transform)
    assert torch.allclose(power(spectra), want, rtol=1e-9, atol=1e-12)
    slope = torch.from_numpy(np.random.default_rng(2).normal(size=want.shape))
    gradient = torch.ones_like(wav)
    add_power_gradient(gradient, 0.5, slope.clone(), spectra, *transform)
    assert torch.allclose(gradient - 1, 0.5 * torch.autograd.grad(want, wav, slope)[0], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("weights", [(1.0, 1.0, 0.0), (0.0, 1.0, 0.5), (0.5, 0.0, 0.0), (0.0, 0.0, 1.0)])
def test_gradient_written_out_is_that_of_autograd(weights):
    wav_hat, wav = (torch.from_numpy(x) for x in signals(3000))
    another = torch.from_numpy(signals(3000, seed=1)[0])
    loss = MultiResolutionSTFTLoss([(64, 16, 64), (600, 120, 480), (2048, 512, 2048)], *weights, floor=1e-4)

    exact = wav_hat.clone().requires_grad_()
    attracted, repelled = (autograd_loss(exact, other, wav, loss) for other in (wav, another))
    (0.7 * attracted - 0.4 * repelled).backward()
    single = wav_hat.float()[:, None].requires_grad_()
    others = wav.float()[:, None], another.float()[:, None]
    value, distances = loss.energy_distance(single, *others, attraction=0.7, repulsion=0.4)
    value.backward()
    assert distances.tolist() == pytest.approx([attracted.item(), repelled.item()], rel=1e-4)
    assert value.item() == pytest.approx(0.7 * attracted.item() - 0.2 * repelled.item(), rel=1e-4)
    assert (single.grad[:, 0] - exact.grad).norm() < 2e-3 * exact.grad.norm()

    exact.grad = None
    autograd_loss(exact, wav, wav, loss).backward()
    single.grad = None
    (3.0 * loss(single, others[0])).backward()
    assert (single.grad[:, 0] / 3.0 - exact.grad).norm() < 2e-3 * exact.grad.norm()


def test_stft_loss_is_the_same_in_blocks_of_any_size(monkeypatch):
    wav_hat, wav = (torch.from_numpy(x).float() for x in signals(batch=5))
    loss, results = MultiResolutionSTFTLoss(convergence_weight=1.0), []
    for block in (2**30, 40000, 1):  # all five signals, some, one
        monkeypatch.setattr("espnet2_nhv.dsp.short_time._BLOCK", block)
        leaf = wav_hat.clone().requires_grad_()
        value, distances = loss.energy_distance(leaf, wav, wav.flip(0), attraction=1.0, repulsion=0.3)
        value.backward()
        results.append((distances, leaf.grad))
    for distances, gradient in results[1:]:
        assert torch.allclose(distances, results[0][0], rtol=1e-5)
        assert (gradient - results[0][1]).norm() < 1e-4 * results[0][1].norm()


def test_no_gradient_is_made_where_none_is_wanted(monkeypatch):
    wav_hat, wav = (torch.from_numpy(x).float() for x in signals())
    loss = MultiResolutionSTFTLoss(convergence_weight=1.0)
    wanted = loss(wav_hat.requires_grad_(), wav).item()
    whole, slopes = loss._distance, []

    def distance(*arguments):
        slopes.append(whole(*arguments)[1])
        return whole(*arguments)

    monkeypatch.setattr(loss, "_distance", distance)
    monkeypatch.setattr("espnet2_nhv.loss.stft.add_power_gradient", None)
    with torch.no_grad():
        assert loss(wav_hat, wav).item() == wanted
    assert loss(wav_hat.detach(), wav).item() == wanted
    assert slopes and all(slope is None for slope in slopes)


def test_stft_loss_is_zero_only_for_equal_spectra():
    loss, wav = MultiResolutionSTFTLoss(), torch.from_numpy(signals()[1]).float()
    assert loss(wav, wav) == 0
    assert loss(-wav, wav) == 0  # it hears no phase
    assert loss(wav * 1.1, wav) > 0.05


def test_magnitudes_mean_the_same_at_every_resolution():
    noise = torch.from_numpy(np.random.default_rng(0).normal(size=(1, 60000)) * 0.3).float()
    loss = MultiResolutionSTFTLoss([(64, 16, 64), (1024, 256, 800), (8192, 2048, 8192)])
    spectra = [short_time_spectra(noise, *loss.transform(index)) for index in range(3)]
    levels = [loss.floored(x)[:, 4:-4].square().mean().sqrt().item() for x in spectra]
    assert levels == pytest.approx([0.3] * 3, rel=0.03)


@pytest.mark.parametrize("hat, ref", [(0.0, 0.0), (0.0, 0.1), (0.1, 0.0)])
def test_stft_loss_has_a_finite_gradient_at_silence(hat, ref):
    noise = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 1, 6000))).float()
    wav_hat = (noise * hat).requires_grad_()
    loss = MultiResolutionSTFTLoss(convergence_weight=1.0)(wav_hat, noise.flip(0) * ref)
    loss.backward()
    assert torch.isfinite(loss) and torch.isfinite(wav_hat.grad).all()


def test_what_lies_below_16_bits_hardly_counts():
    noise = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 1, 20000))).float()
    loss = MultiResolutionSTFTLoss()
    quantisation = loss(noise[:1] * 3e-6, torch.zeros(1, 1, 20000))
    audible = loss(noise[:1] * 3e-3, torch.zeros(1, 1, 20000))
    assert quantisation < 0.15 and audible > 5


def test_stft_loss_takes_half_precision_and_short_signals():
    wav_hat, wav = (torch.from_numpy(x).float() for x in signals())
    loss = MultiResolutionSTFTLoss()
    exact = loss(wav_hat, wav)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert loss(wav_hat, wav) == exact
    assert loss(wav_hat.half(), wav).dtype == torch.float32
    assert torch.isfinite(loss(wav_hat[:, :100], wav[:, :100]))


def test_drawn_resolutions_are_all_of_them_in_the_mean():
    wav_hat, wav = (torch.from_numpy(x).float() for x in signals())
    whole, drawn = MultiResolutionSTFTLoss(), MultiResolutionSTFTLoss(n_drawn=2)
    torch.manual_seed(0)
    values = {loss.item() for loss in (drawn(wav_hat, wav) for _ in range(60))}
    assert 10 < len(values) <= 15  # pairs of six
    pairs = torch.tensor([drawn(wav_hat, wav).item() for _ in range(150)])
    assert pairs.mean().item() == pytest.approx(whole(wav_hat, wav).item(), rel=0.05)
    assert drawn.eval()(wav_hat, wav) == whole(wav_hat, wav)
    with pytest.raises(UserError, match="n_drawn is 7"):
        MultiResolutionSTFTLoss(n_drawn=7)


@pytest.mark.parametrize("bad", [[(512, 0, 512)], [(512, 128, 1024)], [(512, 128)], []])
def test_resolutions_that_are_none(bad):
    with pytest.raises(UserError):
        MultiResolutionSTFTLoss(bad)


def test_default_resolutions_reach_from_pulses_to_harmonics():
    lengths = [win_length for _, _, win_length in DEFAULT_RESOLUTIONS]
    assert min(lengths) <= 128 and max(lengths) >= 4096


def mel_filters(spec):
    """librosa's, ``(n_mels, n_fft / 2 + 1)``."""
    return librosa.filters.mel(
        sr=spec.fs, n_fft=spec.n_fft, n_mels=spec.n_mels, fmin=spec.fmin, fmax=spec.fmax, htk=spec.mel_scale == "htk"
    )


@pytest.mark.parametrize("changes", [{}, {"mel_scale": "htk"}, {"log_base": None}, {"log_base": 2.0}])
def test_mel_loss_is_in_nepers_whatever_the_base(changes):
    spec = dataclasses.replace(SPEC, **changes)
    wav_hat, wav = signals()
    bands = mel_filters(spec)

    def log_mel(x):
        amplitude = np.abs(spectrogram(x, spec.n_fft, spec.hop_length, spec.win_length, "reflect")[0])
        amplitude = amplitude[:, : x.shape[1] // spec.hop_length]
        return np.log(np.maximum(np.maximum(amplitude, 1e-5) @ bands.T.astype(np.float64), 1e-10))

    want = np.mean(np.abs(log_mel(wav_hat) - log_mel(wav)))
    got = MelLoss(spec)(torch.from_numpy(wav_hat)[:, None].float(), torch.from_numpy(wav)[:, None].float()).item()
    assert got == pytest.approx(want, rel=1e-4)


@pytest.mark.parametrize("loss", [MelLoss, BandLevelLoss])
def test_losses_of_bands_take_half_precision(loss):
    wav_hat, wav = (torch.from_numpy(x)[:, None].half() for x in signals())
    assert loss(SPEC)(wav_hat, wav).dtype == torch.float32


@pytest.mark.parametrize("changes", [{}, {"mel_scale": "htk"}, {"log_base": 2.0}])
def test_band_level_loss_is_of_power_in_nepers(changes):
    spec = dataclasses.replace(SPEC, **changes)
    wav_hat, wav = signals()
    bands = mel_filters(spec)

    def level(x):
        spectra, window = spectrogram(x, spec.n_fft, spec.hop_length, spec.win_length, "constant")
        shares = bands.astype(np.float64) / bands.sum(axis=1, keepdims=True)
        return 0.5 * np.log(np.abs(spectra) ** 2 / np.sum(window**2) @ shares.T + 1e-12)

    another = np.random.default_rng(5).standard_normal(wav.shape)
    want = np.mean(np.abs(level(wav_hat) - level(wav)))
    repulsion = 0.5 * np.mean(np.abs(level(wav_hat) - level(another)))
    wavs = [torch.from_numpy(x)[:, None].float() for x in (wav_hat, wav, another)]
    assert BandLevelLoss(spec)(*wavs[:2]).item() == pytest.approx(want, rel=1e-4)
    assert BandLevelLoss(spec)(*wavs).item() == pytest.approx(want - repulsion, rel=1e-4)
    assert BandLevelLoss(spec, repulsion=0.5)(*wavs).item() == pytest.approx(want - 0.5 * repulsion, rel=1e-4)


@pytest.mark.parametrize("balance", [0.0, 2.0])
def test_gradient_of_band_levels_is_that_of_autograd(balance):
    wav_hat, wav = (torch.from_numpy(x)[:, None].float() for x in signals())
    another = torch.randn(wav.shape, generator=torch.Generator().manual_seed(1))
    loss = BandLevelLoss(SPEC, balance)
    ours, theirs = (wav_hat.clone().requires_grad_() for _ in range(2))

    def level(x):
        spectra = short_time_spectra(x[:, 0], loss.window, loss.n_fft, loss.hop_length)
        return 0.5 * (torch.matmul(spectra.abs().square(), loss.bands) + 1e-12).log()

    value = loss(ours, wav, another)
    value.backward()
    attracted, repelled = level(theirs) - level(wav), level(theirs) - level(another)
    unbalanced = balance * attracted.mean(dim=(0, 1)).abs().mean()
    (attracted.abs().mean() + unbalanced - repelled.abs().mean()).backward()
    assert value.item() == pytest.approx((attracted.abs().mean() + unbalanced - 0.5 * repelled.abs().mean()).item())
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-3, atol=1e-7)


def test_band_level_loss_of_the_shortest_signals_and_of_silence():
    for wav in (torch.randn(1, 1, 100), torch.zeros(1, 1, 4000)):
        wav_hat = torch.zeros_like(wav).requires_grad_()
        BandLevelLoss(SPEC)(wav_hat, wav).backward()
        assert torch.isfinite(wav_hat.grad).all()
