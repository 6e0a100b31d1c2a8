"""What every vocoder does with features, whatever computes it: PyTorch, ONNX Runtime, TorchScript."""

from abc import ABC, abstractmethod
from typing import Optional

import numpy as np
import torch

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.convert import convert_features
from espnet2_nhv.feature.spec import FeatureSpec


class Synthesizer(ABC):
    """From one utterance's raw features to its waveform. Subclasses implement :meth:`synthesize`.

    Attributes
    ----------
    spec : FeatureSpec
        What the numbers it reads mean.
    needs_f0 : bool
        Whether `f0` must be given.
    needs_wav : bool
        Whether it analyses a recording itself, so that features alone do not drive it.
    device : torch.device
        Where it computes.
    """

    spec: FeatureSpec
    needs_f0: bool = False
    needs_wav: bool = False
    device = torch.device("cpu")

    @property
    def fs(self) -> int:
        """Sampling rate of the output, Hz."""
        return self.spec.fs

    @property
    def upsample_factor(self) -> int:
        """Samples a frame (the name ESPnet's joint models look for)."""
        return self.spec.hop_length

    def __call__(self, mel, f0=None, **options):
        """``wav = vocoder(mel, f0)``: as :meth:`inference`, but arrays in, array out.

        Parameters
        ----------
        mel : array or Tensor [shape=(T, n_mels)], raw log-mel
        f0 : array or Tensor [shape=(T,)], Hz, > 0, or None where `needs_f0` is false
        spec : FeatureSpec of `mel`, where it may differ from the vocoder's own

        Returns
        -------
        wav : array or Tensor, as `mel` is [shape=(T * hop_length,)], float32, within [-1, 1]
        """
        return self.synthesize_like(mel, f0, **options)

    def synthesize_like(self, mel, f0=None, spec: Optional[FeatureSpec] = None):
        """:meth:`inference` whose result is of the kind of `mel`."""
        wav = self.inference(mel, f0, spec)
        return wav.cpu().numpy() if isinstance(mel, np.ndarray) else wav

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

    @abstractmethod
    def synthesize(self, mel: torch.Tensor, f0: Optional[torch.Tensor]) -> torch.Tensor:
        """One utterance of checked features of the vocoder's own spec; ``(T * hop_length,)``."""

    def resynthesize(self, wav: Optional[torch.Tensor], n_samples: int) -> torch.Tensor:
        """One recording taken apart and put together again, `n_samples` long; only where `needs_wav` is true."""
        raise NotImplementedError

    def check_features(self, mel, f0):
        """Refuse what no vocoder can use, and trim a difference of one frame between mel and F0."""
        mel = torch.as_tensor(mel, dtype=torch.float32, device=self.device)
        if mel.dim() != 2 or mel.shape[1] != self.spec.n_mels:
            raise UserError(f"mel of shape {tuple(mel.shape)} does not fit: the vocoder reads (T, {self.spec.n_mels})")
        if len(mel) == 0:
            raise UserError("mel has no frames: there is nothing to synthesise")
        if not bool(torch.isfinite(mel.sum())):  # a pass that is cheap; where it fails, the frame is looked for
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
