"""What judges a vocoder of ours in a joint model: the losses of its own training, in the place of ESPnet's mel loss."""

from typing import Any, Dict, Optional

import torch

from espnet2_nhv.errors import UserError
from espnet2_nhv.espnet.joint_vocoder import JointVocoder
from espnet2_nhv.loss.band_level import BandLevelLoss
from espnet2_nhv.loss.modulation import ModulationLoss
from espnet2_nhv.loss.periodicity import PeriodicityLoss
from espnet2_nhv.loss.stft import MultiResolutionSTFTLoss

LOSSES = ("mr_stft", "repulsion", "band_level", "periodicity", "modulation")


class JointVocoderLoss(torch.nn.Module):
    """Weighted sum of losses between what the vocoder has just made and the recording.

    ESPnet's mel loss asks for the mean of what a mel leaves open: for a buzz where the recording has noise. These are
    what :class:`espnet2_nhv.train.model.ESPnetGANVocoderModel` trains a vocoder by.

    Parameters
    ----------
    vocoder : JointVocoder; with a weight of repulsion it draws twice from now on
    weights : dict of name in LOSSES to float >= 0; a name left out weighs 0. `periodicity` and `modulation` take a
        vocoder with F0, and mean something where that is the recording's
    stft_loss_conf, band_level_loss_conf, periodicity_loss_conf, modulation_loss_conf : arguments of the losses' classes

    Raises
    ------
    UserError
        For weights that cannot be.
    """

    def __init__(
        self,
        vocoder: JointVocoder,
        weights: Dict[str, float],
        stft_loss_conf: Optional[Dict[str, Any]] = None,
        band_level_loss_conf: Optional[Dict[str, Any]] = None,
        periodicity_loss_conf: Optional[Dict[str, Any]] = None,
        modulation_loss_conf: Optional[Dict[str, Any]] = None,
    ):
        super().__init__()
        unknown = sorted(set(weights) - set(LOSSES))
        if unknown:
            raise UserError(f"vocoder_loss: there is no loss {unknown[0]!r}; there are {', '.join(LOSSES)}")
        self.weights = {name: float(weights.get(name, 0.0)) for name in LOSSES}
        if min(self.weights.values()) < 0 or not self.weights["mr_stft"]:
            raise UserError("vocoder_loss: give weights of 0 or more, that of mr_stft above 0")
        for name in ("periodicity", "modulation"):
            if self.weights[name] and not vocoder.needs_f0:
                raise UserError(f"vocoder_loss: {name} takes a vocoder that reads F0")
        self._vocoder = [vocoder]  # in a list: its weights are not this module's
        vocoder.draws_twice = self.weights["repulsion"] > 0
        self.mr_stft = MultiResolutionSTFTLoss(**(stft_loss_conf or {}))
        self.band_level = BandLevelLoss(vocoder.spec, **(band_level_loss_conf or {}))
        self.periodicity = PeriodicityLoss(vocoder.spec.fs, **(periodicity_loss_conf or {}))
        self.modulation = ModulationLoss(vocoder.spec.fs, **(modulation_loss_conf or {}))

    def forward(self, wav_hat: torch.Tensor, wav: torch.Tensor) -> torch.Tensor:
        """The loss of what the vocoder made last, `wav_hat`, against the recording `wav`, both ``(B, 1, N)``."""
        vocoder, weights = self._vocoder[0], self.weights
        if vocoder.draws_twice:
            loss, _ = self.mr_stft.energy_distance(
                wav_hat, wav, vocoder.another, weights["mr_stft"], weights["repulsion"]
            )
        else:
            loss = weights["mr_stft"] * self.mr_stft(wav_hat, wav)
        if weights["band_level"]:
            loss = loss + weights["band_level"] * self.band_level(wav_hat, wav, vocoder.another)
        for name, compare in (("periodicity", self.periodicity), ("modulation", self.modulation)):
            if weights[name]:
                loss = loss + weights[name] * compare(wav_hat, wav, vocoder.f0)
        return loss
