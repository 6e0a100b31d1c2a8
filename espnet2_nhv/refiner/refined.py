"""A vocoder with a refiner before it, used as any vocoder is."""

from typing import Optional

import torch

from espnet2_nhv.errors import UserError
from espnet2_nhv.refiner.network import MelRefiner
from espnet2_nhv.vocoder.synthesizer import Synthesizer


class RefinedVocoder(Synthesizer):
    """Features pass the refiner first.

    Parameters
    ----------
    vocoder : Synthesizer
    refiner : MelRefiner of the same features
    n_steps : int >= 1, of the refiner

    Raises
    ------
    UserError
        If their features differ, or the vocoder reads no mel.
    """

    def __init__(self, vocoder: Synthesizer, refiner: MelRefiner, n_steps: int = 8):
        if vocoder.needs_wav:
            raise UserError(f"{type(vocoder).__name__} analyses a recording: there is no mel to refine")
        for name, value in refiner.spec.to_dict().items():
            if value != getattr(vocoder.spec, name):
                raise UserError(
                    f"the refiner's features have {name} {value}, the vocoder's {getattr(vocoder.spec, name)}: "
                    "take a refiner that was trained on the vocoder's spec"
                )
        self.vocoder, self.refiner, self.n_steps = vocoder, refiner.to(vocoder.device), n_steps
        self.spec, self.needs_f0, self.device = vocoder.spec, vocoder.needs_f0, vocoder.device
        self.grid_centre = vocoder.grid_centre

    def synthesize(self, mel: torch.Tensor, f0: Optional[torch.Tensor]) -> torch.Tensor:
        return self.vocoder.synthesize(self.refiner.refine(mel, self.n_steps), f0)
