"""The first NHV for singing, from its published equations and sizes: what ours is measured against."""

import math
from typing import Optional

import torch
from torch import nn

from espnet2_nhv.dsp.direct import block_filter, impulse_response, sum_of_cosines
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.vocoder.base import AbsVocoder

_PULSE_LEVEL = 0.01
_NOISE_LEVEL = 0.03


class NHVDirect(AbsVocoder):
    """Two convolutional networks, mixed-phase cepstra, a sum of cosines, rectangular blocks in the time domain.

    It keeps its ancestor's limits: harmonics beyond the last are missing for low voices, the float32 phase drifts in
    long notes, and memory grows with `n_harmonics` times the length.

    Parameters
    ----------
    spec : FeatureSpec
    channels : int, multiple of groups
    groups : int >= 1, of the three middle layers
    n_ccep : int, even, quefrencies on both sides together
    n_harmonics : int >= 1

    Source: Z. Liu et al., "Neural Homomorphic Vocoder", Interspeech 2020; sizes as NHV-Sing's first version has them.
    """

    needs_f0 = True

    def __init__(
        self, spec: FeatureSpec, channels: int = 256, groups: int = 8, n_ccep: int = 444, n_harmonics: int = 200
    ):
        super().__init__(spec)
        self.n_harmonics = n_harmonics
        self.n_fft = spec.hop_length * math.ceil(2 * n_ccep / spec.hop_length)
        self.harmonic_network = _network(spec.n_mels, n_ccep, channels, groups)
        self.noise_network = _network(spec.n_mels, n_ccep, channels, groups)
        quefrency = torch.cat([torch.arange(n_ccep // 2), torch.arange(n_ccep // 2, 0, -1)]).clamp(min=1)
        self.register_buffer("quefrency_scale", 1.0 / quefrency.float()[:, None], persistent=False)

    def forward(self, mel: torch.Tensor, f0: Optional[torch.Tensor] = None) -> torch.Tensor:
        if f0 is None:
            raise UserError("nhv-direct needs F0 beside the mel: give f0 of shape (B, 1, T) in Hz")
        mel = self.normalize(mel)
        f0 = f0[:, 0].repeat_interleave(self.spec.hop_length, dim=-1)
        pulses = _PULSE_LEVEL * sum_of_cosines(f0, self.fs, self.n_harmonics)
        noise = _NOISE_LEVEL * torch.randn_like(pulses)
        wav = self._filtered(pulses, self.harmonic_network(mel)) + self._filtered(noise, self.noise_network(mel))
        return wav[:, None].clamp(-1.0, 1.0)

    def _filtered(self, excitation: torch.Tensor, ccep: torch.Tensor) -> torch.Tensor:
        response = impulse_response((ccep * self.quefrency_scale).transpose(1, 2).float(), self.n_fft)
        return block_filter(excitation, response.roll(self.n_fft // 2, dims=-1))


def _network(n_in: int, n_out: int, channels: int, groups: int) -> nn.Sequential:
    layers = [nn.Conv1d(n_in, channels, 3, padding=1), nn.ReLU()]
    for _ in range(3):
        layers += [nn.Conv1d(channels, channels, 3, padding=1, groups=groups), nn.ReLU()]
    return nn.Sequential(*layers, nn.Conv1d(channels, n_out, 3, padding=1))
