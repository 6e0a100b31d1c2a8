"""Fourier transforms by small products, against NumPy's in float64."""

import numpy as np
import pytest
import torch

from espnet2_nhv.export.fourier import RealFourierTransform


@pytest.mark.parametrize("hop_length, n_hops, delay", [(256, 4, 128), (512, 4, 256), (300, 4, 150), (441, 3, 220)])
def test_forward_is_numpys(hop_length, n_hops, delay):
    n_fft, size = n_hops * hop_length, 2 * hop_length
    transform = RealFourierTransform(n_fft, hop_length, size, delay)
    frames = np.random.default_rng(0).standard_normal((5, size))
    columns = transform.n_columns
    given = torch.from_numpy(frames.reshape(5, -1, columns).transpose(1, 0, 2)).float().contiguous()
    real, imag = transform(given)
    expected = np.fft.fft(frames, n=n_fft)
    for part, oracle in ((real, expected.real), (imag, expected.imag)):
        got = part.numpy().transpose(1, 0, 2)
        np.testing.assert_allclose(got, oracle[:, transform.bins.numpy()], atol=1e-4)
    assert set(range(n_fft // 2 + 1)) <= set(transform.bins.flatten().tolist()) | {
        n_fft - k for k in transform.bins.flatten().tolist()
    }


@pytest.mark.parametrize("hop_length, n_hops, delay", [(256, 4, 128), (300, 4, 150), (441, 3, 220)])
def test_inverse_is_numpys_delayed(hop_length, n_hops, delay):
    n_fft = n_hops * hop_length
    transform = RealFourierTransform(n_fft, hop_length, 2 * hop_length, delay)
    rng = np.random.default_rng(1)
    spectra = np.fft.fft(rng.standard_normal((3, n_fft)))
    at_places = spectra[:, transform.bins.numpy()].transpose(1, 0, 2)
    real, imag = (torch.from_numpy(np.ascontiguousarray(x)).float() for x in (at_places.real, at_places.imag))
    got = transform.inverse(real, imag).numpy().transpose(1, 0, 2).reshape(3, n_fft)
    np.testing.assert_allclose(got, np.roll(np.fft.ifft(spectra).real, delay, axis=1), atol=1e-5)
