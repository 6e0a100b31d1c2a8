"""A vocoder with a refiner before it, used as any vocoder is."""

import dataclasses
from typing import Optional

import torch

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.convert import convert_features, resampled_curves
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.refiner.network import MelRefiner
from espnet2_nhv.vocoder.synthesizer import Synthesizer


class RefinedVocoder(Synthesizer):
    """Features pass the refiner first.

    Its spec is the refiner's. Where that has another hop than the vocoder's, as those of acoustic models often have,
    mels are repaired at the refiner's and interpolated after that.

    Parameters
    ----------
    vocoder : Synthesizer
    refiner : MelRefiner of the same features, but for their hop
    n_steps : int >= 1, of the refiner

    Raises
    ------
    UserError
        If their features differ in more than the hop, or the vocoder reads no mel.
    """

    def __init__(self, vocoder: Synthesizer, refiner: MelRefiner, n_steps: int = 8):
        if vocoder.needs_wav:
            raise UserError(f"{type(vocoder).__name__} analyses a recording: there is no mel to refine")
        for name, value in refiner.spec.to_dict().items():
            if name != "hop_length" and value != getattr(vocoder.spec, name):
                raise UserError(
                    f"the refiner's features have {name} {value}, the vocoder's {getattr(vocoder.spec, name)}: "
                    "take a refiner that was trained on the vocoder's spec"
                )
        self.vocoder, self.refiner, self.n_steps = vocoder, refiner.to(vocoder.device), n_steps
        self.spec, self.needs_f0, self.device = refiner.spec, vocoder.needs_f0, vocoder.device
        self.takes_mel_f0, self.takes_knobs = vocoder.takes_mel_f0, vocoder.takes_knobs
        self.grid_centre = vocoder.grid_centre

    def inference(
        self, mel: torch.Tensor, f0: Optional[torch.Tensor] = None, spec: Optional[FeatureSpec] = None, **options
    ) -> torch.Tensor:
        """As :meth:`Synthesizer.inference`; frames of another hop than the refiner's are not what it can repair."""
        if spec is not None and spec.hop_length != self.spec.hop_length:
            raise UserError(
                f"the refiner's features have hop_length {self.spec.hop_length}, these {spec.hop_length}: "
                "take a refiner that was trained on such features"
            )
        return super().inference(mel, f0, spec, **options)

    def synthesize(self, mel: torch.Tensor, f0: Optional[torch.Tensor], **more: torch.Tensor) -> torch.Tensor:
        mel = self.refiner.refine(mel, self.n_steps)
        # Both have frames on the grid that the vocoder's synthesis has.
        source, target = (
            dataclasses.replace(each.spec, frame_centre=self.grid_centre) for each in (self, self.vocoder)
        )
        if "mel_f0" in more:
            more["mel_f0"] = convert_features(mel, more["mel_f0"], source, target)[1]
        if "knobs" in more:
            more["knobs"] = resampled_curves(more["knobs"], source, target)
        return self.vocoder.synthesize(*convert_features(mel, f0, source, target), **more)
