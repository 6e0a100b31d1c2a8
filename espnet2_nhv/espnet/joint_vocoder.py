"""A vocoder of our registry as the second half of ESPnet's joint models."""

from typing import Any, Callable, Dict, Optional

import torch

from espnet2_nhv.errors import UserError
from espnet2_nhv.espnet.features import global_statistics, spec_of
from espnet2_nhv.feature.spec import FeatureSpec, check_compatible
from espnet2_nhv.vocoder.knobs import Knobs
from espnet2_nhv.vocoder.registry import build_vocoder


class JointVocoder(torch.nn.Module):
    """Reads what an acoustic model writes: normalised log-mel and, as one more channel, F0 in Hz.

    Parameters
    ----------
    name : a row of our registry
    spec : dict, the vocoder's feature spec
    **arguments : of the vocoder's class

    Attributes
    ----------
    needs_f0 : bool, whether the channel of F0 is there
    upsample_factor : int, samples a frame of the acoustic model
    frames_per_frame : int, the vocoder's frames in one of the acoustic model's; those between are interpolated
    draws_twice : bool, whether a forward pass makes two draws, as losses that compare them want
    knobs : function of a FeatureSpec and a number of its frames, which makes the knobs of the next inference
    f0, another : Tensor or None, F0 ``(B, 1, T)`` of the last forward pass, and its second draw, a constant
    """

    def __init__(self, name: str, spec: Optional[Dict[str, Any]] = None, **arguments):
        super().__init__()
        self.vocoder = build_vocoder(name, FeatureSpec.from_dict(spec) if spec is not None else None, **arguments)
        if not self.vocoder.trainable:
            raise UserError(f"vocoder_type {name} has nothing to train")
        self.needs_f0 = self.vocoder.needs_f0
        self.upsample_factor = self.vocoder.upsample_factor
        self.frames_per_frame = 1
        n_mels = self.vocoder.spec.n_mels
        # From the acoustic model's features to the vocoder's: shift and scale, saved with the weights.
        self.register_buffer("feats_mean", torch.zeros(n_mels, 1))
        self.register_buffer("feats_std", torch.ones(n_mels, 1))
        self.floor: Optional[float] = None
        self.draws_twice = False
        self.f0 = self.another = None
        self.knobs: Callable[[FeatureSpec, int], Optional[Knobs]] = lambda spec, n_frames: None

    @property
    def spec(self) -> FeatureSpec:
        return self.vocoder.spec

    def connect(self, feats_extract: torch.nn.Module, normalize: Optional[torch.nn.Module], is_new: bool) -> None:
        """Agree with the acoustic model around.

        Parameters
        ----------
        feats_extract, normalize : the ESPnet model's
        is_new : bool, whether the vocoder is untrained: it then takes the statistics for its own normalisation

        Raises
        ------
        UserError
            If the features cannot be the vocoder's, or their normalisation cannot be undone.
        """
        source = spec_of(feats_extract)
        check_compatible(source, self.spec, what="features of feats_extract", wanted_by="vocoder")
        self.frames_per_frame, rest = divmod(source.hop_length, self.spec.hop_length)
        if rest or not self.frames_per_frame:
            raise UserError(
                f"features of feats_extract have hop_length {source.hop_length} but the vocoder makes "
                f"{self.spec.hop_length} samples a frame: in joint training the first must be so many times the second"
            )
        self.upsample_factor = source.hop_length
        mean, std = global_statistics(normalize, self.spec.n_mels)
        to_log = source.ln_base / self.spec.ln_base
        self.feats_mean.copy_(mean[:, None] * to_log)
        self.feats_std.copy_(std[:, None] * to_log)
        self.floor = self.spec.log_floor if self.spec.floor > source.floor else None
        if is_new and normalize is not None:
            self.vocoder.set_stats(self.feats_mean[:, 0], self.feats_std[:, 0])

    def split(self, c: torch.Tensor):
        """Channels of the acoustic model ``(B, n_mels [+ 1], T)`` as raw log-mel and F0 ``(B, 1, T)`` or None."""
        n_mels = self.spec.n_mels
        mel = c[:, :n_mels] * self.feats_std + self.feats_mean
        if self.floor is not None:
            mel = mel.clamp(min=self.floor)
        f0 = c[:, n_mels:].detach() if self.needs_f0 else None
        if self.frames_per_frame > 1:
            mel, f0 = self._finer(mel), f0 if f0 is None else self._finer(f0.log()).exp()
        return mel, f0

    def _finer(self, frames: torch.Tensor) -> torch.Tensor:
        """``(B, C, T)`` at the acoustic model's frames to the vocoder's, linearly; the last is held."""
        count = self.frames_per_frame
        after = torch.cat([frames[..., 1:], frames[..., -1:]], dim=-1)
        shares = torch.arange(count, device=frames.device, dtype=frames.dtype) / count
        return (frames[..., None] + (after - frames)[..., None] * shares).flatten(-2)

    def forward(self, c: torch.Tensor) -> torch.Tensor:
        """``(B, n_mels [+ 1], T)`` to waveforms ``(B, 1, T * hop_length)``; no gradient goes into F0."""
        mel, self.f0 = self.split(c)
        if not self.draws_twice:
            return self.vocoder(mel, self.f0)
        wav, self.another = self.vocoder.forward_twice(mel, self.f0)
        return wav

    def inference(self, c: torch.Tensor) -> torch.Tensor:
        """``(T, n_mels [+ 1])`` to a waveform ``(T * hop_length, 1)``, as ESPnet's generators have it."""
        mel, f0 = self.split(c.T[None])
        f0, knobs = None if f0 is None else f0[0, 0], self.knobs(self.spec, mel.shape[-1])
        return self.vocoder.inference(mel[0].T, f0, knobs=knobs)[:, None]
