"""NHV and bands in which there is nothing: what a codec, a gate or a synthesiser left empty stays empty."""

import numpy as np
import pytest
import scipy.signal
import torch
from conftest import ROOT

from espnet2_nhv import load_vocoder
from espnet2_nhv.feature.mel import LogMel
from espnet2_nhv.feature.pitch.analysis import extract_f0

EDGES = [(0, 4000), (4000, 8000), (8000, 16000), (16000, 22050)]  # Hz


def levels(wav):
    """Mean power in bands, dB."""
    frequency, _, spectrum = scipy.signal.stft(wav, 44100, nperseg=1024)
    power = np.abs(spectrum) ** 2
    bands = [power[(frequency >= low) & (frequency < high)].mean() for low, high in EDGES]
    return 10 * np.log10(np.array(bands) + 1e-20)


@pytest.mark.parametrize("voice, cut", [("bass", None), ("soprano", None), ("alto", 12000), ("tenor", 6000)])
def test_no_noise_where_nothing_is(demo_wavs, voice, cut):
    """The demo's singers stand in no room: their rests are digital silence, and nothing reaches 20 kHz."""
    wav = demo_wavs[voice][0][: 3 * 44100].astype(np.float64)
    if cut is not None:
        wav = scipy.signal.sosfiltfilt(scipy.signal.butter(8, cut, fs=44100, output="sos"), wav)
    wav = (np.rint(wav * 32768) / 32768).astype(np.float32)
    vocoder = load_vocoder(ROOT / "pretrained/nhv")
    mel = LogMel(vocoder.spec)(torch.from_numpy(wav))[0].T
    f0, _ = extract_f0(wav, vocoder.spec, "swift")
    got = vocoder.inference(mel, torch.from_numpy(f0)).numpy()
    # -98 dB is what is rounded away of 16 bits.
    assert (levels(got) < np.maximum(levels(wav), -98) + 6).all(), (levels(got), levels(wav))
    assert abs(levels(got)[0] - levels(wav)[0]) < 3
