"""The loss that hears how much of a band is harmonics, on signals of which that is known."""

import numpy as np
import pytest
import torch

from espnet2_nhv.errors import UserError
from espnet2_nhv.loss.periodicity import DEFAULT_EDGES, PeriodicityLoss

FS, F0 = 44100, 220.5  # a period of 200 samples


def harmonics(phase=0.0, f0=F0, n=16384):
    time = np.arange(n) / FS
    k = np.arange(1, int(20000 / f0))[:, None]
    return torch.from_numpy((0.01 * np.cos(2 * np.pi * k * (f0 * time + phase))).sum(axis=0)).float()[None, None]


def noise(seed, level=0.07):
    return level * torch.randn(1, 1, 16384, generator=torch.Generator().manual_seed(seed))


def f0_of(wav, f0=F0):
    return torch.full((1, 1, wav.shape[-1] // 256), f0)


def test_periodicity_is_its_formula():
    loss = PeriodicityLoss(FS)
    wav = harmonics() + noise(0, 0.03)
    got = loss.periodicity(wav, f0_of(wav))[0].double().numpy()
    padded = np.pad(wav[0, 0].double().numpy(), 512)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1024) / 1024)
    frequency = np.arange(513) * FS / 1024
    for frame in (3, 20, 40):
        power = np.abs(np.fft.rfft(padded[frame * 256 : frame * 256 + 1024] * window)) ** 2
        for band, (low, high) in enumerate(zip(DEFAULT_EDGES, DEFAULT_EDGES[1:])):
            inside = (low <= frequency) & (frequency < high)
            want = (power * np.cos(2 * np.pi * frequency / F0))[inside].sum() / power[inside].sum()
            assert got[frame, band] == pytest.approx(want, abs=1e-4)


def test_harmonics_are_periodic_and_noise_is_not():
    loss = PeriodicityLoss(FS)
    tone, hiss = (loss.periodicity(wav, f0_of(wav))[0, 4:-4] for wav in (harmonics(), noise(0)))
    # Not quite one: a window of 1024 samples overlaps itself shifted by 200.
    assert tone[:, 1:].min() > 0.6
    assert hiss.mean(dim=0).abs().max() < 0.25


def test_the_loss_falls_from_both_sides_towards_what_the_recording_has():
    """Of mixtures of harmonics and noise, the one like the recording's is nearest."""
    loss, wav = PeriodicityLoss(FS), harmonics() + noise(0, 0.05)

    at = {level: loss(harmonics(0.3) + noise(1, level), wav, f0_of(wav)).item() for level in (0.01, 0.05, 0.25)}
    assert at[0.05] < 0.8 * at[0.01] and at[0.05] < 0.8 * at[0.25], at


def test_balance_weighs_what_all_frames_have_in_common():
    wav, f0 = torch.cat([harmonics(), noise(0)]), f0_of(torch.zeros(2, 1, 16384))
    swapped, buzz = wav.flip(0), torch.cat([harmonics(0.3), harmonics(0.2)])
    plain, balanced = PeriodicityLoss(FS), PeriodicityLoss(FS, balance=1.0)
    # As much too noisy in one half as too harmonic in the other: nothing in the mean.
    assert balanced(swapped, wav, f0) == pytest.approx(plain(swapped, wav, f0).item(), rel=0.1)
    assert balanced(buzz, wav, f0) > 1.8 * plain(buzz, wav, f0)


def test_highest_is_how_far_a_window_is_like_itself_a_period_later():
    loss, window = PeriodicityLoss(FS), 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1024) / 1024)
    for lag in (40, 200, 441, 735):
        want = (window[lag:] * window[:-lag]).sum() / (window**2).sum()
        assert loss.highest(torch.tensor(FS / lag)).item() == pytest.approx(want, abs=1e-5)
    assert loss.highest(torch.tensor(20.0)) == pytest.approx(0.0, abs=1e-6)  # its period is longer than a window


def test_low_bands_count_only_where_the_recording_is_sure():
    """Noise and a voice count as before; a voice whose F0 is a little wrong seems neither, and does not."""
    edges = [500, 1000]
    plain, sure = PeriodicityLoss(FS, edges), PeriodicityLoss(FS, edges, doubted_below=2000)
    made, voice, hiss = harmonics(0.3) + noise(1, 0.05), harmonics(), noise(0)
    for f0 in (F0, 0.5 * F0):
        at = f0_of(made, f0)
        assert sure(made, voice, at) == pytest.approx(plain(made, voice, at).item(), rel=0.05)  # one at the edge
    assert sure(made, hiss, f0_of(made)) == pytest.approx(plain(made, hiss, f0_of(made)).item(), rel=0.25)
    wrong = f0_of(made, 1.05 * F0)  # of the third and fourth harmonic it makes something half periodic
    inside = torch.zeros_like(voice)
    inside[..., 2048:-2048] = 1.0
    assert plain(voice + inside * hiss, voice, wrong) > 0.05 > 10 * sure(voice + inside * hiss, voice, wrong)
    # Noise beside a voice may be a voice whose F0 is wrong: it counts where there is none.
    late = torch.cat([voice[..., :8192], hiss[..., 8192:]], dim=-1)
    assert plain(voice, late, f0_of(late)) > 0.3 > 10 * sure(voice, late, f0_of(late))
    with pytest.raises(UserError, match="sure is"):
        PeriodicityLoss(FS, sure=(0.8, 0.3))


def test_silence_and_half_precision():
    loss = PeriodicityLoss(FS)
    wav = torch.zeros(1, 1, 4096)
    made = torch.zeros(1, 1, 4096).requires_grad_()
    value = loss(made, wav, torch.full((1, 1, 16), 200.0))
    value.backward()
    assert value.isfinite() and made.grad.isfinite().all()
    assert loss(wav.half(), wav.half(), torch.full((1, 1, 16), 200.0)).dtype == torch.float32
