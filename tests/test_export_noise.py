"""Noise that depends on seed and place alone: against NumPy's 32-bit arithmetic, and as noise."""

import numpy as np
import pytest
import torch
from scipy import stats

from espnet2_nhv.export.noise import white_noise


def oracle(seed, row, frame, n_frames, hop_length):
    """The same in unsigned 32-bit integers that wrap, and float64."""

    def hash32(x):
        x = x.astype(np.uint32)
        x ^= x >> np.uint32(16)
        x *= np.uint32(0x21F0AAAD)
        x ^= x >> np.uint32(15)
        x *= np.uint32(0x735A2D97)
        return x ^ (x >> np.uint32(15))

    half = -(-hop_length // 2)
    key = hash32(np.array([(seed + row * 0x1E3779B9) % 2**32], np.uint32))
    counter = ((np.arange(n_frames)[:, None] + frame) * half + np.arange(half)) % 2**32
    bits = hash32(counter.astype(np.uint32) ^ key)
    radius = np.sqrt(-2 * np.log(((bits >> np.uint32(16)) + 0.5) / 65536))
    angle = (bits & np.uint32(65535)) * (2 * np.pi / 65536)
    return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)], axis=1)[:, :hop_length].ravel()


@pytest.mark.parametrize("hop_length", [256, 441])
@pytest.mark.parametrize("seed, frame", [(0, 0), (7, 12345), (2**40 + 3, 3 * 10**8)])
def test_is_the_formula(hop_length, seed, frame):
    got = white_noise(torch.tensor(seed), 2, torch.tensor(frame), 3, hop_length)
    for row in range(2):
        np.testing.assert_allclose(got[row], oracle(seed, row, frame, 3, hop_length), atol=2e-5)


def test_is_white_and_normal():
    noise = white_noise(torch.tensor(1), 2, torch.tensor(0), 2000, 256).numpy().astype(np.float64)
    n = noise.shape[1]
    assert abs(noise.mean()) < 5 / np.sqrt(2 * n) and abs(noise.var() - 1) < 5 * np.sqrt(2 / (2 * n))
    # At this many samples the test sees what no ear would: 65536 radii.
    assert stats.kstest(noise[0, ::16], "norm").pvalue > 1e-3
    spectrum = np.abs(np.fft.rfft(noise)) ** 2 / n
    bands = spectrum[:, 1:].reshape(2, -1)[:, : n // 2 // 64 * 64].reshape(2, 64, -1).mean(axis=2)
    assert np.abs(bands - 1).max() < 0.08  # 4000 bins each, standard deviation 0.016
    autocorrelation = np.fft.irfft(np.abs(np.fft.rfft(noise[0], 2 * n)) ** 2)[1:n] / n
    assert np.abs(autocorrelation).max() < 7 / np.sqrt(n)
    assert abs(np.mean(noise[0] * noise[1])) < 5 / np.sqrt(n)


def test_seeds_and_chunks():
    whole = white_noise(torch.tensor(5), 1, torch.tensor(0), 10, 256)
    later = white_noise(torch.tensor(5), 1, torch.tensor(4), 6, 256)
    assert torch.equal(whole[:, 4 * 256 :], later)
    other = white_noise(torch.tensor(6), 1, torch.tensor(0), 10, 256)
    assert abs((whole * other).mean().item()) < 0.1
