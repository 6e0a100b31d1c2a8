"""UnivNet: noise shaped by convolutions whose kernels are read off the mel, frame by frame."""

from typing import Optional, Sequence, Tuple

import torch
from torch import nn

from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.vocoder.base import AbsVocoder
from espnet2_nhv.vocoder.upsampling import check_scales
from espnet2_nhv.vocoder.weight_norm import add_weight_norm, remove_weight_norm

_SLOPE = 0.2
_TAPS = 3


class UnivNet(AbsVocoder):
    """UnivNet-c16: location-variable convolutions over upsampled noise.

    Parameters
    ----------
    spec : FeatureSpec
    channels : int >= 1 (UnivNet-c32 has 32)
    noise_channels : int >= 1
    kernel_channels : int >= 1, hidden channels of the networks that write kernels
    dilations : sequence of int, of the convolutions of a stage
    upsample_scales : sequence of int whose product is `spec.hop_length`, or None for what follows from it

    Source: W. Jang et al., "UnivNet", Interspeech 2021; the convolutions are those of Z. Zeng et al., "LVCNet",
    ICASSP 2021.
    """

    def __init__(
        self,
        spec: FeatureSpec,
        channels: int = 16,
        noise_channels: int = 64,
        kernel_channels: int = 64,
        dilations: Sequence[int] = (1, 3, 9, 27),
        upsample_scales: Optional[Sequence[int]] = None,
    ):
        super().__init__(spec)
        self.noise_channels = noise_channels
        scales = check_scales("univnet", upsample_scales, spec.hop_length, count=3)
        self.entry = nn.Conv1d(noise_channels, channels, 7, padding=3)
        self.stages = nn.ModuleList(
            _Stage(spec.n_mels, channels, kernel_channels, scale, dilations) for scale in scales
        )
        self.head = nn.Conv1d(channels, 1, 7, padding=3)
        add_weight_norm(self)

    def forward(self, mel: torch.Tensor, f0: Optional[torch.Tensor] = None) -> torch.Tensor:
        mel = self.normalize(mel)
        x = self.entry(torch.randn(len(mel), self.noise_channels, mel.shape[-1], dtype=mel.dtype, device=mel.device))
        for stage in self.stages:
            x = stage(x, mel)
        return torch.tanh(self.head(nn.functional.leaky_relu(x, _SLOPE)))

    def fuse(self) -> "UnivNet":
        remove_weight_norm(self)
        return self


class _Stage(nn.Module):
    """Upsampling, then dilated convolutions, each gated by one whose kernel belongs to the frame."""

    def __init__(self, n_mels: int, channels: int, kernel_channels: int, scale: int, dilations: Sequence[int]):
        super().__init__()
        padding = dict(padding=scale // 2 + scale % 2, output_padding=scale % 2)
        self.upsample = nn.ConvTranspose1d(channels, channels, 2 * scale, scale, **padding)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(channels, channels, _TAPS, padding=dilation, dilation=dilation) for dilation in dilations
        )
        self.kernels = _KernelPredictor(n_mels, channels, kernel_channels, len(dilations))

    def forward(self, x: torch.Tensor, mel: torch.Tensor) -> torch.Tensor:
        x = self.upsample(nn.functional.leaky_relu(x, _SLOPE))
        kernels, biases = self.kernels(mel)
        for layer, convolution in enumerate(self.convolutions):
            y = nn.functional.leaky_relu(convolution(nn.functional.leaky_relu(x, _SLOPE)), _SLOPE)
            gate, value = location_variable_convolution(y, kernels[:, layer], biases[:, layer]).chunk(2, dim=1)
            x = x + torch.sigmoid(gate) * torch.tanh(value)
        return x


class _KernelPredictor(nn.Module):
    """From the mel to kernels ``(B, layers, T, 2 C, 3 C)`` and biases ``(B, layers, T, 2 C)``."""

    def __init__(self, n_mels: int, channels: int, hidden: int, n_layers: int):
        super().__init__()
        self.n_layers, self.channels = n_layers, channels
        self.entry = nn.Sequential(nn.Conv1d(n_mels, hidden, 5, padding=2), nn.LeakyReLU(_SLOPE))
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Conv1d(hidden, hidden, _TAPS, padding=1),
                nn.LeakyReLU(_SLOPE),
                nn.Conv1d(hidden, hidden, _TAPS, padding=1),
                nn.LeakyReLU(_SLOPE),
            )
            for _ in range(3)
        )
        n_out = n_layers * 2 * channels
        self.kernel = nn.Conv1d(hidden, n_out * channels * _TAPS, _TAPS, padding=1)
        self.bias = nn.Conv1d(hidden, n_out, _TAPS, padding=1)

    def forward(self, mel: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
        x = self.entry(mel)
        for block in self.blocks:
            x = x + block(x)
        kernels = self.kernel(x).unflatten(1, (self.n_layers, 2 * self.channels, -1))
        biases = self.bias(x).unflatten(1, (self.n_layers, -1))
        return kernels.permute(0, 1, 4, 2, 3), biases.transpose(2, 3)


def location_variable_convolution(x: torch.Tensor, kernels: torch.Tensor, biases: torch.Tensor) -> torch.Tensor:
    """Each frame's samples convolved with that frame's kernel of three taps.

    Parameters
    ----------
    x : Tensor [shape=(B, C, T * n)], zero beyond its ends
    kernels : Tensor [shape=(B, T, D, 3 C)], taps vary faster than channels
    biases : Tensor [shape=(B, T, D)]

    Returns
    -------
    y : Tensor [shape=(B, D, T * n)]
    """
    n_frames, n = kernels.shape[1], x.shape[-1] // kernels.shape[1]
    padded = nn.functional.pad(x, (1, 1))
    taps = torch.stack([padded[..., k : k + n_frames * n] for k in range(_TAPS)], dim=2)  # (B, C, 3, T n)
    windows = taps.flatten(1, 2).unflatten(2, (n_frames, n)).transpose(1, 2)  # (B, T, 3 C, n)
    made = kernels @ windows + biases[..., None]
    return made.transpose(1, 2).flatten(2)
