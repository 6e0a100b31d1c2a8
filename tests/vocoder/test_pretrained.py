"""The vocoders that come with the project."""

from pathlib import Path

import numpy as np
import pytest
import pyworld
import torch

from espnet2_nhv import load_vocoder
from espnet2_nhv.feature.mel import LogMel
from espnet2_nhv.vocoder.saved import load_card

PRETRAINED = Path(__file__).parents[2] / "pretrained"


# Weights are trained for filters of one length, whatever the default comes to be.
N_FFT = {"nhv": 1280, "nhv_pjs": 1280, "nhv_openutau": 2048}


@pytest.fixture(params=N_FFT)
def folder(request) -> Path:
    return PRETRAINED / request.param


def test_it_is_small_and_says_whose_it_is(folder):
    assert sum(path.stat().st_size for path in folder.iterdir()) < 8e6
    card = load_card(folder)
    assert card["licence"] == "CC BY-SA 4.0" and "Koguchi" in str(card)
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert "CC BY-SA 4.0" in text and "Koguchi" in text
    assert load_vocoder(folder).n_fft == N_FFT[folder.name]


@pytest.mark.parametrize("f0", [110.0, 220.0, 440.0])
def test_it_sings_a_vowel_at_the_pitch_and_level_asked_for(folder, f0):
    vocoder, fs = load_vocoder(folder), 44100
    time = np.arange(2 * fs) / fs
    harmonics = np.arange(1, int(5000 / f0)) * f0
    formants = sum(np.exp(-((harmonics - centre) ** 2) / (2 * 150**2)) for centre in (700, 1200, 2600))
    vowel = (formants[:, None] * np.sin(2 * np.pi * harmonics[:, None] * time)).sum(axis=0)
    vowel = torch.from_numpy(0.1 * vowel / vowel.std()).float()
    mel = LogMel(vocoder.spec)(vowel[None])[0].T
    wav = vocoder(mel, torch.full((len(mel),), f0)).numpy().astype(np.float64)
    heard = np.median(pyworld.harvest(wav, fs, f0_floor=50, f0_ceil=1200)[0])
    assert abs(1200 * np.log2(heard / f0)) < 5
    # No voice is as bare as this vowel, which at 440 Hz has one harmonic in a formant: the level is near, not exact.
    assert 20 * np.log10(wav[fs // 2 : -fs // 2].std() / 0.1) == pytest.approx(0, abs=5.0)


def test_silence_is_silence(folder):
    vocoder = load_vocoder(folder)
    mel = LogMel(vocoder.spec)(torch.zeros(1, 44100))[0].T
    wav = vocoder(mel, torch.full((len(mel),), 200.0))
    assert 20 * torch.log10(wav.abs().max() + 1e-12) < -80
