"""BigVGAN: HiFi-GAN whose activations are periodic and do not alias."""

from typing import Optional, Sequence

import torch
from torch import nn

from espnet2_nhv.dsp.half_band import double_rate, half_band_filter, halve_rate
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.vocoder.base import AbsVocoder
from espnet2_nhv.vocoder.upsampling import check_channels, check_scales
from espnet2_nhv.vocoder.weight_norm import add_weight_norm, remove_weight_norm

# Keeps the activation finite where a trained steepness has gone to zero.
_TINY = 1e-9


class BigVGAN(AbsVocoder):
    """BigVGAN, base: the stages of HiFi-GAN V1 with anti-aliased periodic activations.

    Parameters
    ----------
    spec : FeatureSpec
    channels : int, multiple of 2 to the number of scales, of the first layer
    upsample_scales : sequence of int whose product is `spec.hop_length`, or None for what follows from it
    resblock_kernel_sizes : sequence of int, odd
    resblock_dilations : sequence of sequence of int, one a kernel size

    Source: S.-g. Lee et al., "BigVGAN", ICLR 2023.
    """

    def __init__(
        self,
        spec: FeatureSpec,
        channels: int = 512,
        upsample_scales: Optional[Sequence[int]] = None,
        resblock_kernel_sizes: Sequence[int] = (3, 7, 11),
        resblock_dilations: Sequence[Sequence[int]] = ((1, 3, 5), (1, 3, 5), (1, 3, 5)),
    ):
        super().__init__(spec)
        scales = check_scales("bigvgan", upsample_scales, spec.hop_length, count=4)
        check_channels("bigvgan", channels, scales)
        self.entry = nn.Conv1d(spec.n_mels, channels, 7, padding=3)
        self.upsamples, self.blocks = nn.ModuleList(), nn.ModuleList()
        for scale in scales:
            padding = dict(padding=scale // 2 + scale % 2, output_padding=scale % 2)
            self.upsamples.append(nn.ConvTranspose1d(channels, channels // 2, 2 * scale, scale, **padding))
            channels //= 2
            kernels_and_dilations = zip(resblock_kernel_sizes, resblock_dilations)
            self.blocks.append(nn.ModuleList(_Block(channels, k, d) for k, d in kernels_and_dilations))
        self.activation = PeriodicActivation(channels)
        self.head = nn.Conv1d(channels, 1, 7, padding=3)
        add_weight_norm(self)

    def forward(self, mel: torch.Tensor, f0: Optional[torch.Tensor] = None) -> torch.Tensor:
        x = self.entry(self.normalize(mel))
        for upsample, blocks in zip(self.upsamples, self.blocks):
            x = upsample(x)
            x = sum(block(x) for block in blocks) / len(blocks)
        return torch.tanh(self.head(self.activation(x)))

    def fuse(self) -> "BigVGAN":
        remove_weight_norm(self)
        return self


class BigVGANSmall(BigVGAN):
    """BigVGAN with a quarter of the channels, as HiFi-GAN V2 has.

    Source: S.-g. Lee et al., "BigVGAN", ICLR 2023; the size is of this project.
    """

    def __init__(self, spec: FeatureSpec, channels: int = 128, **conf):
        super().__init__(spec, channels, **conf)


class PeriodicActivation(nn.Module):
    """``x + sin(a x)^2 / b``, a and b learned for each channel, at twice the rate, so that its overtones do not alias.

    Parameters
    ----------
    channels : int >= 1

    Source: L. Ziyin et al., "Neural Networks Fail to Learn Periodic Functions and How to Fix It", NeurIPS 2020; with
    its own amplitude and between two half-band filters in BigVGAN.
    """

    def __init__(self, channels: int):
        super().__init__()
        # Logarithms: both start at one and stay above zero.
        self.log_steepness = nn.Parameter(torch.zeros(channels, 1))
        self.log_inverse_size = nn.Parameter(torch.zeros(channels, 1))
        self.register_buffer("filter", half_band_filter(), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``(B, channels, N)`` to the same."""
        x = double_rate(x, self.filter)
        bend = torch.sin(x * self.log_steepness.exp()).square()
        return halve_rate(x + bend / (self.log_inverse_size.exp() + _TINY), self.filter)


class _Block(nn.Module):
    """Dilated convolutions, each followed by a plain one, beside skip connections."""

    def __init__(self, channels: int, kernel_size: int, dilations: Sequence[int]):
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(
                PeriodicActivation(channels),
                nn.Conv1d(channels, channels, kernel_size, padding=kernel_size // 2 * dilation, dilation=dilation),
                PeriodicActivation(channels),
                nn.Conv1d(channels, channels, kernel_size, padding=kernel_size // 2),
            )
            for dilation in dilations
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            x = x + layer(x)
        return x
