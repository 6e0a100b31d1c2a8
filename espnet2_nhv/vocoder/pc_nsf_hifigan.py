"""The singing community's HiFi-GAN: a sine at F0 enters at a low rate, and training moves F0 away and back."""

import dataclasses
import math
from typing import Dict, Optional, Sequence, Tuple

import torch

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.mel import LogMel
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.loss.mel import MelLoss
from espnet2_nhv.vocoder.base import AbsVocoder
from espnet2_nhv.vocoder.excitation import phase_of_samples, sine
from espnet2_nhv.vocoder.source_hifigan import SourceHiFiGAN
from espnet2_nhv.vocoder.unsaved import unsaved
from espnet2_nhv.vocoder.upsampling import check_scales
from espnet2_nhv.vocoder.upsampling import upsample_scales as scales_of
from espnet2_nhv.vocoder.weight_norm import remove_weight_norm

# The stage after which the sine is added: two upsample to its rate, those behind it from there to the sampling rate.
_SOURCE_STAGE = 1
# How much the waveform counts beside the mel in the loss of moving F0: 30 to 45, as the authors have it.
_WAV_WEIGHT = 30 / 45


class PCNSFHiFiGAN(AbsVocoder):
    """NSF-HiFi-GAN with the "mini" source and pitch that is controlled apart from the mel.

    The loss of its own, ``pitch_cycle``, is how far F0 moved in two steps is from F0 moved in one: a share of the
    segments is sung at another F0, analysed and sung at a third, against the same mel sung at the third. The segments
    are also sung at another F0, analysed and sung at their own again, and these are what the other losses compare with
    the recording. The authors' discriminators judge the moved segments, too; here they judge those that came back.

    Parameters
    ----------
    spec : FeatureSpec
    channels : int, multiple of 2 to the number of scales, of the first layer
    upsample_scales : sequence of three int or more whose product is `spec.hop_length`; None takes two as HiFi-GAN has
        them and as many small ones as there are prime factors in what is left
    max_key : float >= 0, semitones that F0 moves by at most in training
    share : float in [0, 1], of the segments of a batch whose F0 moves

    Raises
    ------
    UserError
        If there are fewer than three scales.

    Source: the open-source project openvpi/SingingVocoders, "pc-nsf-hifigan" (pitch-controllable, 44.1 kHz).
    """

    needs_f0 = True
    own_losses = ("pitch_cycle",)

    def __init__(
        self,
        spec: FeatureSpec,
        channels: int = 512,
        upsample_scales: Optional[Sequence[int]] = None,
        max_key: float = 12.0,
        share: float = 0.4,
    ):
        super().__init__(spec)
        if upsample_scales is None:
            first = scales_of(spec.hop_length)[:2]
            upsample_scales = first + scales_of(spec.hop_length // math.prod(first), largest=2)
        scales = check_scales("pc-nsf-hifigan", upsample_scales, spec.hop_length)
        if len(scales) <= _SOURCE_STAGE + 1:
            raise UserError(
                f"pc-nsf-hifigan: {len(scales)} scales are too few: the sine enters after the second of three"
            )
        self.source_rate = math.prod(scales[: _SOURCE_STAGE + 1])
        self.max_key, self.share = max_key, share
        self.generator = SourceHiFiGAN(
            "pc-nsf-hifigan", spec.n_mels, channels, scales, [_SOURCE_STAGE], self.source_rate
        )
        self.log_mel = unsaved(LogMel(dataclasses.replace(spec, frame_centre=0.0)))
        self.mel_loss = unsaved(MelLoss(spec))

    def forward(self, mel: torch.Tensor, f0: Optional[torch.Tensor] = None) -> torch.Tensor:
        return self._sung(mel, self._source(f0))

    def forward_with_losses(
        self, mel: torch.Tensor, f0: Optional[torch.Tensor], wav: torch.Tensor
    ) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
        count = math.ceil(self.share * len(mel))
        if not self.training or count == 0:
            return self(mel, f0), {}
        # Keys within the range, and two steps that are each within it and add up to the one.
        key = self.max_key * (2 * torch.rand(count, 1, 1, device=mel.device) - 1)
        low, high = key.clamp(min=0) - self.max_key, key.clamp(max=0) + self.max_key
        step = low + (high - low) * torch.rand_like(key)
        own = self._source(f0)
        moved, stepped = self._source(self._moved(f0[:count], key)), self._source(self._moved(f0[:count], step))
        made = self._sung(torch.cat([mel, mel[:count]]), torch.cat([moved, own[count:], stepped]))
        once, rest, halfway = made[:count], made[count : len(mel)], made[len(mel) :]
        # One sine for each F0: waveforms are compared, and they lie where it does.
        again = self._sung(self.log_mel(torch.cat([once, halfway])[:, 0]), torch.cat([own[:count], moved]))
        back, twice = again[:count], again[count:]
        cycle = _WAV_WEIGHT * (twice - once).abs().mean() + self.mel_loss(twice, once)
        return torch.cat([back, rest]), dict(pitch_cycle=cycle)

    def _source(self, f0: Optional[torch.Tensor]) -> torch.Tensor:
        """Sine ``(B, 1, T * source_rate)`` at F0."""
        phase, _ = phase_of_samples("pc-nsf-hifigan", f0, self.spec.hop_length, self.fs)
        return sine(phase[:, :: self.spec.hop_length // self.source_rate])[:, None]

    def _sung(self, mel: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
        return self.generator(self.normalize(mel), source)

    def _moved(self, f0: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
        """`f0` in another key, semitones, below what the source's rate can carry."""
        highest = 0.49 * self.fs * self.source_rate / self.spec.hop_length
        return (f0 * 2 ** (key / 12)).clamp(max=highest)

    def fuse(self) -> "PCNSFHiFiGAN":
        remove_weight_norm(self)
        return self
