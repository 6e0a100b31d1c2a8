"""ESPnet's MelGAN generator on our contract, full-band and multi-band."""

from typing import Dict, Optional, Sequence, Tuple

import torch
from espnet2.gan_tts.melgan import MelGANGenerator
from espnet2.gan_tts.melgan.pqmf import PQMF

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.loss.stft import MultiResolutionSTFTLoss
from espnet2_nhv.vocoder.espnet_generator import ESPnetGenerator
from espnet2_nhv.vocoder.upsampling import check_channels, check_scales

# Of the sub-band signals, the full-band ones being four times as long.
_SUBBAND_RESOLUTIONS = ((384, 30, 150), (683, 60, 300), (171, 10, 60))
# ESPnet's filter bank is optimised for four bands.
_N_BANDS = 4


class MelGAN(ESPnetGenerator):
    """MelGAN, as ESPnet has it.

    Parameters
    ----------
    spec : FeatureSpec
    channels : int, multiple of 2 to the number of scales, of the first layer
    upsample_scales : sequence of int whose product is `spec.hop_length`, or None for what follows from it
    stacks : int >= 1, residual blocks a stage

    Source: K. Kumar et al., "MelGAN", NeurIPS 2019.
    """

    def __init__(
        self,
        spec: FeatureSpec,
        channels: int = 512,
        upsample_scales: Optional[Sequence[int]] = None,
        stacks: int = 3,
    ):
        super().__init__(spec)
        scales = check_scales("melgan", upsample_scales, spec.hop_length, count=4)
        self.generator = _generator("melgan", spec, channels, scales, stacks, out_channels=1)


class MultiBandMelGAN(ESPnetGenerator):
    """MelGAN that writes four sub-bands, put together by ESPnet's pseudo-quadrature-mirror filters.

    The loss of its own, ``subband_stft``, is the STFT loss of the sub-bands.

    Parameters
    ----------
    spec : FeatureSpec, with a hop length that is a multiple of 4
    channels : int, multiple of 2 to the number of scales, of the first layer
    upsample_scales : sequence of int whose product is ``spec.hop_length / 4``, or None for what follows from it
    stacks : int >= 1, residual blocks a stage

    Source: G. Yang et al., "Multi-band MelGAN", SLT 2021.
    """

    own_losses = ("subband_stft",)

    def __init__(
        self,
        spec: FeatureSpec,
        channels: int = 384,
        upsample_scales: Optional[Sequence[int]] = None,
        stacks: int = 4,
    ):
        super().__init__(spec)
        if spec.hop_length % _N_BANDS:
            raise UserError(f"mb-melgan: the hop length {spec.hop_length} is not a multiple of its {_N_BANDS} bands")
        scales = check_scales("mb-melgan", upsample_scales, spec.hop_length // _N_BANDS, count=3)
        self.generator = _generator("mb-melgan", spec, channels, scales, stacks, out_channels=_N_BANDS)
        self.pqmf = PQMF(_N_BANDS)
        self.subband_stft = MultiResolutionSTFTLoss(_SUBBAND_RESOLUTIONS)

    def forward(self, mel: torch.Tensor, f0: Optional[torch.Tensor] = None) -> torch.Tensor:
        return self._joined(self.generator(self.normalize(mel)))

    def forward_with_losses(
        self, mel: torch.Tensor, f0: Optional[torch.Tensor], wav: torch.Tensor
    ) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
        bands = self.generator(self.normalize(mel))
        return self._joined(bands), dict(subband_stft=self.subband_stft(bands, self.pqmf.analysis(wav.float())))

    def _joined(self, bands: torch.Tensor) -> torch.Tensor:
        # Half precision would put noise at the level of eleven bits into the sound.
        with torch.autocast(bands.device.type, enabled=False):
            return self.pqmf.synthesis(bands.float())


def _generator(name, spec, channels, scales, stacks, out_channels) -> MelGANGenerator:
    check_channels(name, channels, scales)
    try:
        return MelGANGenerator(
            in_channels=spec.n_mels,
            out_channels=out_channels,
            channels=channels,
            upsample_scales=scales,
            stacks=stacks,
            # Mirrored edges, which ESPnet takes by default, need more frames than a short note may have.
            pad="ReplicationPad1d",
        )
    except AssertionError:
        raise UserError(f"{name}: {channels} channels are too few for upsampling by {scales}") from None
