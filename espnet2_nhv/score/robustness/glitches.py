"""Clicks, gaps and jumps in a held note."""

from typing import Dict

import numpy as np
from scipy.ndimage import label

from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.score.frames import power_floor, power_spectra, spectrum_size
from espnet2_nhv.score.lsd import mel_triangles
from espnet2_nhv.score.robustness.held import middle

BROAD = 8  # bands so wide that the level of noise in one hardly moves
LEAST = 6.0  # dB from the band's usual level
SPREADS = 8.0  # and as many times its usual spread


def glitches(wav: np.ndarray, spec: FeatureSpec) -> Dict[str, float]:
    """Count the moments that leave the usual spectrum of a held note.

    In a note whose features stand still every frame of 46 ms is like every other. A moment counts if the
    level of one of eight broad bands leaves the band's median by 6 dB and by eight times its usual spread.

    Parameters
    ----------
    wav : ndarray [shape=(L,)], at ``spec.fs``, a held note
    spec : FeatureSpec

    Returns
    -------
    scores : dict
        glitches : float, such moments
        worst_frame : float, dB, the largest root mean square difference of one frame's mel-spaced levels from the
            note's median
        worst_frame_at : float, seconds
    """
    n_fft = spectrum_size(spec.fs)
    filters, _ = mel_triangles(spec.fs, n_fft)
    kept = middle(len(wav), spec.fs)
    part, floor = wav[kept], power_floor(wav, spec)
    n_frames = len(part) // spec.hop_length
    bands = np.concatenate(
        [np.maximum(power @ filters, floor) for _, power in power_spectra(part, n_fft, spec.hop_length, n_frames)]
    )
    reach = n_fft // 2 // spec.hop_length + 1
    clear = slice(reach, n_frames - reach)  # frames that do not see the cut
    bands = bands[clear]
    broad = np.stack([group.mean(axis=1) for group in np.array_split(bands, BROAD, axis=1)], axis=1)
    off = np.abs(_from_median(broad))
    spread = 1.4826 * np.median(off, axis=0)
    odd = (off > np.maximum(LEAST, SPREADS * spread)).any(axis=1)
    # One click is in all frames that see it; what follows within a window is one with it.
    near = np.convolve(odd, np.ones(n_fft // spec.hop_length + 1), mode="same") > 0
    distance = np.sqrt(np.mean(_from_median(bands) ** 2, axis=1))
    worst = int(np.argmax(distance))
    at = (kept.start + (clear.start + worst) * spec.hop_length) / spec.fs
    return dict(glitches=float(label(near)[1]), worst_frame=float(distance[worst]), worst_frame_at=at)


def _from_median(power: np.ndarray) -> np.ndarray:
    levels = 10 * np.log10(power)
    return levels - np.median(levels, axis=0)
