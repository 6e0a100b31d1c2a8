"""ESPnet's UHiFi-GAN generator on our contract, with an excitation of our own."""

import contextlib
from typing import Optional, Sequence

import torch
from espnet2.gan_svs.uhifigan import uhifigan as espnet
from espnet2.gan_tts.hifigan.residual_block import ResidualBlock

from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.vocoder.espnet_generator import ESPnetGenerator
from espnet2_nhv.vocoder.excitation import phase_of_samples, sine
from espnet2_nhv.vocoder.upsampling import check_scales

_SINE_LEVEL, _NOISE_LEVEL = 0.1, 0.003


class UHiFiGAN(ESPnetGenerator):
    """UHiFi-GAN, as ESPnet has it, excited by a sine at F0 and faint noise.

    A U-net: the excitation is brought down to the frame rate, and each of its stages is given to the stage of the
    HiFi-GAN that upsamples the mel to the same rate. The usual preparation of this generator feeds it the logarithm of
    F0 and repeats the contour over and over; this excitation follows F0 in phase, so their results do not compare.

    Parameters
    ----------
    spec : FeatureSpec
    channels : int >= 1, at the sampling rate; each stage down doubles them
    upsample_scales : sequence of int whose product is `spec.hop_length`, or None for what follows from it
    dropout : float in [0, 1)

    Source: J. Shi et al., "Muskits-ESPnet", 2024, and ESPnet's ``gan_svs/uhifigan``, excitation apart.
    """

    needs_f0 = True

    def __init__(
        self,
        spec: FeatureSpec,
        channels: int = 32,
        upsample_scales: Optional[Sequence[int]] = None,
        dropout: float = 0.3,
    ):
        super().__init__(spec)
        scales = check_scales("uhifigan", upsample_scales, spec.hop_length, count=4)
        with _blocks_of_espnets_own():
            self.generator = espnet.UHiFiGANGenerator(
                in_channels=spec.n_mels,
                channels=channels,
                downsample_scales=scales[::-1],
                downsample_kernel_sizes=[2 * scale for scale in scales[::-1]],
                upsample_scales=scales,
                upsample_kernel_sizes=[2 * scale for scale in scales],
                dropout=dropout,
            )

    def forward(self, mel: torch.Tensor, f0: Optional[torch.Tensor] = None) -> torch.Tensor:
        phase, _ = phase_of_samples("uhifigan", f0, self.spec.hop_length, self.fs)
        excitation = _SINE_LEVEL * sine(phase)
        excitation = excitation + _NOISE_LEVEL * torch.randn_like(excitation)
        return self.generator(c=self.normalize(mel), excitation=excitation[:, None])


@contextlib.contextmanager
def _blocks_of_espnets_own():
    """Give ESPnet's file, while it builds, the three classes that it looks for in a package of another project.

    That package no longer imports beside today's SciPy. Its residual block is the one that ESPnet's HiFi-GAN has; its
    causal layers are not used.
    """
    names = dict(
        ResidualBlock=lambda use_causal_conv, **conf: ResidualBlock(**conf),
        CausalConv1d=torch.nn.Conv1d,
        CausalConvTranspose1d=torch.nn.ConvTranspose1d,
    )
    before = {name: getattr(espnet, name) for name in names}
    vars(espnet).update(names)
    try:
        yield
    finally:
        vars(espnet).update(before)
