"""The contract every vocoder keeps."""

from abc import abstractmethod
from typing import Any, Dict, Optional, Tuple

import torch

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.vocoder.synthesizer import Synthesizer


class AbsVocoder(Synthesizer, torch.nn.Module):
    """From features to waveform.

    A vocoder takes *raw* features of its spec: the normalisation statistics are its own buffers, so a
    saved vocoder needs no side file. Subclasses implement :meth:`forward`.

    Parameters
    ----------
    spec : FeatureSpec
        What the numbers it reads mean.

    Attributes
    ----------
    trainable : bool
        Whether there is anything to train.
    before : dict of str to any
        What arguments that were added later stand for where a saved vocoder does not have them.
    own_losses : tuple of str
        Losses that only this vocoder has; a training's `loss_weights` may name them.
    """

    trainable: bool = True
    before: Dict[str, Any] = {}
    own_losses: Tuple[str, ...] = ()

    def __init__(self, spec: FeatureSpec):
        super().__init__()
        self.spec = spec
        self.register_buffer("mel_mean", torch.zeros(spec.n_mels, 1))
        self.register_buffer("mel_std", torch.ones(spec.n_mels, 1))

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self.mel_mean.device

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
        """Synthesise a batch, differentiably; frame i at sample ``i * hop_length``, whatever the spec's `frame_centre`.

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

    def forward_twice(
        self, mel: torch.Tensor, f0: Optional[torch.Tensor] = None, **more
    ) -> Tuple[torch.Tensor, torch.Tensor]:
        """Two draws of one batch, arguments as for :meth:`forward`; the second is a constant.

        Vocoders that draw noise learn from how far two draws are apart. Those that can share work between them do.
        """
        with torch.no_grad():
            another = self(mel, f0, **more)
        return self(mel, f0, **more), another

    def __call__(self, mel, f0=None, **options):
        """One utterance ``(T, n_mels)`` as :meth:`Synthesizer.__call__` has it, or a batch as :meth:`forward`."""
        if len(mel.shape) == 2:
            return self.synthesize_like(mel, f0, **options)
        return torch.nn.Module.__call__(self, mel, f0, **options)

    def synthesize(self, mel: torch.Tensor, f0: Optional[torch.Tensor]) -> torch.Tensor:
        """One utterance of checked features; frame i at sample ``i * hop_length``; ``(T * hop_length,)``."""
        f0 = None if f0 is None else f0[None, None]
        return self(mel.T[None], f0)[0, 0]
