"""ESPnet's StyleMelGAN generator on our contract."""

import math
from typing import Optional, Sequence

import torch
from espnet2.gan_tts.style_melgan import StyleMelGANGenerator

from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.vocoder.espnet_generator import ESPnetGenerator
from espnet2_nhv.vocoder.upsampling import check_scales


class StyleMelGAN(ESPnetGenerator):
    """StyleMelGAN, as ESPnet has it (3.6 M parameters; its paper's has 3.9 M).

    Noise vectors, one for every `noise_frames` frames, are upsampled to the frames and styled by the mel. Frames are
    filled up to a whole number of noise vectors, so segments of a multiple of `noise_frames` waste no work.

    Parameters
    ----------
    spec : FeatureSpec
    channels : int >= 1
    noise_channels : int >= 1
    noise_upsample_scales : sequence of int, their product is `noise_frames`
    upsample_scales : sequence of int whose product is `spec.hop_length`, or None for what follows from it

    Source: A. Mustafa et al., "StyleMelGAN", ICASSP 2021.
    """

    def __init__(
        self,
        spec: FeatureSpec,
        channels: int = 64,
        noise_channels: int = 128,
        noise_upsample_scales: Sequence[int] = (11, 2, 2, 2),
        upsample_scales: Optional[Sequence[int]] = None,
    ):
        super().__init__(spec)
        self.noise_frames = math.prod(noise_upsample_scales)
        self.generator = StyleMelGANGenerator(
            in_channels=noise_channels,
            aux_channels=spec.n_mels,
            channels=channels,
            noise_upsample_scales=list(noise_upsample_scales),
            upsample_scales=check_scales(
                "stylemelgan", upsample_scales, spec.hop_length, with_ones=True, count=9, largest=2
            ),
        )

    def forward(self, mel: torch.Tensor, f0: Optional[torch.Tensor] = None) -> torch.Tensor:
        batch, _, n_frames = mel.shape
        n_noise = math.ceil(n_frames / self.noise_frames)
        mel = self.normalize(mel)
        missing = n_noise * self.noise_frames - n_frames
        mel = torch.cat([mel, mel[:, :, -1:].expand(-1, -1, missing)], dim=2)
        noise = torch.randn(batch, self.generator.in_channels, n_noise, device=mel.device)
        return self.generator(mel, noise)[..., : n_frames * self.spec.hop_length]
