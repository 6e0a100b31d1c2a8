"""Signals whose pitch and level are known."""

import numpy as np

from espnet2_nhv.feature.spec import FeatureSpec

SPEC = FeatureSpec()
FS = SPEC.fs


def noise(seconds=1.0, seed=0, level=0.1):
    return level * np.random.default_rng(seed).standard_normal(int(seconds * FS))


def voice(f0, seconds=1.2, seed=0):
    """Harmonics falling by 1 / k in faint noise: a sung vowel, near enough for a pitch analyser."""
    time = np.arange(int(seconds * FS)) / FS
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(f0, time.shape)) / FS
    harmonics = range(1, int(10000 / np.max(f0)) + 1)
    return 0.1 * sum(np.cos(k * phase) / k for k in harmonics) + noise(seconds, seed, level=1e-4)


def clock(seconds):
    """The time of each sample, s."""
    return np.arange(int(seconds * FS)) / FS


def note(seconds=6.0, f0=207.3, noise=0.0, harmonics=30):
    """Harmonics falling by 1 / k, the first of amplitude 0.1; `f0` may be an array of one value a sample."""
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(f0, clock(seconds).shape)) / FS
    wav = 0.1 * sum(np.cos(k * phase) / k for k in range(1, harmonics + 1))
    return wav + noise * np.random.default_rng(0).standard_normal(len(wav))
