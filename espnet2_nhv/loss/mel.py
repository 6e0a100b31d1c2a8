"""Mel-spectrogram loss on the feature contract."""

import dataclasses

import torch

from espnet2_nhv.feature.mel import LogMel
from espnet2_nhv.feature.spec import FeatureSpec


class MelLoss(torch.nn.Module):
    """Mean absolute difference of log-mel spectra, in nepers whatever the spec's logarithm.

    It is ESPnet's MelSpectrogramLoss on the very numbers that the vocoder reads. The weight of 45 known from HiFi-GAN
    belongs to the natural logarithm; in the spec's own base the same weight would mean another loss.

    Parameters
    ----------
    spec : FeatureSpec

    Source: J. Kong et al., "HiFi-GAN", NeurIPS 2020, https://arxiv.org/abs/2010.05646.
    """

    def __init__(self, spec: FeatureSpec):
        super().__init__()
        self.log_mel = LogMel(dataclasses.replace(spec, log_base=None))

    def forward(self, wav_hat: torch.Tensor, wav: torch.Tensor) -> torch.Tensor:
        """The loss of `wav_hat` against the reference `wav`.

        Parameters
        ----------
        wav_hat, wav : Tensor [shape=(B, 1, L)], L >= hop_length, any floating type

        Returns
        -------
        loss : Tensor [shape=(), dtype=float32], >= 0
        """
        with torch.no_grad():
            target = self.log_mel(wav[:, 0])
        return torch.nn.functional.l1_loss(self.log_mel(wav_hat[:, 0]), target)
