"""The mel spectrogram without the pitch that it was taken from."""

import math

import numpy as np
import torch
from torch import nn

from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.vocoder.nhv.mel_prior import band_centres, unit_level

# Hz. No voice sings higher.
_HIGHEST = 2560.0
_WIDTHS_AN_OCTAVE = 2
# Points at which the average over one width is taken, and below what power a band is empty.
_N_POINTS, _EMPTY = 64, 1e-24
_RANGE = 35.0  # nepers of full scale: more than any signal has, and its square is still a number


class BandSmoothing(nn.Module):
    """Log-mel whose power has been averaged, at every frequency, over a width of one F0.

    Narrow mel bands resolve the harmonics of a voice: some lie on one, some between two. The average of the *power*
    over one F0 is the same wherever the harmonics lie, and it is the level at which a pulse train of unit power makes
    harmonics of that power; the average of the logarithm would be several decibels below.

    Power at frequencies between band centres is interpolated, and mirrored at 0 Hz and at the Nyquist frequency.
    Averages over a few widths, half an octave apart, are fixed matrices; those over other widths are blended of two.

    Parameters
    ----------
    spec : FeatureSpec

    Source: the smoothing of M. Morise, "CheapTrick", Speech Communication 2015, on mel bands.
    """

    def __init__(self, spec: FeatureSpec):
        super().__init__()
        # A window resolves no harmonics that lie closer than its own bandwidth.
        self.lowest = max(40.0, spec.fs / spec.win_length)
        self.n_widths = math.ceil(math.log2(_HIGHEST / self.lowest) * _WIDTHS_AN_OCTAVE) + 1
        self.n_mels, self.ln_base = spec.n_mels, spec.ln_base
        averages = [_averaging(spec, self.lowest * 2 ** (i / _WIDTHS_AN_OCTAVE)) for i in range(self.n_widths)]

        def buffer(name, value):
            self.register_buffer(name, torch.as_tensor(value, dtype=torch.float32), persistent=False)

        buffer("averages", np.concatenate([average.T for average in averages], axis=1))
        buffer("unit_level", unit_level(spec))

    def forward(self, mel: torch.Tensor, f0: torch.Tensor) -> torch.Tensor:
        """Smooth frames.

        Parameters
        ----------
        mel : Tensor [shape=(B, T, n_mels)], raw log-mel
        f0 : Tensor [shape=(B, T)], Hz, > 0, at which the mel was sung

        Returns
        -------
        mel : Tensor [shape=(B, T, n_mels)]
        """
        power = torch.exp(2 * (self.ln_base * mel - self.unit_level).clamp(-_RANGE, _RANGE))
        position = (_WIDTHS_AN_OCTAVE * torch.log2(f0 / self.lowest)).clamp(0, self.n_widths - 1)
        first, last = 0, self.n_widths
        if not torch.jit.is_tracing():
            # A voice moves within few of the widths: the others would weigh nothing.
            first, last = int(position.min()), min(int(position.max()) + 2, self.n_widths)
        width = torch.arange(first, last, dtype=position.dtype, device=position.device)
        weights = (1 - (position[..., None] - width).abs()).clamp(min=0)
        averages = self.averages[:, first * self.n_mels : last * self.n_mels]
        smooth = torch.matmul(power, averages).unflatten(-1, (last - first, self.n_mels))
        smooth = (smooth * weights[..., None]).sum(dim=-2)
        return (0.5 * smooth.clamp(min=_EMPTY).log() + self.unit_level) / self.ln_base


def _averaging(spec: FeatureSpec, width: float) -> np.ndarray:
    """Matrix ``(n_mels, n_mels)`` from the power in bands to its average over `width` Hz around each band's centre."""
    centres, nyquist = band_centres(spec), spec.fs / 2
    offsets = ((np.arange(_N_POINTS) + 0.5) / _N_POINTS - 0.5) * width
    at = np.abs(centres[:, None] + offsets)
    at = nyquist - np.abs(nyquist - at)
    place = np.interp(at, centres, np.arange(len(centres)))
    left = np.minimum(place.astype(int), len(centres) - 2)
    matrix = np.zeros((len(centres), len(centres)))
    rows = np.broadcast_to(np.arange(len(centres))[:, None], place.shape)
    np.add.at(matrix, (rows, left), (1 - (place - left)) / _N_POINTS)
    np.add.at(matrix, (rows, left + 1), (place - left) / _N_POINTS)
    return matrix
