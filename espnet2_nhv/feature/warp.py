"""Formants moved along the frequency axis of a mel spectrogram."""

import librosa
import numpy as np
import torch

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.spec import FeatureSpec


def shift_formants(mel: torch.Tensor, spec: FeatureSpec, scale: float) -> torch.Tensor:
    """The spectral envelope stretched over frequency: what was at f is then at ``scale * f``.

    Above 1 the vocal tract sounds shorter (a child), below 1 longer. Levels are interpolated between the centres of
    the bands; beyond the outermost ones their levels are held.

    Parameters
    ----------
    mel : Tensor [shape=(T, n_mels)], raw log-mel of `spec`
    spec : FeatureSpec
    scale : float in [0.25, 4]

    Returns
    -------
    mel : Tensor [shape=(T, n_mels)]

    Raises
    ------
    UserError
        If the scale is outside its range.
    """
    if not 0.25 <= scale <= 4:
        raise UserError(f"a formant shift of {scale:g} is not a factor from 0.25 to 4 (1 leaves the formants)")
    htk = spec.mel_scale == "htk"
    centres = librosa.mel_frequencies(spec.n_mels + 2, fmin=spec.fmin, fmax=spec.fmax, htk=htk)[1:-1]
    bands = np.arange(spec.n_mels)
    position = np.interp(centres / scale, centres, bands)
    left = np.minimum(position.astype(int), spec.n_mels - 2)
    weight = torch.from_numpy((position - left).astype(np.float32)).to(mel)
    return torch.lerp(mel[:, left], mel[:, left + 1], weight)
