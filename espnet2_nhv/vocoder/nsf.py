"""hn-sinc-NSF: neural filters over a sum of sines and over noise, joined by sinc filters at a moving frequency."""

import math
from typing import Optional, Tuple

import torch
from torch import nn

from espnet2_nhv.dsp.inverse_stft import one_frame_more
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.vocoder.base import AbsVocoder
from espnet2_nhv.vocoder.excitation import between_frames, phase_of_samples, sine

_SINE_LEVEL, _NOISE_LEVEL = 0.1, 0.003
# Inside a filter block, what the convolutions have added up is brought down to the size of a waveform.
_BLOCK_SCALE = 0.1
# The pitch that a contour of zero stands for.
_MIDDLE_F0 = 220.0


class HnSincNSF(AbsVocoder):
    """Harmonic-plus-noise neural source-filter model with a trainable maximum voice frequency.

    F0 being continuous here, there is no voicing to switch by: the network alone moves the frequency up to which the
    harmonic part sounds and from which the noise does. Contours are linear between frames.

    Parameters
    ----------
    spec : FeatureSpec
    channels : int >= 8, multiple of 4
    n_blocks : int >= 1, of the harmonic part; the noise has one of half the depth
    n_layers : int >= 2, dilated convolutions in a block, dilations 1, 2, 4, ...
    n_overtones : int >= 0, sines above F0
    sinc_order : int, odd, taps of the filters that join the parts

    Source: X. Wang and J. Yamagishi, "Neural Harmonic-plus-Noise Waveform Model with Trainable Maximum Voice
    Frequency", SSW 2019.
    """

    needs_f0 = True

    def __init__(
        self,
        spec: FeatureSpec,
        channels: int = 64,
        n_blocks: int = 5,
        n_layers: int = 10,
        n_overtones: int = 7,
        sinc_order: int = 31,
    ):
        super().__init__(spec)
        self.n_overtones = n_overtones
        self.recurrent = nn.LSTM(spec.n_mels + 1, channels // 2, bidirectional=True, batch_first=True)
        self.condition = nn.Conv1d(channels, channels, 3, padding=1)
        self.merge = nn.Linear(n_overtones + 1, 1)
        self.harmonic_blocks = nn.ModuleList(_FilterBlock(channels, n_layers) for _ in range(n_blocks))
        self.noise_block = _FilterBlock(channels, n_layers // 2)
        taps = torch.arange(sinc_order) - sinc_order // 2
        self.register_buffer("taps", taps.float(), persistent=False)
        hamming = 0.54 + 0.46 * torch.cos(2 * math.pi * taps / sinc_order)
        self.register_buffer("hamming", hamming, persistent=False)

    def forward(self, mel: torch.Tensor, f0: Optional[torch.Tensor] = None) -> torch.Tensor:
        phase, _ = phase_of_samples("nsf", f0, self.spec.hop_length, self.fs)
        context, cutoff = self._condition(self.normalize(mel), f0)
        sines = torch.stack([sine(phase, k) for k in range(1, self.n_overtones + 2)], dim=-1)
        sines = _SINE_LEVEL * sines + _NOISE_LEVEL * torch.randn_like(sines)
        harmonic = torch.tanh(self.merge(sines)).transpose(1, 2)
        noise = _SINE_LEVEL / 3 * torch.randn_like(harmonic)
        for block in self.harmonic_blocks:
            harmonic = block(harmonic, context)
        low, high = self._sinc_filters(cutoff)
        return _filter(harmonic, low) + _filter(self.noise_block(noise, context), high)

    def _condition(self, mel: torch.Tensor, f0: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
        """Context ``(B, channels, N)`` and the moving frequency ``(B, N)`` as a share of the Nyquist frequency."""
        contour = torch.log(f0 / _MIDDLE_F0)
        hidden, _ = self.recurrent(torch.cat([mel, contour], dim=1).transpose(1, 2))
        hidden = torch.tanh(self.condition(hidden.transpose(1, 2)))
        joined = torch.cat([hidden[:, 1:], contour, hidden[:, :1]], dim=1)
        samples = between_frames(one_frame_more(joined), self.spec.hop_length)
        return samples[:, :-1], 0.5 + 0.4 * samples[:, -1]

    def _sinc_filters(self, cutoff: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
        """Low-pass of unit gain at 0 and high-pass of unit gain at the Nyquist frequency, each ``(B, N, taps)``."""
        sinc = cutoff[..., None] * torch.sinc(cutoff[..., None] * self.taps)
        low = sinc * self.hamming
        high = (torch.sinc(self.taps) - sinc) * self.hamming
        alternating = 1.0 - 2.0 * (self.taps % 2)
        return low / low.sum(dim=-1, keepdim=True), high / (high * alternating).sum(dim=-1, keepdim=True)


class _FilterBlock(nn.Module):
    """Dilated causal convolutions over a waveform, the context added after each, beside a skip connection."""

    def __init__(self, channels: int, n_layers: int):
        super().__init__()
        self.widen = nn.Linear(1, channels, bias=False)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(channels, channels, 3, dilation=2**layer, bias=False) for layer in range(n_layers)
        )
        self.narrow = nn.Sequential(
            nn.Linear(channels, channels // 4, bias=False),
            nn.Tanh(),
            nn.Linear(channels // 4, 1, bias=False),
            nn.Tanh(),
        )

    def forward(self, wav: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
        """Waveform ``(B, 1, N)`` and context ``(B, channels, N)`` to a waveform ``(B, 1, N)``."""
        x = torch.tanh(self.widen(wav.transpose(1, 2))).transpose(1, 2)
        for convolution in self.convolutions:
            past = nn.functional.pad(x, (2 * convolution.dilation[0], 0))
            x = x + torch.tanh(convolution(past)) + context
        return wav + self.narrow(_BLOCK_SCALE * x.transpose(1, 2)).transpose(1, 2)


def _filter(wav: torch.Tensor, coefficients: torch.Tensor) -> torch.Tensor:
    """``(B, 1, N)`` through a filter ``(B, N, taps)`` of its own at every sample, centred on it."""
    half = coefficients.shape[-1] // 2
    windows = nn.functional.pad(wav[:, 0], (half, half)).unfold(1, coefficients.shape[-1], 1)
    return (windows * coefficients).sum(dim=-1)[:, None]  # symmetric, so not reversed
