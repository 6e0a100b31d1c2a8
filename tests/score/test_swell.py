"""How deep a band is modulated within a period, on signals of which that is known."""

import numpy as np
import pytest
from signals import FS, SPEC, noise

from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.score.swell import BANDS, depths, swelling

SECONDS = 1.5


def known(f0):
    n_frames = int(SECONDS * FS) // SPEC.hop_length
    return np.full(n_frames, float(f0)), np.ones(n_frames)


def puffs(seed, depth, f0=120.0):
    """White noise, the power of which is modulated so deep."""
    time = np.arange(int(SECONDS * FS)) / FS
    return noise(SECONDS, seed, 0.1) * np.sqrt(1 + depth * np.cos(2 * np.pi * f0 * time))


@pytest.mark.parametrize("depth", [0.5, 0.9])
def test_the_depth_of_noise_that_comes_in_puffs(depth):
    f0, _ = known(120.0)
    found = depths(puffs(0, depth), f0, np.arange(20, 230), SPEC).mean(axis=0)
    # The window of the envelope, 3 ms of a period of 8, smooths it: a Hann window's spectrum at 120 Hz.
    window = np.hanning(133)[:-1] ** 2
    smooth = abs((window * np.exp(2j * np.pi * 120.0 * np.arange(132) / FS)).sum()) / window.sum()
    assert found == pytest.approx(depth * smooth, abs=0.06)


def test_too_even_is_below_and_too_peaky_above():
    analysis = known(120.0)
    wav, even = puffs(1, 0.6), puffs(2, 0.0)
    pulses = np.zeros(len(wav))
    pulses[:: round(FS / 120.0)] = 1.0
    pulses += 1e-3 * even
    low, same, high = (swelling(wav, x, SPEC, analysis) for x in (even, puffs(3, 0.6), pulses))
    assert set(low) == set(same) == set(high) == set(BANDS)
    for band in BANDS:
        assert low[band] < -0.2 and abs(same[band]) < 0.06 and high[band] > 0.8


def test_only_voiced_frames_and_bands_that_there_are():
    f0, vuv = known(120.0)
    wav = puffs(4, 0.6)
    assert set(swelling(wav, wav, SPEC, (f0, 0 * vuv)).values()) == {None}
    spec = FeatureSpec(fs=24000, hop_length=300, n_fft=2048, win_length=1200, n_mels=80, fmin=80, fmax=7600)
    analysis = np.full(100, 120.0), np.ones(100)
    scores = swelling(wav[:30000], wav[:30000], spec, analysis)
    assert scores["swell_12_16"] is None and scores["swell_2_4"] == scores["swell_8_12"] == 0.0
