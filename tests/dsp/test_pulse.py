"""The pulse train against float64 sums of cosines, and the figures a singer's range asks for."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from espnet2_nhv.dsp.pulse import pulse_train, sample_phase

FS, HOP = 44100, 256


def make(f0_frames, start=0.0):
    """Pulses, phase and F0 of the samples for F0 at the frames."""
    f0 = torch.as_tensor(f0_frames, dtype=torch.float32)[None]
    phase, f0_samples, end = sample_phase(f0, HOP, FS, torch.tensor([start], dtype=torch.float64))
    return pulse_train(phase, f0_samples, FS)[0].double().numpy(), phase[0].numpy(), f0_samples[0].numpy(), end


def direct_sum(f0_frames, start=0.0):
    """The same from the definition: integrated F0 in float64, one cosine after the other."""
    frames = np.asarray(f0_frames, dtype=np.float32).astype(np.float64)
    position = np.arange((len(frames) - 1) * HOP) / HOP
    f0 = np.interp(position, np.arange(len(frames)), frames)
    knots = np.concatenate([[0], np.cumsum((frames[1:] + frames[:-1]) / 2 * HOP / FS)])
    i = position.astype(int)
    u = (position - i) * HOP
    phase = start + knots[i] + (frames[i] * u + (frames[i + 1] - frames[i]) * u**2 / (2 * HOP)) / FS
    nyquist = FS / 2
    total = np.zeros_like(f0)
    for k in range(1, int(nyquist / f0.min()) + 1):
        room = nyquist - k * f0  # what lies between this harmonic and the Nyquist frequency
        is_top = (room >= 0) & (room < f0)
        level = np.where(is_top, np.clip(room / np.minimum(f0, 0.02 * nyquist), 0, 1), room >= 0)
        total += level * np.cos(2 * np.pi * k * phase)
    return np.sqrt(4 * f0 / FS) * total, phase


@pytest.mark.parametrize("f0", [50.0, 80.0, 110.0, 440.0, 1200.0])
def test_equals_sum_of_cosines(f0):
    pulses, *_ = make([f0] * 60)
    expected, _ = direct_sum([f0] * 60)
    assert np.abs(pulses - expected).max() < 2e-4 * np.abs(expected).max()


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(40.0, 1500.0, width=32), min_size=2, max_size=12),
    st.floats(-0.5, 0.5),
)
def test_equals_sum_of_cosines_on_any_curve(f0, start):
    pulses, *_ = make(f0, start)
    expected, _ = direct_sum(f0, start)
    assert np.isfinite(pulses).all()
    # Where two float roundings of F0 disagree on the number of harmonics, the level of the top one is near zero.
    assert np.abs(pulses - expected).max() < 1e-3 * np.abs(expected).max()


@pytest.mark.parametrize("f0", [50.0, 80.0, 110.0, 1200.0])
def test_harmonics_reach_the_nyquist_frequency_and_nothing_else_is_there(f0):
    """A constant note, over a whole number of periods: every line of the spectrum is a harmonic or nearly nothing."""
    n = FS  # one second: every integer F0 falls on a bin
    pulses, *_ = make([f0] * (n // HOP + 2))
    level = np.abs(np.fft.rfft(pulses[:n])) / (n / 2)
    harmonics = np.arange(f0, 0.98 * FS / 2 + 1e-6, f0).astype(int)
    assert level[harmonics].min() > 0.99 * level[harmonics].max()
    off = np.delete(level[: int(0.98 * FS / 2)], harmonics[harmonics < int(0.98 * FS / 2)])
    assert 20 * np.log10(off.max() / level[harmonics].max()) < -60
    above = level[int(0.98 * FS / 2) + 1 :]
    allowed = np.arange(int(0.98 * FS / 2) + 1, n // 2 + 1) % int(f0) == 0
    assert 20 * np.log10(above[~allowed].max() / level[harmonics].max()) < -60


@pytest.mark.parametrize("f0", [50.0, 80.0, 110.0, 1200.0])
def test_vibrato_leaves_nothing_between_the_harmonics(f0):
    """With time warped back to constant pitch, vibrato (6 Hz, 100 cents) has only harmonics again.

    Looked at below the lowest frequency at which harmonics come and go at the Nyquist frequency.
    """
    n_frames = 2 * FS // HOP
    curve = f0 * 2 ** (np.sin(2 * np.pi * 6 * np.arange(n_frames + 1) * HOP / FS) / 12)
    pulses, _, f0_samples, _ = make(curve)
    _, phase = direct_sum(curve)
    top = int(FS / 2 / (f0 * 2 ** (1 / 12)) * 0.98)
    # Projected onto exponentials of the phase; cycles, unlike seconds, are even in it, hence the weight.
    window = np.hanning(len(phase)) * f0_samples / f0_samples.mean()

    def amplitude(k):
        return np.abs(np.sum(window * pulses / np.sqrt(f0_samples) * np.exp(-2j * np.pi * k * phase)))

    reference = amplitude(1)
    for k in np.unique(np.linspace(1, top - 1, 12).astype(int)):
        assert 20 * np.log10(amplitude(k) / reference) == pytest.approx(0, abs=0.1)
        assert 20 * np.log10(amplitude(k + 0.5) / reference) < -50
        assert 20 * np.log10(amplitude(k + 0.25) / reference) < -50


@pytest.mark.parametrize("f0", [50.0, 97.3, 220.0, 880.0, 1200.0])
def test_power_does_not_depend_on_pitch(f0):
    pulses, *_ = make([f0] * 200)
    assert 10 * np.log10(np.mean(pulses**2)) == pytest.approx(0, abs=0.3)


def test_ten_minutes_of_one_note_stay_exact():
    """440 Hz for ten minutes: phase within 0.01 rad, frequency within 0.01 cent of exact."""
    seconds, start = 600, torch.zeros(1, dtype=torch.float64)
    n_frames = seconds * FS // HOP
    phase_of_frames = []
    for _ in range(0, n_frames, 1000):
        phase, _, start = sample_phase(torch.full((1, 1001), 440.0), HOP, FS, start)
        phase_of_frames.append(phase[0, ::HOP])
    phase = torch.cat(phase_of_frames).numpy()
    exact = np.arange(len(phase), dtype=np.int64) * HOP * 440 % FS / FS  # integer arithmetic does not drift
    error = (phase - exact + 0.5) % 1 - 0.5
    assert np.abs(error).max() * 2 * np.pi < 0.01
    slope = (error[-1] - error[0]) / (seconds * 440)
    assert abs(1200 * np.log2(1 + slope)) < 0.01


def test_phase_can_be_carried_on():
    f0 = torch.linspace(200, 400, 41, dtype=torch.float64)[None]
    start = torch.zeros(1, dtype=torch.float64)
    whole, _, end = sample_phase(f0, HOP, FS, start)
    first, _, middle = sample_phase(f0[:, :18], HOP, FS, start)
    second, _, end_of_second = sample_phase(f0[:, 17:], HOP, FS, middle)
    difference = torch.cat([first, second], dim=1) - whole
    assert (difference - difference.round()).abs().max() < 1e-12
    assert (end - end_of_second).abs() < 1e-12


def test_gradient_reaches_f0():
    f0 = torch.tensor([[200.0, 210.0, 190.0]], dtype=torch.float64, requires_grad=True)

    def phase_of(f0):
        return sample_phase(f0, 8, FS, torch.zeros(1, dtype=torch.float64))[0]

    assert torch.autograd.gradcheck(phase_of, f0)
