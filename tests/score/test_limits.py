"""Recordings without treble, and what a copy puts there."""

import numpy as np
import pytest

from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.score.robustness.limits import band_limited, level_above

SPEC = FeatureSpec()
TIME = np.arange(2 * SPEC.fs) / SPEC.fs


def test_nothing_but_rounding_is_left_above_a_limit():
    wav = 0.1 * np.random.default_rng(0).standard_normal(len(TIME))
    limited = band_limited(wav, SPEC.fs, 8000)
    power = np.abs(np.fft.rfft(limited)) ** 2
    above = np.fft.rfftfreq(len(wav), 1 / SPEC.fs) > 8000
    # White noise of a twelfth of the step squared, over its share of the band.
    rounding = 2.0**-30 / 12 * len(wav)
    assert power[above].mean() == pytest.approx(rounding, rel=0.05)
    assert np.abs(limited * 2**15 - np.round(limited * 2**15)).max() == 0


def test_level_above_is_that_of_the_loudest_frame():
    reference = 0.5 * np.sin(2 * np.pi * 1000 * TIME) * np.hanning(len(TIME)).clip(max=0.5) * 2
    burst = 0.05 * np.sin(2 * np.pi * 15000 * TIME) * (np.abs(TIME - 1) < 0.1)
    assert level_above(reference, reference + burst, 12000, SPEC) == pytest.approx(-20, abs=0.1)
    assert level_above(reference, reference + burst, 16000, SPEC) < -50
    assert level_above(reference, reference, 12000, SPEC) < -100
    assert np.isfinite(level_above(np.zeros(100), np.zeros(100), 12000, SPEC))
