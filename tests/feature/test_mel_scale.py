"""The mel scale and its bands, against librosa."""

import librosa
import numpy as np
import pytest

from espnet2_nhv.feature.mel_scale import mel_filters, mel_frequencies

CASES = [
    (44100, 2048, 128, 40, 22050),
    (44100, 2048, 128, 0, 16000),
    (24000, 1024, 80, 80, 7600),
    (16000, 512, 20, 1200, 8000),
    (8000, 64, 4, 100, 900),
    (44100, 4096, 80, 0, 22050.0),
]


@pytest.mark.parametrize("scale", ["slaney", "htk"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_are_librosas(case, scale):
    fs, n_fft, n_mels, fmin, fmax = case
    htk = scale == "htk"
    theirs = librosa.mel_frequencies(n_mels + 2, fmin=fmin, fmax=fmax, htk=htk)
    np.testing.assert_allclose(mel_frequencies(n_mels + 2, fmin, fmax, scale), theirs, rtol=1e-14, atol=1e-12)
    for norm in ("slaney", None):
        filters = mel_filters(fs, n_fft, n_mels, fmin, fmax, scale, norm)
        theirs = librosa.filters.mel(sr=fs, n_fft=n_fft, n_mels=n_mels, fmin=fmin, fmax=fmax, htk=htk, norm=norm)
        assert filters.dtype == np.float32
        np.testing.assert_allclose(filters, theirs, rtol=2e-7, atol=1e-9 * theirs.max())
