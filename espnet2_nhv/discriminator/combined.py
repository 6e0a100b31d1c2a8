"""Discriminators side by side."""

from typing import Any, Dict, List, Optional

import torch
from espnet2.gan_tts.hifigan import HiFiGANMultiPeriodDiscriminator

from espnet2_nhv.discriminator.spectral import MultiBandSTFTDiscriminator, MultiResolutionDiscriminator
from espnet2_nhv.errors import UserError

_SPECTRAL = dict(univnet_mrd=MultiResolutionDiscriminator, multi_band_stft=MultiBandSTFTDiscriminator)


class PeriodAndSpectrum(torch.nn.Module):
    """ESPnet's multi-period discriminator and one of spectrograms, in the place of HiFi-GAN's multi-scale one.

    Parameters
    ----------
    spectral : ['univnet_mrd', 'multi_band_stft']
    period_conf : arguments of ESPnet's HiFiGANMultiPeriodDiscriminator
    spectral_conf : arguments of the spectral one
    spectral_weight : float >= 0, how much the verdicts on spectrograms count; those on periods count 1

    Attributes
    ----------
    part_weights : list of float, how much each part of what :meth:`forward` returns counts in every loss

    Raises
    ------
    UserError
        If there is no such spectral discriminator.
    """

    def __init__(
        self,
        spectral: str = "univnet_mrd",
        period_conf: Optional[Dict[str, Any]] = None,
        spectral_conf: Optional[Dict[str, Any]] = None,
        spectral_weight: float = 1.0,
    ):
        super().__init__()
        if spectral not in _SPECTRAL:
            raise UserError(f"mpd_mrd: spectral is {spectral!r}; there are {', '.join(_SPECTRAL)}")
        self.period = HiFiGANMultiPeriodDiscriminator(**(period_conf or {}))
        self.spectral = _SPECTRAL[spectral](**(spectral_conf or {}))
        self.part_weights = [1.0] * len(self.period.discriminators) + [spectral_weight] * len(self.spectral.parts)

    def forward(self, x: torch.Tensor) -> List[List[torch.Tensor]]:
        """Waveforms ``(B, 1, N)`` to the outputs of all layers of each part, the verdict last."""
        return [*self.period(x), *self.spectral(x)]
