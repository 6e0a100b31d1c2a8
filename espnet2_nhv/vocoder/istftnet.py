"""iSTFTNet: HiFi-GAN whose last stages are an inverse STFT."""

import math
from typing import Optional, Sequence

import torch
from espnet2.gan_tts.hifigan.residual_block import ResidualBlock
from torch import nn

from espnet2_nhv.dsp.inverse_stft import inverse_stft, magnitude, one_frame_more
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.vocoder.base import AbsVocoder
from espnet2_nhv.vocoder.upsampling import check_channels, check_scales
from espnet2_nhv.vocoder.weight_norm import add_weight_norm, remove_weight_norm


class ISTFTNet(AbsVocoder):
    """iSTFTNet, C8C8I: two stages of HiFi-GAN V1 that upsample by eight, then an inverse STFT of 16 samples.

    Parameters
    ----------
    spec : FeatureSpec, with a hop length that is a multiple of `istft_hop`
    channels : int, multiple of 2 to the number of scales, of the first layer
    upsample_scales : sequence of int whose product is ``spec.hop_length / istft_hop``, or None for what follows from it
    istft_hop : int >= 1, samples; the transform has four times as many
    resblock_kernel_sizes, resblock_dilations : as for HiFi-GAN

    Source: T. Kaneko et al., "iSTFTNet", ICASSP 2022.
    """

    def __init__(
        self,
        spec: FeatureSpec,
        channels: int = 512,
        upsample_scales: Optional[Sequence[int]] = None,
        istft_hop: int = 4,
        resblock_kernel_sizes: Sequence[int] = (3, 7, 11),
        resblock_dilations: Sequence[Sequence[int]] = ((1, 3, 5), (1, 3, 5), (1, 3, 5)),
    ):
        super().__init__(spec)
        if spec.hop_length % istft_hop:
            raise UserError(f"istftnet: the hop length {spec.hop_length} is not a multiple of istft_hop {istft_hop}")
        scales = check_scales("istftnet", upsample_scales, spec.hop_length // istft_hop)
        check_channels("istftnet", channels, scales)
        self.istft_hop = istft_hop
        n_fft = 4 * istft_hop
        self.entry = nn.Conv1d(spec.n_mels, channels, 7, padding=3)
        self.upsamples, self.blocks = nn.ModuleList(), nn.ModuleList()
        for scale in scales:
            padding = dict(padding=scale // 2 + scale % 2, output_padding=scale % 2)
            self.upsamples.append(nn.ConvTranspose1d(channels, channels // 2, 2 * scale, scale, **padding))
            channels //= 2
            kernels_and_dilations = zip(resblock_kernel_sizes, resblock_dilations)
            self.blocks.append(nn.ModuleList(ResidualBlock(k, channels, list(d)) for k, d in kernels_and_dilations))
        self.head = nn.Conv1d(channels, n_fft + 2, 7, padding=3)
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        add_weight_norm(self)

    def forward(self, mel: torch.Tensor, f0: Optional[torch.Tensor] = None) -> torch.Tensor:
        x = self.entry(self.normalize(mel))
        for upsample, blocks in zip(self.upsamples, self.blocks):
            x = upsample(nn.functional.leaky_relu(x, 0.1))
            x = sum(block(x) for block in blocks) / len(blocks)
        log_magnitude, phase = self.head(one_frame_more(nn.functional.leaky_relu(x))).chunk(2, dim=1)
        level, phase = magnitude(log_magnitude), math.pi * torch.sin(phase)
        return inverse_stft(level * torch.cos(phase), level * torch.sin(phase), self.window, self.istft_hop)

    def fuse(self) -> "ISTFTNet":
        remove_weight_norm(self)
        return self
