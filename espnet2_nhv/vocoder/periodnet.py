"""PeriodNet: one Parallel WaveGAN over a sine for what is periodic, another over noise for what is not."""

from typing import Optional, Sequence

import torch
from espnet2.gan_tts.parallel_wavegan import ParallelWaveGANGenerator

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.vocoder.base import AbsVocoder
from espnet2_nhv.vocoder.excitation import phase_of_samples, sine
from espnet2_nhv.vocoder.upsampling import check_scales

_AUX_CONTEXT = 2  # frames on either side that a first layer sees


class PeriodNet(AbsVocoder):
    """PeriodNet, parallel: both parts read the mel alone, and are added.

    Both are ESPnet's Parallel WaveGAN generator. F0 being continuous here, the sine sounds throughout and no voicing is
    read. The depths are this project's: together they are one Parallel WaveGAN's.

    Parameters
    ----------
    spec : FeatureSpec
    periodic_layers, periodic_stacks : int >= 1, of the periodic part, layers a multiple of stacks
    aperiodic_layers, aperiodic_stacks : int >= 1, of the aperiodic part
    residual_channels, skip_channels : int >= 1
    upsample_scales : sequence of int whose product is `spec.hop_length`, or None for what follows from it

    Source: Y. Hono et al., "PeriodNet: A non-autoregressive waveform generation model with a structure separating
    periodic and aperiodic components", ICASSP 2021.
    """

    needs_f0 = True
    # Whether the aperiodic part hears the periodic one.
    in_series = False

    def __init__(
        self,
        spec: FeatureSpec,
        periodic_layers: int = 20,
        periodic_stacks: int = 2,
        aperiodic_layers: int = 10,
        aperiodic_stacks: int = 1,
        residual_channels: int = 64,
        skip_channels: int = 64,
        upsample_scales: Optional[Sequence[int]] = None,
    ):
        super().__init__(spec)
        scales = check_scales("periodnet", upsample_scales, spec.hop_length, largest=4)

        def generator(n_in: int, layers: int, stacks: int) -> ParallelWaveGANGenerator:
            if layers % stacks:
                raise UserError(f"periodnet: {layers} layers do not divide into {stacks} stacks")
            return ParallelWaveGANGenerator(
                in_channels=n_in,
                layers=layers,
                stacks=stacks,
                residual_channels=residual_channels,
                gate_channels=2 * residual_channels,
                skip_channels=skip_channels,
                aux_channels=spec.n_mels,
                aux_context_window=_AUX_CONTEXT,
                # A dictionary of its own: ESPnet writes into this argument.
                upsample_params={"upsample_scales": list(scales)},
            )

        self.periodic = generator(1, periodic_layers, periodic_stacks)
        self.aperiodic = generator(2 if self.in_series else 1, aperiodic_layers, aperiodic_stacks)

    def forward(self, mel: torch.Tensor, f0: Optional[torch.Tensor] = None) -> torch.Tensor:
        phase, _ = phase_of_samples("periodnet", f0, self.spec.hop_length, self.fs)
        mel = self.normalize(mel)
        periodic = self.periodic(mel, sine(phase)[:, None])
        noise = torch.randn_like(periodic)
        if self.in_series:
            noise = torch.cat([noise, periodic], dim=1)
        return periodic + self.aperiodic(mel, noise)

    def fuse(self) -> "PeriodNet":
        self.periodic.remove_weight_norm()
        self.aperiodic.remove_weight_norm()
        return self


class PeriodNetSeries(PeriodNet):
    """PeriodNet, in series: the aperiodic part reads the periodic one's result beside the mel and its noise.

    Source: Y. Hono et al., "PeriodNet: A non-autoregressive waveform generation model with a structure separating
    periodic and aperiodic components", ICASSP 2021.
    """

    in_series = True
