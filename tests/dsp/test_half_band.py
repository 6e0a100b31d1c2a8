"""Twice and half the rate: against the textbook's zeros and convolution, and on sines."""

import math

import numpy as np
import pytest
import torch

from espnet2_nhv.dsp.half_band import double_rate, half_band_filter, halve_rate


def test_rates_are_those_of_zeros_between_samples_and_of_every_other_sample():
    torch.manual_seed(0)
    x = torch.randn(2, 3, 40, dtype=torch.float64)
    taps = half_band_filter().double()
    made, back = double_rate(x, taps), halve_rate(x, taps)
    for signal, doubled, halved in zip(x.reshape(-1, 40), made.reshape(-1, 80), back.reshape(-1, 20)):
        held = np.pad(signal.numpy(), 8, mode="edge")
        spread = np.zeros(2 * len(held))
        spread[::2] = held
        # Sample n is at 2 n + 16 there, and half the filter's 11 samples are its delay.
        np.testing.assert_allclose(doubled, 2 * np.convolve(spread, taps)[21:101], atol=1e-12)
        np.testing.assert_allclose(halved, np.convolve(held, taps)[8 + 6 : 8 + 6 + 40 : 2], atol=1e-12)


@pytest.mark.parametrize("frequency, error", [(0.01, 1e-3), (0.1, 1e-2), (0.2, 1e-2)])
def test_a_sine_stays_a_sine(frequency, error):
    """In place, too: what is halved again lies where it was."""
    n = torch.arange(400, dtype=torch.float64)
    sine = torch.sin(2 * math.pi * frequency * n)[None, None]
    between = torch.sin(2 * math.pi * frequency * (torch.arange(800, dtype=torch.float64) - 0.5) / 2)
    taps = half_band_filter().double()
    made = double_rate(sine, taps)
    assert (made[0, 0] - between)[20:-20].abs().max() < error
    assert (halve_rate(made, taps) - sine)[..., 20:-20].abs().max() < error


def test_periodic_activation_aliases_less():
    """A sine at 0.19 of the rate: its fourth harmonic would come back at 0.24, where there is nothing."""
    from espnet2_nhv.vocoder.bigvgan import PeriodicActivation

    n, size = torch.arange(1024), 1024
    k = round(0.19 * size)
    x = 1.5 * torch.sin(2 * math.pi * k / size * n)[None, None]
    window = torch.hann_window(size)
    with torch.no_grad():
        made = PeriodicActivation(1)(x)
    naive = x + torch.sin(x).square()
    alias = size - 4 * k
    level = [float(torch.fft.rfft(window * wav[0, 0])[alias].abs()) for wav in (made, naive)]
    assert level[0] < 0.1 * level[1]
