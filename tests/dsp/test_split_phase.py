"""The phase in two float32 parts, against float64."""

import numpy as np
import pytest
import torch

from espnet2_nhv.dsp.split_phase import frame_phase


def exact(f0, hop_length, fs):
    cycles = f0.double().numpy() * hop_length / fs
    return np.concatenate([[0.0], np.cumsum((cycles[:-1] + cycles[1:]) / 2)])[:-1]


@pytest.mark.parametrize("hop_length, fs", [(512, 44100), (256, 44100), (300, 24000), (240, 48000), (441, 44100)])
def test_ten_minutes_lose_nothing(hop_length, fs):
    n_frames = 600 * fs // hop_length
    generator = torch.Generator().manual_seed(0)
    contours = dict(
        held=torch.full((n_frames + 1,), 441.123),
        glide=torch.logspace(np.log10(50), np.log10(1200), n_frames + 1),
        wild=50 + 1150 * torch.rand(n_frames + 1, generator=generator),
        high=torch.full((n_frames + 1,), 20000.7),
    )
    for name, f0 in contours.items():
        phase = frame_phase(f0[None], hop_length, fs)
        assert phase.dtype == torch.float32 and phase.shape == (1, n_frames) and phase.abs().max() <= 0.5
        error = phase[0].double().numpy() - exact(f0, hop_length, fs)
        error -= np.round(error)
        cents = 1200 * np.log2(1 + np.abs(error[-1]) / (f0.double().mean().item() * 600))
        assert np.abs(error).max() < (1e-2 if name == "high" else 1e-3) and cents < 1e-5, name


@pytest.mark.parametrize("n_frames", [1, 2, 63, 64, 65, 200])
def test_blocks_are_not_seen(n_frames):
    f0 = torch.linspace(100, 900, n_frames + 1)
    error = frame_phase(f0[None], 512, 44100)[0].double().numpy() - exact(f0, 512, 44100)
    np.testing.assert_allclose(error - np.round(error), 0, atol=1e-6)
