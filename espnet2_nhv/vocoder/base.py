"""The contract every vocoder keeps."""

from abc import ABC, abstractmethod
from typing import Dict, Optional, Tuple

import torch

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.convert import convert_features
from espnet2_nhv.feature.spec import FeatureSpec


class AbsVocoder(torch.nn.Module, ABC):
    """From features to waveform.

    A vocoder takes *raw* features of its spec: the normalisation statistics are its own buffers, so a
    saved vocoder needs no side file. Subclasses implement :meth:`forward`.

    Parameters
    ----------
    spec : FeatureSpec
        What the numbers it reads mean.

    Attributes
    ----------
    needs_f0 : bool
        Whether `f0` must be given.
    trainable : bool
        Whether there is anything to train.
    needs_wav : bool
        Whether it analyses a recording itself, so that features alone do not drive it.
    own_losses : tuple of str
        Losses that only this vocoder has; a training's `loss_weights` may name them.
    """

    needs_f0: bool = False
    trainable: bool = True
    needs_wav: bool = False
    own_losses: Tuple[str, ...] = ()

    def __init__(self, spec: FeatureSpec):
        super().__init__()
        self.spec = spec
        self.register_buffer("mel_mean", torch.zeros(spec.n_mels, 1))
        self.register_buffer("mel_std", torch.ones(spec.n_mels, 1))

    @property
    def fs(self) -> int:
        """Sampling rate of the output, Hz."""
        return self.spec.fs

    @property
    def upsample_factor(self) -> int:
        """Samples a frame (the name ESPnet's joint models look for)."""
        return self.spec.hop_length

    def set_stats(self, mean: torch.Tensor, std: torch.Tensor) -> None:
        """Take over GlobalMVN statistics, each ``(n_mels,)``; a zero deviation counts as one."""
        mean, std = torch.as_tensor(mean).reshape(-1, 1), torch.as_tensor(std).reshape(-1, 1)
        if len(mean) != self.spec.n_mels or len(std) != self.spec.n_mels:
            raise UserError(f"statistics of {len(mean)} bands do not fit a vocoder of {self.spec.n_mels} mel bands")
        self.mel_mean.copy_(mean)
        self.mel_std.copy_(torch.where(std > 0, std, torch.ones_like(std)))

    def normalize(self, mel: torch.Tensor) -> torch.Tensor:
        """Raw log-mel ``(B, n_mels, T)`` to zero mean and unit variance."""
        return (mel - self.mel_mean) / self.mel_std

    def fuse(self) -> "AbsVocoder":
        """Fold what only training needs (weight normalisation) into the weights; returns self."""
        return self

    @abstractmethod
    def forward(self, mel: torch.Tensor, f0: Optional[torch.Tensor] = None) -> torch.Tensor:
        """Synthesise a batch, differentiably.

        Parameters
        ----------
        mel : Tensor [shape=(B, n_mels, T)], raw log-mel of `self.spec`
        f0 : Tensor [shape=(B, 1, T)], Hz, > 0, or None where `needs_f0` is false

        Returns
        -------
        wav : Tensor [shape=(B, 1, T * hop_length)], full scale is [-1, 1]
        """

    def forward_with_losses(
        self, mel: torch.Tensor, f0: Optional[torch.Tensor], wav: torch.Tensor
    ) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
        """For training: what :meth:`forward` makes, and every loss of `own_losses` against the recording.

        Parameters
        ----------
        mel, f0 : as for :meth:`forward`
        wav : Tensor [shape=(B, 1, T * hop_length)], the recording

        Returns
        -------
        wav_hat : Tensor [shape=(B, 1, T * hop_length)]
        losses : dict of name to Tensor [shape=()]
        """
        return self(mel, f0), {}

    @torch.no_grad()
    def inference(
        self,
        mel: torch.Tensor,
        f0: Optional[torch.Tensor] = None,
        spec: Optional[FeatureSpec] = None,
        wav: Optional[torch.Tensor] = None,
    ) -> torch.Tensor:
        """Synthesise one utterance.

        Parameters
        ----------
        mel : Tensor [shape=(T, n_mels)], raw log-mel
        f0 : Tensor [shape=(T,)], Hz, > 0, or None where `needs_f0` is false
        spec : FeatureSpec of `mel`, where it may differ from the vocoder's own
        wav : Tensor [shape=(L,)], the recording, where `needs_wav` is true

        Returns
        -------
        wav : Tensor [shape=(T * hop_length,)], within [-1, 1]; hop_length is that of `spec` where given

        Raises
        ------
        UserError
            For features that cannot be used; the message says which frame or value.
        """
        mel, f0 = self.check_features(mel, f0)
        hop_length = self.spec.hop_length if spec is None else spec.hop_length
        n_samples = len(mel) * hop_length
        if spec is not None and spec != self.spec:
            mel, f0 = convert_features(mel, f0, spec, self.spec)
        wav = self.resynthesize(wav, n_samples) if self.needs_wav else self.synthesize(mel, f0)
        return wav[:n_samples].clamp_(-1.0, 1.0)

    def synthesize(self, mel: torch.Tensor, f0: Optional[torch.Tensor]) -> torch.Tensor:
        """One utterance of checked features of the vocoder's own spec; ``(T * hop_length,)``."""
        f0 = None if f0 is None else f0[None, None]
        return self(mel.T[None], f0)[0, 0]

    def resynthesize(self, wav: Optional[torch.Tensor], n_samples: int) -> torch.Tensor:
        """One recording taken apart and put together again, `n_samples` long; only where `needs_wav` is true."""
        raise NotImplementedError

    def check_features(self, mel, f0):
        """Refuse what no vocoder can use, and trim a difference of one frame between mel and F0."""
        mel = torch.as_tensor(mel, dtype=torch.float32, device=self.mel_mean.device)
        if mel.dim() != 2 or mel.shape[1] != self.spec.n_mels:
            raise UserError(f"mel of shape {tuple(mel.shape)} does not fit: the vocoder reads (T, {self.spec.n_mels})")
        if len(mel) == 0:
            raise UserError("mel has no frames: there is nothing to synthesise")
        _check_frames(torch.isfinite(mel).all(dim=1), "mel", "is not finite")
        if f0 is None:
            if self.needs_f0:
                raise UserError("this vocoder needs F0 beside the mel: give f0 in Hz, one value a frame")
            return mel, None
        f0 = torch.as_tensor(f0, dtype=torch.float32, device=mel.device).reshape(-1)
        if abs(len(f0) - len(mel)) > 1:
            raise UserError(f"mel has {len(mel)} frames and F0 {len(f0)}: they must agree within one")
        n_frames = min(len(mel), len(f0))
        if n_frames == 0:
            raise UserError("f0 has no frames: there is nothing to synthesise")
        mel, f0 = mel[:n_frames], f0[:n_frames]
        _check_frames(torch.isfinite(f0), "f0", "is not finite")
        _check_frames(f0 > 0, "f0", "is not above 0 Hz (interpolate unvoiced parts)")
        _check_frames(f0 < self.fs / 2, "f0", f"is not below {self.fs / 2:g} Hz")
        return mel, f0


def _check_frames(good: torch.Tensor, name: str, complaint: str) -> None:
    if not bool(good.all()):
        frame = int(torch.nonzero(~good)[0])
        raise UserError(f"{name} {complaint} at frame {frame}")
