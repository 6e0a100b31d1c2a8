"""ESPnet's HiFi-GAN generator on our contract, in its three published sizes."""

from typing import Optional, Sequence

from espnet2.gan_tts.hifigan import HiFiGANGenerator

from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.vocoder.espnet_generator import ESPnetGenerator
from espnet2_nhv.vocoder.upsample_layer import UpsampleLayer
from espnet2_nhv.vocoder.upsampling import check_channels, check_scales


class HiFiGAN(ESPnetGenerator):
    """HiFi-GAN V1, as ESPnet has it.

    Parameters
    ----------
    spec : FeatureSpec
    channels : int, multiple of 2 to the number of scales, of the first layer
    upsample_scales : sequence of int whose product is `spec.hop_length`, or None for what follows from it
    n_scales : int >= 1, how many there are where `upsample_scales` is None
    upsampling : ['transposed', 'nearest', 'linear', 'subpixel'], as the paper has it or another way, see
        :class:`~espnet2_nhv.vocoder.upsample_layer.UpsampleLayer`
    **generator_conf : further arguments of ``espnet2.gan_tts.hifigan.HiFiGANGenerator``

    Source: J. Kong et al., "HiFi-GAN", NeurIPS 2020.
    """

    def __init__(
        self,
        spec: FeatureSpec,
        channels: int = 512,
        upsample_scales: Optional[Sequence[int]] = None,
        n_scales: int = 4,
        upsampling: str = "transposed",
        **generator_conf,
    ):
        super().__init__(spec)
        scales = check_scales("hifigan", upsample_scales, spec.hop_length, count=n_scales)
        check_channels("hifigan", channels, scales)
        self.generator = HiFiGANGenerator(
            in_channels=spec.n_mels,
            channels=channels,
            upsample_scales=scales,
            upsample_kernel_sizes=[2 * scale for scale in scales],
            **generator_conf,
        )
        if upsampling != "transposed":
            for stage, (layers, scale) in enumerate(zip(self.generator.upsamples, scales)):
                sizes = channels // 2**stage, channels // 2 ** (stage + 1)
                layers[-1] = UpsampleLayer(upsampling, *sizes, scale)


class HiFiGANV2(HiFiGAN):
    """HiFi-GAN V2: V1 with a quarter of the channels.

    Source: J. Kong et al., "HiFi-GAN", NeurIPS 2020.
    """

    def __init__(self, spec: FeatureSpec, channels: int = 128, **conf):
        super().__init__(spec, channels, **conf)


class HiFiGANV3(HiFiGAN):
    """HiFi-GAN V3: three stages, and blocks of single convolutions.

    Source: J. Kong et al., "HiFi-GAN", NeurIPS 2020.
    """

    def __init__(
        self,
        spec: FeatureSpec,
        channels: int = 256,
        n_scales: int = 3,
        resblock_kernel_sizes: Sequence[int] = (3, 5, 7),
        resblock_dilations: Sequence[Sequence[int]] = ((1, 2), (2, 6), (3, 12)),
        use_additional_convs: bool = False,
        **conf,
    ):
        super().__init__(
            spec,
            channels,
            n_scales=n_scales,
            resblock_kernel_sizes=resblock_kernel_sizes,
            resblock_dilations=resblock_dilations,
            use_additional_convs=use_additional_convs,
            **conf,
        )
