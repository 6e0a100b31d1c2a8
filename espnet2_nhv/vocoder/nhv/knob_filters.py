"""What knobs do to NHV's filters."""

import math
from typing import List, Tuple

import numpy as np
import torch
from torch import nn

from espnet2_nhv.feature.knobs import NAMES
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.vocoder.nhv.formant_shift import FormantShift, shift_formants
from espnet2_nhv.vocoder.nhv.mel_prior import minimum_phase

_NEPERS_A_DB = math.log(10) / 20
# Hz. A tilt turns about the middle of what the ear weighs most, so that it hardly makes a voice louder or softer; and
# it does not go on for ever below the lowest voices.
_PIVOT, _LOWEST = 1000.0, 62.5
GENDER = NAMES.index("gender")


class KnobFilters(nn.Module):
    """Formants, which are moved, then levels and tilt, which are sums of cepstra.

    Parameters
    ----------
    spec : FeatureSpec
    n_fft : int, of the filters
    anticausal_order, order : int, quefrencies of the harmonic filter
    noise_order : int, highest quefrency of the noise filter

    Notes
    -----
    Knobs at 0 add 0: filters are then those without knobs, to the last bit.
    """

    def __init__(self, spec: FeatureSpec, n_fft: int, anticausal_order: int, order: int, noise_order: int):
        super().__init__()
        self.shift = FormantShift(anticausal_order, order, noise_order)
        quefrencies = range(-anticausal_order, order + 1)
        frequency = np.maximum(np.arange(n_fft // 2 + 1) * spec.fs / n_fft, _LOWEST)
        tilt = minimum_phase(quefrencies, n_fft) @ np.log2(frequency / _PIVOT)
        level, noise_level = (np.asarray(x) == 0 for x in (quefrencies, range(noise_order + 1)))
        rows = {
            "to_harmonic": dict(voicing=level, tension=tilt, loudness=level),
            "to_noise": dict(breathiness=noise_level, loudness=noise_level),
        }
        for name, added in rows.items():
            nothing = np.zeros(len(added["loudness"]))
            value = _NEPERS_A_DB * np.stack([added.get(knob, nothing) for knob in NAMES])
            self.register_buffer(name, torch.as_tensor(value, dtype=torch.float32), persistent=False)

    def forward(
        self, harmonic: torch.Tensor, noise: torch.Tensor, knobs: torch.Tensor
    ) -> Tuple[torch.Tensor, torch.Tensor]:
        """Turn knobs.

        Parameters
        ----------
        harmonic, noise : Tensor [shape=(B, T, n)], cepstra of the two filters
        knobs : Tensor [shape=(B, T, len(KNOBS))]

        Returns
        -------
        harmonic, noise : Tensor, of the same shapes
        """
        return turn_knobs(harmonic, noise, knobs, knobs[:, :, GENDER], self.matrices())

    def matrices(self) -> List[torch.Tensor]:
        """What :func:`turn_knobs` needs."""
        return [self.to_harmonic, self.to_noise, *self.shift.matrices()]


def turn_knobs(
    harmonic: torch.Tensor,
    noise: torch.Tensor,
    knobs: torch.Tensor,
    gender: torch.Tensor,
    matrices: List[torch.Tensor],
) -> Tuple[torch.Tensor, torch.Tensor]:
    """:meth:`KnobFilters.forward` as a function, which TorchScript can call from what is traced."""
    if bool((gender != 0).any()):
        harmonic, noise = shift_formants(harmonic, noise, gender, matrices[2:])
    return harmonic + torch.matmul(knobs, matrices[0]), noise + torch.matmul(knobs, matrices[1])
