"""Cepstra and overlap-add against what numpy computes from the definitions in float64."""

import numpy as np
import pytest
import scipy.signal
import torch

from espnet2_nhv.dsp.cepstrum import cosine_matrix, phased_response, zero_phase_response
from espnet2_nhv.dsp.direct import block_filter, impulse_response, sum_of_cosines
from espnet2_nhv.dsp.overlap_add import excitation_spectra, overlap_add, synthesis_window
from espnet2_nhv.errors import UserError

N_FFT = 1024
RNG = np.random.default_rng(0)


def random_cepstrum(quefrencies):
    return RNG.normal(size=(3, len(quefrencies))) / np.maximum(1, np.abs(quefrencies))


def z_transform(cepstrum, quefrencies):
    """``exp(sum_n c[n] z^-n)`` at the bins, term by term."""
    angle = 2 * np.pi * np.outer(quefrencies, np.arange(N_FFT // 2 + 1)) / N_FFT
    return np.exp(cepstrum @ np.exp(-1j * angle))


@pytest.mark.parametrize("n_anticausal", [0, 64])
def test_response_is_the_exponential_of_the_cepstrums_z_transform(n_anticausal):
    quefrencies = np.arange(-n_anticausal, 223)
    cepstrum = random_cepstrum(quefrencies)
    response = phased_response(torch.tensor(cepstrum).float(), N_FFT, n_anticausal)
    expected = z_transform(cepstrum, quefrencies)
    assert np.abs(response.numpy() - expected).max() < 1e-4 * np.abs(expected).max()


def test_without_negative_quefrencies_the_filter_is_minimum_phase():
    """All-pole filter with known cepstrum: the response is that filter's, whose poles lie inside the circle."""
    poles = np.array([0.95 * np.exp(0.3j), 0.95 * np.exp(-0.3j), 0.8])
    n = np.arange(1, 400)
    cepstrum = np.concatenate([[0.0], (poles[:, None] ** n).sum(axis=0).real / n])
    response = phased_response(torch.tensor(cepstrum)[None].float(), N_FFT)[0].numpy()
    _, expected = scipy.signal.freqz([1.0], np.poly(poles).real, worN=N_FFT // 2 + 1, include_nyquist=True)
    assert np.abs(response - expected).max() < 1e-4 * np.abs(expected).max()


def test_zero_phase_response_has_the_magnitude_of_the_minimum_phase_one():
    quefrencies = np.arange(81)
    cepstrum = random_cepstrum(quefrencies)
    response = zero_phase_response(torch.tensor(cepstrum).float(), cosine_matrix(80, N_FFT))
    assert np.allclose(response.numpy(), np.abs(z_transform(cepstrum, quefrencies)), rtol=1e-4)


def test_log_magnitude_is_bounded():
    cepstrum = torch.tensor([[1000.0, 0.0], [-1000.0, 0.0]])
    for response in (
        phased_response(cepstrum, N_FFT).abs(),
        zero_phase_response(cepstrum, cosine_matrix(1, N_FFT)),
    ):
        assert torch.allclose(response[0], torch.tensor(np.exp(5.0)).float())
        assert torch.allclose(response[1], torch.tensor(np.exp(-14.0)).float())


@pytest.mark.parametrize("name", ["hann", "rectangular"])
@pytest.mark.parametrize("hop", [256, 300])
def test_windows_add_up_to_one(name, hop):
    window = synthesis_window(name, hop).numpy()
    assert np.allclose(window[:hop] + window[hop:], 1.0, atol=1e-6)


def test_unknown_window_is_refused():
    with pytest.raises(UserError, match="hann, rectangular"):
        synthesis_window("kaiser", 256)


@pytest.mark.parametrize("name", ["hann", "rectangular"])
def test_constant_filter_is_a_convolution(name):
    """With one and the same filter in all frames the whole is linear filtering, whatever the window."""
    hop, lead, n_frames = 64, 32, 40
    window = synthesis_window(name, hop)
    excitation = np.concatenate([np.zeros(hop), RNG.normal(size=n_frames * hop)])
    taps = RNG.normal(size=2 * 20 + 1)  # times -20..20
    response = np.fft.rfft(np.roll(np.pad(taps, (0, 256 - len(taps))), -20))
    spectra = excitation_spectra(torch.tensor(excitation)[None].float(), window, lead, 256)
    frames = torch.fft.irfft(spectra * torch.tensor(response).to(torch.complex64), n=256)
    signal = overlap_add(frames, hop)[0].numpy()[hop + lead :]
    expected = np.convolve(excitation[hop:], taps)[20:]
    n = (n_frames - 1) * hop - 20  # the last frame's second half lacks its neighbour
    assert np.abs(signal[:n] - expected[:n]).max() < 1e-4


def test_overlap_add_by_hand():
    frames = torch.arange(24.0).reshape(1, 3, 8)
    signal = np.zeros(12)
    for i in range(3):
        signal[2 * i : 2 * i + 8] += frames[0, i].numpy()
    assert np.array_equal(overlap_add(frames, 2)[0].numpy(), signal)


def test_direct_block_filter_by_hand():
    hop, n_taps, n_blocks = 8, 16, 4
    excitation, responses = RNG.normal(size=(1, n_blocks * hop)), RNG.normal(size=(1, n_blocks, n_taps))
    expected = np.zeros(n_blocks * hop + n_taps)
    for i in range(n_blocks):
        part = np.convolve(excitation[0, i * hop : (i + 1) * hop], responses[0, i])
        expected[i * hop : i * hop + len(part)] += part
    signal = block_filter(torch.tensor(excitation), torch.tensor(responses))[0].numpy()
    assert np.allclose(signal, expected[n_taps // 2 : n_taps // 2 + n_blocks * hop])


def test_direct_impulse_response_by_hand():
    quefrencies = np.array([0, 1, 2, 3, -4, -3, -2, -1])
    ccep = RNG.normal(size=8) / np.maximum(1, np.abs(quefrencies))
    bins = np.arange(64)
    spectrum = np.exp(np.exp(-2j * np.pi * np.outer(bins, quefrencies) / 64) @ ccep)
    expected = (np.exp(2j * np.pi * np.outer(bins, bins) / 64) @ spectrum).real / 64
    assert np.allclose(impulse_response(torch.tensor(ccep), 64).numpy(), expected)


def test_direct_cosines_by_hand():
    f0 = np.full(100, 9000.0)
    phase = 2 * np.pi * np.cumsum(f0 / 44100)
    expected = np.cos(phase) + np.cos(2 * phase)  # the third would lie above the Nyquist frequency
    assert np.allclose(sum_of_cosines(torch.tensor(f0)[None], 44100, 200)[0].numpy(), expected)
