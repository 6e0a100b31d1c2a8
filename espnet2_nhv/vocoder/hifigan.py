"""ESPnet's HiFi-GAN generator on our contract."""

from typing import Optional, Sequence

import torch
from espnet2.gan_tts.hifigan import HiFiGANGenerator

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.vocoder.base import AbsVocoder


class HiFiGAN(AbsVocoder):
    """HiFi-GAN (V1 size by default), as ESPnet has it.

    Parameters
    ----------
    spec : FeatureSpec
    channels : int, multiple of 2 to the number of scales, of the first layer; 512 is V1, 128 is V2
    upsample_scales : sequence of int whose product is `spec.hop_length`
    **generator_conf : further arguments of ``espnet2.gan_tts.hifigan.HiFiGANGenerator``

    Source: J. Kong et al., "HiFi-GAN", NeurIPS 2020.
    """

    def __init__(
        self, spec: FeatureSpec, channels: int = 512, upsample_scales: Sequence[int] = (8, 8, 2, 2), **generator_conf
    ):
        super().__init__(spec)
        scales = [int(scale) for scale in upsample_scales]
        if torch.tensor(scales).prod().item() != spec.hop_length:
            raise UserError(f"hifigan: upsample_scales {scales} do not multiply to the hop length {spec.hop_length}")
        if channels < 1 or channels % 2 ** len(scales):
            raise UserError(f"hifigan: channels {channels} cannot be halved {len(scales)} times, once a scale")
        self.generator = HiFiGANGenerator(
            in_channels=spec.n_mels,
            channels=channels,
            upsample_scales=scales,
            upsample_kernel_sizes=[2 * scale for scale in scales],
            **generator_conf,
        )

    def forward(self, mel: torch.Tensor, f0: Optional[torch.Tensor] = None) -> torch.Tensor:
        return self.generator(self.normalize(mel))

    def fuse(self) -> "HiFiGAN":
        self.generator.remove_weight_norm()
        return self
