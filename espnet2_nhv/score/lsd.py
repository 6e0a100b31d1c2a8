"""Log-spectral distance in four bands, and the worst frame."""

from functools import lru_cache
from typing import Dict, Optional

import numpy as np

from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.score.frames import active_frames, align, power_floor, power_spectra, spectrum_size

BANDS = {"lsd_0_4": (0, 4000), "lsd_4_8": (4000, 8000), "lsd_8_16": (8000, 16000), "lsd_16_22": (16000, 22050)}
TOP = 22050.0  # Hz, the end of hearing


def lsd(reference: np.ndarray, synthesised: np.ndarray, spec: FeatureSpec) -> Dict[str, Optional[float]]:
    r"""Root mean square difference of levels over a band, mean over the active frames, in dB.

    .. math::
        \frac{1}{|A|} \sum_{t \in A} \sqrt{\frac{1}{|B|} \sum_{b \in B}
        \left( 10 \log_{10} \frac{\max(X_{tb}, \epsilon)}{\max(Y_{tb}, \epsilon)} \right)^2}

    The levels are those of 128 overlapping mel-spaced triangles up to 22.05 kHz, as mean power density
    under each, from Hann windows of 46 ms at every hop. Levels of single bins would not do: two
    draws of one noise differ by 7.9 dB there, which hides everything else above 4 kHz. The bands are the
    scorer's own, whatever features a vocoder reads.

    Parameters
    ----------
    reference, synthesised : ndarray [shape=(L,)], at ``spec.fs``, aligned
    spec : FeatureSpec

    Returns
    -------
    scores : dict of float >= 0, or None where every frame is silent or the band is above fs / 2
        lsd_0_4, lsd_4_8, lsd_8_16, lsd_16_22 : the bands, kHz
        lsd_worst : the largest distance a single frame has over all triangles
        lsd_worst_at : where that is, seconds

    Source: Gray and Markel, "Distance measures for speech processing", 1976, on mel-spaced levels.
    """
    reference, synthesised = align(reference, synthesised, spec)
    active = active_frames(reference, synthesised, spec)
    if not active.any():
        return dict.fromkeys([*BANDS, "lsd_worst", "lsd_worst_at"])
    floor = power_floor(reference, spec)
    n_fft = spectrum_size(spec.fs)
    filters, centres = mel_triangles(spec.fs, n_fft)
    inside = {name: (centres >= low) & (centres < high) for name, (low, high) in BANDS.items()}
    inside = {name: bands for name, bands in inside.items() if bands.any()}
    distance = {name: np.zeros(len(active)) for name in [*inside, "all"]}
    spectra = [power_spectra(wav, n_fft, spec.hop_length, len(active)) for wav in (reference, synthesised)]
    for (frames, ref), (_, syn) in zip(*spectra):
        ratio = np.maximum(ref @ filters, floor) / np.maximum(syn @ filters, floor)
        square = np.square(10 * np.log10(ratio))
        distance["all"][frames] = np.sqrt(square.mean(axis=1))
        for name, bands in inside.items():
            distance[name][frames] = np.sqrt(square[:, bands].mean(axis=1))
    scores = {name: float(distance[name][active].mean()) if name in inside else None for name in BANDS}
    worst = int(np.argmax(np.where(active, distance["all"], -1.0)))
    scores["lsd_worst"] = float(distance["all"][worst])
    scores["lsd_worst_at"] = worst * spec.hop_length / spec.fs
    return scores


@lru_cache(maxsize=4)
def mel_triangles(fs: int, n_fft: int):
    """Mel-spaced triangles that each sum to one: as many as there are below fs / 2, of 128 below 22.05 kHz.

    Returns
    -------
    filters : ndarray [shape=(n_fft // 2 + 1, <= 128)], float32
    centres : ndarray [shape=(<= 128,)], Hz
    """
    import librosa  # slow to import, so only where it is used

    top = min(fs / 2, TOP)
    n_mels = round(128 * float(librosa.hz_to_mel(top) / librosa.hz_to_mel(TOP)))
    filters = librosa.filters.mel(sr=fs, n_fft=n_fft, n_mels=n_mels, fmin=0.0, fmax=top, norm=None, dtype=np.float64)
    filters /= filters.sum(axis=1, keepdims=True)
    return filters.T.astype(np.float32), librosa.mel_frequencies(n_mels + 2, fmin=0.0, fmax=top)[1:-1]
