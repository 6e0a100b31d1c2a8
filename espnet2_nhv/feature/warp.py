"""The envelope that a mel spectrogram describes, freed of its harmonics and moved along the frequency axis."""

import numpy as np
import torch

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.mel_scale import mel_frequencies
from espnet2_nhv.feature.spec import FeatureSpec

_BLOCK_FRAMES = 4096


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
    centres = _centres(spec)
    return torch.from_numpy(_at(mel.numpy(), np.broadcast_to(centres / scale, mel.shape), centres))


def between_harmonics(mel: torch.Tensor, f0: np.ndarray, spec: FeatureSpec) -> torch.Tensor:
    """The spectral envelope through the levels at the harmonics.

    The low bands of a mel spectrogram are narrower than the distance of a voice's harmonics, and fall and rise with
    them. At another pitch, or moved, they would mute some harmonics and raise others. So the levels at the harmonics
    are kept, and between them interpolated.

    Parameters
    ----------
    mel : Tensor [shape=(T, n_mels)], raw log-mel of `spec`
    f0 : array [shape=(T,)], Hz, > 0, of the same sound
    spec : FeatureSpec

    Returns
    -------
    mel : Tensor [shape=(T, n_mels)]
    """
    centres = _centres(spec)
    smooth = []
    for begin in range(0, len(mel), _BLOCK_FRAMES):
        block, pitch = mel[begin : begin + _BLOCK_FRAMES].numpy(), f0[begin : begin + _BLOCK_FRAMES, None]
        number = np.maximum(centres / pitch, 1.0)
        below = np.floor(number)
        levels = [_at(block, harmonic * pitch, centres) for harmonic in (below, below + 1)]
        smooth.append(levels[0] + (levels[1] - levels[0]) * (number - below).astype(np.float32))
    return torch.from_numpy(np.concatenate(smooth).astype(np.float32))


def _centres(spec: FeatureSpec) -> np.ndarray:
    """Centres of the bands, Hz."""
    return mel_frequencies(spec.n_mels + 2, spec.fmin, spec.fmax, spec.mel_scale)[1:-1]


def _at(mel: np.ndarray, frequency: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Levels ``(T, n)`` at frequencies ``(T, n)``, interpolated between bands."""
    position = np.interp(frequency, centres, np.arange(len(centres)))
    left = np.minimum(position.astype(int), len(centres) - 2)
    low, high = (np.take_along_axis(mel, left + step, axis=1) for step in (0, 1))
    return low + (high - low) * (position - left).astype(np.float32)
