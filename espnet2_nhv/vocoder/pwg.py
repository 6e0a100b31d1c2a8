"""ESPnet's Parallel WaveGAN generator on our contract."""

from typing import Optional, Sequence

from espnet2.gan_tts.parallel_wavegan import ParallelWaveGANGenerator

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.vocoder.espnet_generator import ESPnetGenerator
from espnet2_nhv.vocoder.upsampling import check_scales

_AUX_CONTEXT = 2  # frames on either side that the first layer sees


class ParallelWaveGAN(ESPnetGenerator):
    """Parallel WaveGAN, as ESPnet has it (1.35 M parameters; its paper's has 1.44 M).

    Parameters
    ----------
    spec : FeatureSpec
    layers, stacks : int >= 1, layers a multiple of stacks
    residual_channels, skip_channels : int >= 1
    upsample_scales : sequence of int whose product is `spec.hop_length`, or None for what follows from it

    Source: R. Yamamoto et al., "Parallel WaveGAN", ICASSP 2020.
    """

    def __init__(
        self,
        spec: FeatureSpec,
        layers: int = 30,
        stacks: int = 3,
        residual_channels: int = 64,
        skip_channels: int = 64,
        upsample_scales: Optional[Sequence[int]] = None,
    ):
        super().__init__(spec)
        if layers % stacks:
            raise UserError(f"pwg: {layers} layers do not divide into {stacks} stacks")
        scales = check_scales("pwg", upsample_scales, spec.hop_length, largest=4)
        self.generator = ParallelWaveGANGenerator(
            layers=layers,
            stacks=stacks,
            residual_channels=residual_channels,
            gate_channels=2 * residual_channels,
            skip_channels=skip_channels,
            aux_channels=spec.n_mels,
            aux_context_window=_AUX_CONTEXT,
            # A dictionary of our own: ESPnet writes into this argument.
            upsample_params={"upsample_scales": scales},
        )
