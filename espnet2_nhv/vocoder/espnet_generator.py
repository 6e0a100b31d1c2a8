"""What ESPnet's own generators share on our contract."""

from typing import Optional

import torch

from espnet2_nhv.vocoder.base import AbsVocoder


class ESPnetGenerator(AbsVocoder):
    """A vocoder whose work is done by a generator of ESPnet's. Subclasses build it in their constructor.

    Attributes
    ----------
    generator : Module of ESPnet, from normalised mel ``(B, n_mels, T)`` to ``(B, 1, T * hop_length)``
    """

    generator: torch.nn.Module

    def forward(self, mel: torch.Tensor, f0: Optional[torch.Tensor] = None) -> torch.Tensor:
        return self.generator(self.normalize(mel))

    def fuse(self) -> "ESPnetGenerator":
        self.generator.remove_weight_norm()
        return self
