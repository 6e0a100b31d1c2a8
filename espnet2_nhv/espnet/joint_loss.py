"""What judges a vocoder in a joint model: the losses of its own training in the place of ESPnet's; no discriminator."""

from typing import Any, Dict, List

import torch

from espnet2_nhv.errors import UserError
from espnet2_nhv.espnet.joint_vocoder import JointVocoder
from espnet2_nhv.loss.recording import RECORDING_LOSSES, RecordingLoss


class JointVocoderLoss(torch.nn.Module):
    """Weighted sum of losses between what the vocoder has just made and the recording.

    ESPnet's mel loss asks for the mean of what a mel leaves open: for a buzz where the recording has noise. These are
    what :class:`espnet2_nhv.train.model.ESPnetGANVocoderModel` trains a vocoder by.

    Parameters
    ----------
    vocoder : JointVocoder; with a weight of repulsion it draws twice from now on
    weights : dict of name in RECORDING_LOSSES to float >= 0; a name left out weighs 0. `periodicity` and `modulation`
        take a vocoder with F0, and mean something where that is the recording's
    **conf : arguments of the losses' classes, as :class:`RecordingLoss` names them

    Raises
    ------
    UserError
        For weights that cannot be.
    """

    def __init__(self, vocoder: JointVocoder, weights: Dict[str, float], **conf: Dict[str, Any]):
        super().__init__()
        unknown = sorted(set(weights) - set(RECORDING_LOSSES))
        if unknown:
            raise UserError(f"vocoder_loss: there is no loss {unknown[0]!r}; there are {', '.join(RECORDING_LOSSES)}")
        if min(weights.values(), default=0) < 0 or not weights.get("mr_stft"):
            raise UserError("vocoder_loss: give weights of 0 or more, that of mr_stft above 0")
        for name in ("periodicity", "modulation"):
            if weights.get(name) and not vocoder.needs_f0:
                raise UserError(f"vocoder_loss: {name} takes a vocoder that reads F0")
        self._vocoder = [vocoder]  # in a list: its weights are not this module's
        self.compared = RecordingLoss(vocoder.spec, weights, **conf)
        vocoder.draws_twice = self.compared.draws_twice

    def forward(self, wav_hat: torch.Tensor, wav: torch.Tensor) -> torch.Tensor:
        """The loss of what the vocoder made last, `wav_hat`, against the recording `wav`, both ``(B, 1, N)``."""
        vocoder = self._vocoder[0]
        return self.compared(wav_hat, wav, vocoder.f0, vocoder.another)[0]


class NoDiscriminator(torch.nn.Module):
    """In the place of the discriminator that ESPnet's joint models insist on; it hears nothing and learns nothing.

    Parameters
    ----------
    **ignored : those of a discriminator that is not there
    """

    def __init__(self, **ignored: Any):
        super().__init__()
        self.unused = torch.nn.Parameter(torch.zeros(1))  # ESPnet's second optimizer wants something to hold

    def forward(self, wav: torch.Tensor) -> List[List[torch.Tensor]]:
        """Of waveforms ``(B, 1, N)`` a verdict of 0 each, ``(B, 1)``, as one part with one layer."""
        return [[(self.unused * 0.0).expand(len(wav), 1)]]
