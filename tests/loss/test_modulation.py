"""The loss that hears how a band comes and goes within a period, on signals of which that is known."""

import numpy as np
import pytest
import torch

from espnet2_nhv.loss.modulation import DEFAULT_EDGES, ModulationLoss

FS, F0 = 44100, 147.0  # a period of 300 samples


def noise(seed, swell=0.0, phase=0.0, n=16384):
    """White noise whose amplitude swells with the period."""
    white = np.random.default_rng(seed).standard_normal(n)
    return tensor(0.05 * white * (1 + swell * np.cos(2 * np.pi * (F0 * np.arange(n) / FS + phase))))


def pulses(late=0, n=16384):
    wav = np.zeros(n)
    wav[late % 300 :: 300] = 1.0
    return tensor(wav)


def tensor(wav):
    return torch.from_numpy(np.asarray(wav)).float()[None, None]


def f0_of(wav):
    return torch.full((len(wav), 1, wav.shape[-1] // 256), F0)


def test_depth_is_its_formula():
    loss, wav = ModulationLoss(FS), noise(0, 0.8)
    got = loss.depth(wav, f0_of(wav))[0].double().numpy()
    padded = np.pad(wav[0, 0].double().numpy(), 64)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(128) / 128)
    spectra = [np.abs(np.fft.rfft(padded[32 * i : 32 * i + 128] * window)) ** 2 for i in range(513)]
    frequency, time = np.arange(65) * FS / 128, np.arange(513) * 32 / FS
    weights = np.hanning(64)
    for band, (low, high) in enumerate(zip(DEFAULT_EDGES, DEFAULT_EDGES[1:])):
        envelope = np.array(spectra)[:, (low <= frequency) & (frequency < high)].sum(axis=1)
        for first in (0, 5, 28):
            inside = slice(16 * first, 16 * first + 64)
            weighted = weights * envelope[inside]
            for k in (1, 2):
                want = 2 * abs((weighted * np.exp(-2j * np.pi * k * F0 * time[inside])).sum()) / weighted.sum()
                assert got[k - 1, first, band] == pytest.approx(want, abs=1e-4)


def test_pulses_are_deep_and_an_even_flow_is_not():
    loss = ModulationLoss(FS)
    deep, even, swelling = (loss.depth(x, f0_of(x))[0, 0].mean() for x in (pulses(), noise(0), noise(0, 0.8)))
    assert even < 0.5 < 0.9 < swelling < deep


def test_it_falls_towards_what_the_recording_has_wherever_the_period_begins():
    loss, wav = ModulationLoss(FS), noise(0, 0.6)
    at = {swell: loss(noise(1, swell, phase=0.4), wav, f0_of(wav)).item() for swell in (0.0, 0.6)}
    buzz = loss(pulses(), wav, f0_of(wav)).item()
    assert at[0.6] < 0.8 * at[0.0] and at[0.6] < 0.5 * buzz
    assert loss(pulses(170), pulses(), f0_of(wav)) == pytest.approx(0.0, abs=0.05)


def test_bands_that_come_one_after_the_other_are_not_bands_that_come_at_once():
    """A pulse through an all-pass filter: the magnitudes of its harmonics are the same, and so is each band's depth."""
    loss = ModulationLoss(FS)
    frequency = np.fft.rfftfreq(16384, 1 / FS)
    late = np.exp(-1j * np.pi * 0.0045 * frequency**2 / frequency[-1])  # up to 4.5 ms at the top
    spread = tensor(np.fft.irfft(np.fft.rfft(pulses()[0, 0].numpy()) * late))
    f0 = f0_of(spread)
    depths = [loss.depth(x, f0)[0, 0].mean() for x in (spread, pulses())]
    assert depths[0] > 0.75 * depths[1]
    assert loss(spread, pulses(), f0) > 1.0


def test_silence_and_half_precision():
    loss = ModulationLoss(FS)
    wav, made = torch.zeros(1, 1, 4096), torch.zeros(1, 1, 4096).requires_grad_()
    value = loss(made, wav, torch.full((1, 1, 16), 200.0))
    value.backward()
    assert value.isfinite() and made.grad.isfinite().all()
    assert loss(wav.half(), wav.half(), torch.full((1, 1, 16), 200.0)).dtype == torch.float32
