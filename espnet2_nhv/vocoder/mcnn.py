"""A multi-head convolutional network that inverts spectrograms."""

from typing import Optional, Sequence

import torch
from torch import nn

from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.vocoder.base import AbsVocoder
from espnet2_nhv.vocoder.upsampling import check_scales


class MultiHeadCNN(AbsVocoder):
    """Heads side by side, each of transposed and residual convolutions from frames to samples, weighed and added.

    Stages raise the rate while they halve the channels; trained on magnitudes of STFTs alone, without an adversary. The
    residual convolutions are what later vocoders of this family added to the first.

    Parameters
    ----------
    spec : FeatureSpec
    n_heads : int >= 1
    channels : int >= 1, of a head's first stage
    kernel_size : int, odd, >= any scale, of the transposed convolutions
    upsample_scales : sequence of int whose product is `spec.hop_length`, or None for what follows from it
    residual : bool, with a residual convolution after each transposed one but the last

    Source: S. Ö. Arik et al., "Fast Spectrogram Inversion using Multi-head Convolutional Neural Networks", IEEE Signal
    Processing Letters 2019.
    """

    def __init__(
        self,
        spec: FeatureSpec,
        n_heads: int = 8,
        channels: int = 128,
        kernel_size: int = 13,
        upsample_scales: Optional[Sequence[int]] = None,
        residual: bool = True,
    ):
        super().__init__(spec)
        scales = check_scales("mcnn", upsample_scales, spec.hop_length, largest=2)
        self.n_heads = n_heads
        layers, n_in = [], spec.n_mels
        for stage, scale in enumerate(scales, 1):
            n_out = n_heads * (1 if stage == len(scales) else channels)
            # Heads are groups, but for the first layer, whose heads all read the mel.
            layers.append(_Upsample(n_in, n_out, kernel_size, scale, groups=1 if stage == 1 else n_heads))
            if stage < len(scales):
                layers.append(nn.ELU())
                layers += [_Residual(n_out, n_heads)] if residual else []
            n_in, channels = n_out, max(channels // 2, 1)
        self.heads = nn.Sequential(*layers)
        # The last layers add up few weights, for which PyTorch draws biases that drown what the mel makes: a constant
        # and tones at fractions of the sampling rate, louder than singing.
        for name, parameter in self.heads.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(parameter)
        self.head_gains = nn.Parameter(torch.ones(n_heads, 1))
        self.gain, self.steepness = nn.Parameter(torch.ones(())), nn.Parameter(torch.ones(()))

    def forward(self, mel: torch.Tensor, f0: Optional[torch.Tensor] = None) -> torch.Tensor:
        heads = self.heads(self.normalize(mel))
        wav = (self.head_gains * heads).sum(dim=1, keepdim=True)
        return self.gain * wav / (1.0 + (self.steepness * wav).abs())  # softsign with learned scales


class _Upsample(nn.ConvTranspose1d):
    """Transposed convolution to exactly `scale` times the length."""

    def __init__(self, n_in: int, n_out: int, kernel_size: int, scale: int, groups: int):
        padding = (kernel_size - scale + 1) // 2
        super().__init__(
            n_in, n_out, kernel_size, scale, padding, output_padding=scale - kernel_size + 2 * padding, groups=groups
        )


class _Residual(nn.Module):
    def __init__(self, channels: int, groups: int):
        super().__init__()
        self.convolution = nn.Conv1d(channels, channels, 3, padding=1, groups=groups)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + nn.functional.elu(self.convolution(x))
