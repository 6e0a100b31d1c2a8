"""The noise of NHV: as noise, and as even as it says, measured with SciPy and librosa."""

import librosa
import numpy as np
import pytest
import torch
from scipy import signal, stats

from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.vocoder.nhv.flat_noise import N_SAMPLES, cut, flat_noise, start_of

SPECS = [FeatureSpec(), FeatureSpec(fs=24000, hop_length=300, win_length=1200, n_mels=80, fmin=80, fmax=7600)]


def band_levels(noise, spec):
    """Level of every mel band in every frame, dB, of noise that is read in a circle."""
    window = signal.get_window("hann", spec.win_length)
    around = np.concatenate([noise, noise[: 4 * spec.n_fft]])
    frames = librosa.util.frame(around, frame_length=spec.win_length, hop_length=spec.hop_length)
    power = np.abs(np.fft.rfft(frames * window[:, None], n=spec.n_fft, axis=0)) ** 2 / np.sum(window**2)
    bands = librosa.filters.mel(
        sr=spec.fs, n_fft=spec.n_fft, n_mels=spec.n_mels, fmin=spec.fmin, fmax=spec.fmax, norm=None
    )
    return 10 * np.log10(bands @ power / bands.sum(axis=1, keepdims=True))


@pytest.mark.parametrize("spec", SPECS)
def test_level_of_every_band_hardly_wavers(spec):
    noise = flat_noise(spec).numpy().astype(np.float64)
    other = np.random.default_rng(0).standard_normal(N_SAMPLES)
    wavering, usual = band_levels(noise, spec).std(axis=1), band_levels(other, spec).std(axis=1)
    # Where bands are wider than a bin or two there is something to even out.
    wide = slice(spec.n_mels // 2, None)
    assert np.median(wavering[wide] / usual[wide]) < 0.4
    assert (wavering < usual).all()
    # The circle has no seam: the last frames reach over it.
    seam = np.abs(band_levels(noise, spec)[wide, -(spec.win_length // spec.hop_length) :])
    assert np.median(seam) < 0.4 * np.median(np.abs(band_levels(other, spec)[wide]))


@pytest.mark.parametrize("spec", SPECS)
def test_is_white_and_gaussian(spec):
    noise = flat_noise(spec).numpy().astype(np.float64)
    assert noise.shape == (N_SAMPLES,) and noise.std() == pytest.approx(1, abs=1e-3) and abs(noise.mean()) < 0.01
    assert stats.kstest(noise[::64], "norm").pvalue > 1e-3
    density = 10 * np.log10(signal.welch(noise, fs=1.0, nperseg=512)[1][2:-2] / 2)
    assert np.abs(density).max() < 0.6
    # Nothing repeats before it is at its end.
    spectrum = np.abs(np.fft.rfft(noise)) ** 2
    repetition = np.fft.irfft(spectrum)[spec.win_length : N_SAMPLES // 2] / N_SAMPLES
    assert np.abs(repetition).max() < 8 / np.sqrt(N_SAMPLES)


def test_is_the_same_each_time_and_of_use_in_training():
    flat_noise.cache_clear()
    with torch.inference_mode():
        first = flat_noise(SPECS[0])
    assert flat_noise(SPECS[0]) is first
    flat_noise.cache_clear()
    torch.manual_seed(5)
    assert torch.equal(flat_noise(SPECS[0]), first)
    weight = torch.ones(1, requires_grad=True)
    (weight * first).square().sum().backward()
    assert weight.grad.item() > 0


@pytest.mark.filterwarnings("ignore:Empty filters")
@pytest.mark.parametrize(
    "spec",
    [
        FeatureSpec(win_length=512, hop_length=512, n_fft=512, n_mels=40),  # frames side by side
        FeatureSpec(win_length=512, n_fft=512, n_mels=128),  # bands without a bin
    ],
)
def test_specs_that_are_coarse(spec):
    noise = flat_noise(spec).numpy().astype(np.float64)
    density = 10 * np.log10(signal.welch(noise, fs=1.0, nperseg=512)[1][2:-2] / 2)
    assert np.abs(density).max() < 1.0


def test_is_read_in_a_circle():
    noise = torch.arange(float(N_SAMPLES))
    got = cut(noise, torch.tensor([3, N_SAMPLES - 2]), 4)
    assert got.tolist() == [[3, 4, 5, 6], [N_SAMPLES - 2, N_SAMPLES - 1, 0, 1]]


@pytest.mark.parametrize("seed", [-1, 0, 1, 12345, 2**31 - 1, 2**40])
def test_seeds_and_rows_begin_apart(seed):
    got = start_of(torch.tensor(seed), 3).tolist()
    assert got == [(seed % N_SAMPLES * 0x9E3779B1 + row * 0x789A2829) % N_SAMPLES for row in range(3)]
    near = torch.cat([start_of(torch.tensor(seed + k), 4) for k in range(8)]).sort()[0]
    assert torch.cat([near, near[:1] + N_SAMPLES]).diff().min() > 500
