"""All that a synthesis is compared with its recording by, weighed."""

from typing import Any, Dict, Optional, Sequence, Tuple, Union

import torch

from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.loss.band_level import BandLevelLoss
from espnet2_nhv.loss.modulation import ModulationLoss
from espnet2_nhv.loss.periodicity import PeriodicityLoss
from espnet2_nhv.loss.stft import MultiResolutionSTFTLoss

_COMPARED = ("mr_stft", "band_level", "periodicity", "modulation")
# What weights may name.
RECORDING_LOSSES = (*_COMPARED, "repulsion")


class RecordingLoss(torch.nn.Module):
    """Weighted sum of the losses between a synthesis and its recording.

    Parameters
    ----------
    spec : FeatureSpec
    weights : dict of name in RECORDING_LOSSES to float >= 0; a name left out weighs 0. With `repulsion` the distance of
        spectra, and that of levels of bands, are energy distances: see :meth:`MultiResolutionSTFTLoss.energy_distance`
    stft_loss_conf, band_level_loss_conf, periodicity_loss_conf, modulation_loss_conf : dict or None, arguments of the
        losses' classes beside the spec or its fs
    """

    def __init__(
        self,
        spec: FeatureSpec,
        weights: Dict[str, float],
        stft_loss_conf: Optional[Dict[str, Any]] = None,
        band_level_loss_conf: Optional[Dict[str, Any]] = None,
        periodicity_loss_conf: Optional[Dict[str, Any]] = None,
        modulation_loss_conf: Optional[Dict[str, Any]] = None,
    ):
        super().__init__()
        self.weights = {name: float(weights.get(name, 0.0)) for name in RECORDING_LOSSES}
        self.mr_stft = MultiResolutionSTFTLoss(**(stft_loss_conf or {}))
        self.band_level = BandLevelLoss(spec, **(band_level_loss_conf or {})) if self.weights["band_level"] else None
        self.periodicity = PeriodicityLoss(spec.fs, **(periodicity_loss_conf or {}))
        self.modulation = ModulationLoss(spec.fs, **(modulation_loss_conf or {}))

    @property
    def draws_twice(self) -> bool:
        """Whether it wants another draw of the synthesis."""
        return self.weights["repulsion"] > 0

    def forward(
        self,
        wav_hat: torch.Tensor,
        wav: torch.Tensor,
        f0: Optional[torch.Tensor],
        another: Optional[torch.Tensor] = None,
        reported: Sequence[str] = (),
    ) -> Tuple[Union[torch.Tensor, float], Dict[str, torch.Tensor]]:
        """The loss of `wav_hat` against the recording `wav`.

        Parameters
        ----------
        wav_hat, wav : Tensor [shape=(B, 1, N)], any floating type
        f0 : Tensor [shape=(B, 1, T)], Hz, > 0, of the recording; None where neither periodicity nor modulation count
        another : Tensor [shape=(B, 1, N)] or None, another draw of `wav_hat`, by which repulsion is measured
        reported : names that are measured even where they weigh nothing

        Returns
        -------
        loss : Tensor [shape=(), dtype=float32], or 0.0 where nothing weighs anything
        values : dict of name to Tensor [shape=()], what was measured, unweighed and without gradient
        """
        loss, values = 0.0, {}
        if another is not None:
            weights = self.weights["mr_stft"], self.weights["repulsion"]
            loss, (attracted, repelled) = self.mr_stft.energy_distance(wav_hat, wav, another, *weights)
            values.update(mr_stft=attracted, repulsion=-0.5 * repelled)
        given = dict(band_level=(another,), periodicity=(f0,), modulation=(f0,))
        for name in _COMPARED:
            if name not in values and (self.weights[name] or name in reported):
                value = getattr(self, name)(wav_hat, wav, *given.get(name, ()))
                loss = loss + self.weights[name] * value
                values[name] = value.detach()
        return loss, values
