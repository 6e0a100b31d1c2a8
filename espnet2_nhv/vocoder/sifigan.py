"""SiFi-GAN: a source network that follows F0 and a filter network, both in the shape of HiFi-GAN."""

from typing import Dict, List, Optional, Sequence, Tuple

import torch
from espnet2.gan_tts.hifigan.residual_block import ResidualBlock
from torch import nn

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.loss.source import SourceLoss
from espnet2_nhv.vocoder.base import AbsVocoder
from espnet2_nhv.vocoder.excitation import phase_of_samples, sine
from espnet2_nhv.vocoder.upsampling import check_channels, check_scales
from espnet2_nhv.vocoder.weight_norm import add_weight_norm, remove_weight_norm

_SINE_LEVEL, _NOISE_LEVEL = 0.1, 0.003


class SiFiGAN(AbsVocoder):
    """Source-filter HiFi-GAN.

    A sine at F0 is brought down to the rate of every stage. The source network upsamples the mel beside it, with
    convolutions whose dilation follows the period; what it has made is brought down again for the filter network. The
    loss of its own, ``source``, is :class:`~espnet2_nhv.loss.source.SourceLoss`.

    Parameters
    ----------
    spec : FeatureSpec
    channels : int, multiple of 2 to the number of scales, of the first layer
    upsample_scales : sequence of four int whose product is `spec.hop_length`, or None for what follows from it
    dense_factors : sequence of float > 0, one a stage: how many taps lie in a period
    source_dilations : sequence of sequence of int, one a stage, multiples of the distance of those taps
    filter_kernel_sizes : sequence of int, odd
    filter_dilations : sequence of int

    Source: R. Yoneyama et al., "Source-Filter HiFi-GAN", ICASSP 2023.
    """

    needs_f0 = True
    own_losses = ("source",)

    def __init__(
        self,
        spec: FeatureSpec,
        channels: int = 512,
        upsample_scales: Optional[Sequence[int]] = None,
        dense_factors: Sequence[float] = (0.5, 1, 4, 8),
        source_dilations: Sequence[Sequence[int]] = ((1,), (1, 2), (1, 2, 4), (1, 2, 4, 8)),
        filter_kernel_sizes: Sequence[int] = (3, 5, 7),
        filter_dilations: Sequence[int] = (1, 3, 5),
    ):
        super().__init__(spec)
        self.scales = check_scales("sifigan", upsample_scales, spec.hop_length, count=len(dense_factors))
        check_channels("sifigan", channels, self.scales)
        if len(self.scales) != len(dense_factors) or len(self.scales) != len(source_dilations):
            raise UserError(
                f"sifigan: {len(self.scales)} stages need as many dense_factors and source_dilations, "
                f"there are {len(dense_factors)} and {len(source_dilations)}"
            )
        self.dense_factors = list(dense_factors)
        sizes = [channels // 2**stage for stage in range(len(self.scales) + 1)]
        self.entry = nn.Conv1d(spec.n_mels, channels, 7, padding=3)
        self.sine_entry = nn.Conv1d(1, sizes[-1], 7, padding=3)
        self.sine_down, self.source_down = _downsamples(sizes, self.scales), _downsamples(sizes, self.scales)
        self.source_up, self.filter_up = _upsamples(sizes, self.scales), _upsamples(sizes, self.scales)
        self.source_blocks = nn.ModuleList(
            _PitchBlock(size, dilations) for size, dilations in zip(sizes[1:], source_dilations)
        )
        self.filter_blocks = nn.ModuleList(
            nn.ModuleList(
                ResidualBlock(kernel, size, list(filter_dilations), use_additional_convs=False)
                for kernel in filter_kernel_sizes
            )
            for size in sizes[1:]
        )
        self.source_head = nn.Conv1d(sizes[-1], 1, 7, padding=3)
        self.filter_head = nn.Conv1d(sizes[-1], 1, 7, padding=3)
        self.source_loss = SourceLoss(spec)
        add_weight_norm(self)

    def forward(self, mel: torch.Tensor, f0: Optional[torch.Tensor] = None) -> torch.Tensor:
        mel = self.entry(self.normalize(mel))
        return self._filter(mel, self._source(mel, f0))

    def forward_with_losses(
        self, mel: torch.Tensor, f0: Optional[torch.Tensor], wav: torch.Tensor
    ) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
        mel = self.entry(self.normalize(mel))
        hidden = self._source(mel, f0)
        source = self.source_head(nn.functional.leaky_relu(hidden))
        return self._filter(mel, hidden), dict(source=self.source_loss(source, wav, f0))

    def fuse(self) -> "SiFiGAN":
        remove_weight_norm(self)
        return self

    def _source(self, mel: torch.Tensor, f0: Optional[torch.Tensor]) -> torch.Tensor:
        """What the source network makes at the sampling rate, ``(B, channels / 2 ** stages, N)``."""
        phase, f0_samples = phase_of_samples("sifigan", f0, self.spec.hop_length, self.fs)
        excitation = _SINE_LEVEL * sine(phase)[:, None]
        excitation = excitation + _NOISE_LEVEL * torch.randn_like(excitation)
        levels = _pyramid(self.sine_entry(excitation), self.sine_down)
        x, rate = mel, 1
        for stage, (upsample, block) in enumerate(zip(self.source_up, self.source_blocks)):
            rate *= self.scales[stage]
            step = self.spec.hop_length // rate
            tap = self.fs / step / self.dense_factors[stage] / f0_samples[:, ::step]
            x = block(upsample(nn.functional.leaky_relu(x, 0.1)) + levels[stage], tap)
        return x

    def _filter(self, mel: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
        levels = _pyramid(source, self.source_down)
        x = mel
        for upsample, level, blocks in zip(self.filter_up, levels, self.filter_blocks):
            x = upsample(nn.functional.leaky_relu(x, 0.1)) + level
            x = sum(block(x) for block in blocks) / len(blocks)
        return torch.tanh(self.filter_head(nn.functional.leaky_relu(x)))


class _PitchBlock(nn.Module):
    """Convolutions of three taps whose distance follows the period, each with a plain one, beside skip connections."""

    def __init__(self, channels: int, dilations: Sequence[int]):
        super().__init__()
        self.dilations = list(dilations)
        self.taps = nn.ModuleList(
            nn.ModuleList(nn.Conv1d(channels, channels, 1) for _ in range(3)) for _ in self.dilations
        )
        self.plain = nn.ModuleList(nn.Conv1d(channels, channels, 3, padding=1) for _ in self.dilations)

    def forward(self, x: torch.Tensor, tap: torch.Tensor) -> torch.Tensor:
        """``(B, channels, N)`` and the distance of taps ``(B, N)``, samples, to ``(B, channels, N)``."""
        for dilation, (present, past, future), plain in zip(self.dilations, self.taps, self.plain):
            y = nn.functional.leaky_relu(x, 0.1)
            distance = torch.round(tap * dilation).long()
            y = present(y) + past(_shifted(y, -distance)) + future(_shifted(y, distance))
            x = x + plain(nn.functional.leaky_relu(y, 0.1))
        return x


def _shifted(x: torch.Tensor, distance: torch.Tensor) -> torch.Tensor:
    """Sample ``n + distance[n]`` of ``(B, C, N)`` at every n, zero where there is none."""
    wanted = torch.arange(x.shape[-1], device=x.device) + distance
    there = (wanted >= 0) & (wanted < x.shape[-1])
    index = wanted.clamp(0, x.shape[-1] - 1)[:, None].expand(-1, x.shape[1], -1)
    return x.gather(2, index) * there[:, None].to(x.dtype)


def _pyramid(x: torch.Tensor, downsamples: nn.ModuleList) -> List[torch.Tensor]:
    """`x` at the rate of every stage, the slowest first."""
    levels = [x]
    for downsample in downsamples:
        levels.append(nn.functional.leaky_relu(downsample(levels[-1]), 0.1))
    return levels[::-1]


def _upsamples(sizes: Sequence[int], scales: Sequence[int]) -> nn.ModuleList:
    return nn.ModuleList(
        nn.ConvTranspose1d(
            n_in, n_out, 2 * scale, scale, padding=scale // 2 + scale % 2, output_padding=scale % 2
        )
        for n_in, n_out, scale in zip(sizes, sizes[1:], scales)
    )  # fmt: skip


def _downsamples(sizes: Sequence[int], scales: Sequence[int]) -> nn.ModuleList:
    """From the last stage's rate to the first's; none below."""
    stages = list(zip(sizes[1:], sizes[2:], scales[1:]))
    return nn.ModuleList(
        nn.Conv1d(n_in, n_out, 2 * scale, scale, padding=scale - 1) for n_out, n_in, scale in reversed(stages)
    )
