"""Multi-resolution log-STFT distance."""

from typing import Dict, Optional

import numpy as np

from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.score.frames import active_frames, align, power_floor, power_spectra

WINDOWS = (512, 1024, 2048, 4096)


def mrstft(reference: np.ndarray, synthesised: np.ndarray, spec: FeatureSpec) -> Dict[str, Optional[float]]:
    r"""Mean absolute difference of natural-log STFT magnitudes, in nepers.

    .. math::
        \frac{1}{4} \sum_n \frac{1}{|A_n| (n / 2 + 1)} \sum_{t \in A_n} \sum_k
        \frac{1}{2} \left| \ln \frac{\max(|X_{tk}|^2, \epsilon)}{\max(|Y_{tk}|^2, \epsilon)} \right|

    over Hann windows of n = 512, 1024, 2048 and 4096 samples (hop n / 4), where A_n are the active frames
    and epsilon is :func:`~espnet2_nhv.score.frames.power_floor`. Two independent draws of one noise are
    0.69 (= ln 2) apart, so that is what a perfect vocoder measures in breath and consonants.

    Parameters
    ----------
    reference, synthesised : ndarray [shape=(L,)], at ``spec.fs``, aligned
    spec : FeatureSpec

    Returns
    -------
    scores : {"mrstft": float >= 0, or None where every frame is silent}

    Source: the log-magnitude term of Yamamoto et al., "Parallel WaveGAN", ICASSP 2020.
    """
    reference, synthesised = align(reference, synthesised, spec)
    active = active_frames(reference, synthesised, spec)
    if not active.any():
        return {"mrstft": None}
    floor = power_floor(reference, spec)
    distances = [_distance(reference, synthesised, n_fft, spec.hop_length, active, floor) for n_fft in WINDOWS]
    return {"mrstft": float(np.mean(distances))}


def _distance(reference, synthesised, n_fft, hop_length, active, floor) -> float:
    centre = np.arange(0, len(reference), n_fft // 4)
    nearest = np.minimum(np.round(centre / hop_length).astype(int), len(active) - 1)
    wanted = active[nearest]
    if not wanted.any():  # a sound that no frame of this resolution is centred in
        wanted[np.argmin(np.abs(centre - np.argmax(active) * hop_length))] = True
    total = 0.0
    spectra = [power_spectra(wav, n_fft, n_fft // 4, len(centre)) for wav in (reference, synthesised)]
    for (frames, ref), (_, syn) in zip(*spectra):
        keep = wanted[frames]
        ratio = np.maximum(ref[keep], floor) / np.maximum(syn[keep], floor)
        total += 0.5 * float(np.abs(np.log(ratio)).sum(dtype=np.float64))
    return total / (wanted.sum() * (n_fft // 2 + 1))
