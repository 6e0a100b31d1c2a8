"""Spectrograms as small pictures."""

import io

import matplotlib
import numpy as np
from PIL import Image

from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.score.frames import power_spectra, spectrum_size
from espnet2_nhv.score.lsd import mel_triangles

COLUMNS_A_SECOND = 100
RANGE = 80.0  # dB from the brightest to the darkest
COLOURS = 48  # few enough that PNG packs them well, and steps of 1.7 dB


def band_levels(wav: np.ndarray, spec: FeatureSpec) -> np.ndarray:
    """Levels of mel-spaced bands up to fs / 2 or 22.05 kHz, every 10 ms; ndarray [shape=(columns, bands)], dB."""
    n_fft = spectrum_size(spec.fs)
    hop = round(spec.fs / COLUMNS_A_SECOND)
    filters, _ = mel_triangles(spec.fs, n_fft)
    n_columns = max(1, -(-len(wav) // hop))
    power = np.concatenate([block @ filters for _, block in power_spectra(wav, n_fft, hop, n_columns)])
    return 10 * np.log10(np.maximum(power, 1e-12))


def spectrogram_png(wav: np.ndarray, top: float, spec: FeatureSpec) -> bytes:
    """A picture of one row a band, the lowest at the bottom, and one column every 10 ms.

    Parameters
    ----------
    wav : ndarray [shape=(L,)], at ``spec.fs``
    top : float, dB, the level of the brightest colour: that of the recording's peak, so that levels can be compared
    spec : FeatureSpec

    Returns
    -------
    png : bytes
    """
    share = np.clip((band_levels(wav, spec) - top) / RANGE + 1, 0, 1)
    picture = Image.fromarray(np.round(share.T[::-1] * (COLOURS - 1)).astype(np.uint8), mode="P")
    colours = matplotlib.colormaps["magma"](np.linspace(0, 1, COLOURS))[:, :3]
    picture.putpalette(np.round(255 * colours).astype(np.uint8).tobytes())
    content = io.BytesIO()
    picture.save(content, format="PNG", optimize=True)
    return content.getvalue()
