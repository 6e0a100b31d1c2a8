"""HiFi-GAN's stages with a source signal given to some of them: what several vocoders for singing are built of."""

import math
from typing import Optional, Sequence

import torch
from espnet2.gan_tts.hifigan.residual_block import ResidualBlock
from torch import nn

from espnet2_nhv.vocoder.upsampling import check_channels
from espnet2_nhv.vocoder.weight_norm import add_weight_norm


class SourceHiFiGAN(nn.Module):
    """Transposed convolutions and residual blocks from frames to samples; some stages add the source once upsampled.

    Parameters
    ----------
    name : str, the vocoder, for messages
    n_in : int >= 1, channels of the features
    channels : int, multiple of 2 to the number of scales, of the first layer
    scales : sequence of int, samples a frame being their product
    source_stages : sequence of int, the stages that get the source
    source_rate : int, how many samples of the source there are in a frame; a multiple of the rate of those stages
    kernel_sizes, dilations : as for HiFi-GAN

    Source: J. Kong et al., "HiFi-GAN", NeurIPS 2020, with strided convolutions over a source as in the neural
    source-filter variants of the singing community.
    """

    def __init__(
        self,
        name: str,
        n_in: int,
        channels: int,
        scales: Sequence[int],
        source_stages: Sequence[int],
        source_rate: int,
        kernel_sizes: Sequence[int] = (3, 7, 11),
        dilations: Sequence[Sequence[int]] = ((1, 3, 5), (1, 3, 5), (1, 3, 5)),
    ):
        super().__init__()
        check_channels(name, channels, scales)
        self.entry = nn.Conv1d(n_in, channels, 7, padding=3)
        self.upsamples, self.blocks, sources = nn.ModuleList(), nn.ModuleList(), nn.ModuleDict()
        for stage, scale in enumerate(scales):
            padding = dict(padding=scale // 2 + scale % 2, output_padding=scale % 2)
            self.upsamples.append(nn.ConvTranspose1d(channels, channels // 2, 2 * scale, scale, **padding))
            channels //= 2
            self.blocks.append(
                nn.ModuleList(ResidualBlock(k, channels, list(d)) for k, d in zip(kernel_sizes, dilations))
            )
            if stage in source_stages:
                stride = source_rate // math.prod(scales[: stage + 1])
                # As long as two strides, and centred on the stage's sample.
                shape = dict(kernel_size=2 * stride, stride=stride, padding=(stride + 1) // 2)
                sources[str(stage)] = nn.Conv1d(1, channels, **(shape if stride > 1 else dict(kernel_size=1)))
        self.head = nn.Conv1d(channels, 1, 7, padding=3)
        add_weight_norm(self)
        self.sources = sources  # without normalisation

    def forward(self, x: torch.Tensor, source: Optional[torch.Tensor]) -> torch.Tensor:
        """Features ``(B, n_in, T)`` and source ``(B, 1, T * source_rate)`` to a waveform ``(B, 1, N)``."""
        x = self.entry(x)
        for stage, (upsample, blocks) in enumerate(zip(self.upsamples, self.blocks)):
            x = upsample(nn.functional.leaky_relu(x, 0.1))
            if str(stage) in self.sources:
                x = x + self.sources[str(stage)](source)
            x = sum(block(x) for block in blocks) / len(blocks)
        return torch.tanh(self.head(nn.functional.leaky_relu(x)))
