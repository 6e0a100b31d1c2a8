"""What every vocoder does with features, whatever computes it: PyTorch, ONNX Runtime, TorchScript."""

import dataclasses
from abc import ABC, abstractmethod
from typing import Optional

import numpy as np
import torch

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.convert import convert_features, resampled_curves
from espnet2_nhv.feature.pitch.curve import other_rate
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.vocoder.knobs import Knobs, frames_of_knobs


class Synthesizer(ABC):
    """From one utterance's raw features to its waveform. Subclasses implement :meth:`synthesize`.

    Attributes
    ----------
    spec : FeatureSpec
        What the numbers it reads mean.
    needs_f0 : bool
        Whether `f0` must be given.
    takes_mel_f0 : bool
        Whether it can be told, as `mel_f0`, at which F0 the mel was sung, where it is to sing at another.
    takes_knobs : bool
        Whether the voice has knobs (:data:`espnet2_nhv.feature.knobs.KNOBS`).
    needs_wav : bool
        Whether it analyses a recording itself, so that features alone do not drive it.
    bitrate : float or None
        Bit/s of what lies between a recording and its synthesis, where that is a code.
    device : torch.device
        Where it computes.
    grid_centre : 0 or 0.5
        Where :meth:`synthesize` puts the first frame, in hops; the features' own ``frame_centre`` is seen to by
        :meth:`inference`.
    """

    spec: FeatureSpec
    needs_f0: bool = False
    takes_mel_f0: bool = False
    takes_knobs: bool = False
    needs_wav: bool = False
    bitrate: Optional[float] = None
    device = torch.device("cpu")
    grid_centre: float = 0.0

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
        **options : `spec`, `mel_f0` and `knobs`, as for :meth:`inference`

        Returns
        -------
        wav : array or Tensor, as `mel` is [shape=(T * hop_length,)], float32, within [-1, 1]
        """
        return self.synthesize_like(mel, f0, **options)

    def synthesize_like(self, mel, f0=None, **options):
        """:meth:`inference` whose result is of the kind of `mel`."""
        wav = self.inference(mel, f0, **options)
        return wav.cpu().numpy() if isinstance(mel, np.ndarray) else wav

    @torch.no_grad()
    def inference(
        self,
        mel: torch.Tensor,
        f0: Optional[torch.Tensor] = None,
        spec: Optional[FeatureSpec] = None,
        wav: Optional[torch.Tensor] = None,
        mel_f0: Optional[torch.Tensor] = None,
        knobs: Optional[Knobs] = None,
    ) -> torch.Tensor:
        """Synthesise one utterance.

        Parameters
        ----------
        mel : Tensor [shape=(T, n_mels)], raw log-mel
        f0 : Tensor [shape=(T,)], Hz, > 0, or None where `needs_f0` is false
        spec : FeatureSpec of `mel`, where it may differ from the vocoder's own; another `frame_centre` moves the
            signal by half a hop, to the sample, and interpolates nothing
        wav : Tensor [shape=(L,)], the recording, where `needs_wav` is true
        mel_f0 : Tensor [shape=(T,)], Hz, > 0, at which the mel was sung, where `f0` may be another; for vocoders that
            take it (`takes_mel_f0`)
        knobs : dict of a name to a number or to an array [shape=(T,)], or None; for vocoders that have them
            (`takes_knobs`), see :func:`espnet2_nhv.vocoder.knobs.frames_of_knobs`. All at 0 is as without

        Returns
        -------
        wav : Tensor [shape=(T * hop_length,)], within [-1, 1]; hop_length is that of `spec` where given

        Raises
        ------
        UserError
            For features that cannot be used; the message says which frame or value.
        """
        mel, f0, mel_f0 = self.check_features(mel, f0, mel_f0)
        knobs = self.check_knobs(knobs, len(mel))
        spec = spec or self.spec
        n_samples, target = len(mel) * spec.hop_length, self.spec_to_sing(spec)
        centre = target.frame_centre
        f0, mel_f0 = (x if x is None else convert_features(mel, x, spec, target)[1] for x in (f0, mel_f0))
        knobs = knobs if knobs is None else resampled_curves(knobs, spec, target)
        mel, _ = convert_features(mel, None, spec, target)
        # What is not given is not known to all vocoders.
        more = {name: x for name, x in (("mel_f0", mel_f0), ("knobs", knobs)) if x is not None}
        if self.needs_wav:
            wav = self.resynthesize(wav, n_samples)
        elif centre == self.grid_centre:
            wav = self.synthesize(mel, f0, **more)
        else:
            # Half a hop off the grid: one frame more, held, at the end that comes short, and half a hop less.
            end = slice(0, 1) if centre > self.grid_centre else slice(-1, None)
            order = 1 if centre > self.grid_centre else -1

            def held(x):
                return x if x is None else torch.cat([x[end], x][::order])

            wav = self.synthesize(held(mel), held(f0), **{name: held(x) for name, x in more.items()})
            wav = wav[self.spec.hop_length // 2 :]
        return wav[:n_samples].clamp_(-1.0, 1.0)

    def spec_to_sing(self, spec: FeatureSpec) -> FeatureSpec:
        """Of what spec features of another are to be when it sings them.

        Frames of the vocoder's hop stay what they are, and the signal is moved; others are interpolated anyway.
        """
        centre = spec.frame_centre if spec.hop_length == self.spec.hop_length else self.grid_centre
        return dataclasses.replace(self.spec, frame_centre=centre)

    @abstractmethod
    def synthesize(self, mel: torch.Tensor, f0: Optional[torch.Tensor]) -> torch.Tensor:
        """Checked features as ``(T * hop_length,)``; frame i at sample ``(i + grid_centre) * hop_length``.

        Those that take them are given `mel_f0` ``(T,)`` and `knobs` ``(T, len(KNOBS))`` too, where there are any.
        """

    def resynthesize(self, wav: Optional[torch.Tensor], n_samples: int) -> torch.Tensor:
        """One recording taken apart and put together again, `n_samples` long; only where `needs_wav` is true."""
        raise NotImplementedError

    def check_knobs(self, knobs: Optional[Knobs], n_frames: int) -> Optional[torch.Tensor]:
        """Knobs as :func:`frames_of_knobs` has them; refused by a vocoder that has none, unless all are at 0."""
        frames = frames_of_knobs(knobs, n_frames, self.device)
        if frames is not None and not self.takes_knobs:
            raise UserError("this vocoder has no knobs: nhv and its exports do")
        return frames

    def check_features(self, mel, f0, mel_f0=None):
        """Refuse what no vocoder can use, and trim a difference of one frame; mel, F0 and the mel's F0."""
        mel = torch.as_tensor(mel, dtype=torch.float32, device=self.device)
        if mel.dim() != 2 or mel.shape[1] != self.spec.n_mels:
            raise UserError(f"mel of shape {tuple(mel.shape)} does not fit: the vocoder reads (T, {self.spec.n_mels})")
        if len(mel) == 0:
            raise UserError("mel has no frames: there is nothing to synthesise")
        if not bool(torch.isfinite(mel.sum())):  # a pass that is cheap; where it fails, the frame is looked for
            _check_frames(torch.isfinite(mel).all(dim=1), "mel", "is not finite")
        n_frames, f0, mel_f0 = self.check_f0(len(mel), f0, mel_f0)
        return mel[:n_frames], f0, mel_f0

    def check_f0(self, n_frames: int, f0, mel_f0=None):
        """Of :meth:`check_features` what is not about the mel's numbers: how many frames are left, F0, the mel's F0."""
        if f0 is None:
            if self.needs_f0:
                raise UserError("this vocoder needs F0 beside the mel: give f0 in Hz, one value a frame")
            return n_frames, None, None
        if mel_f0 is not None and not self.takes_mel_f0:
            raise UserError("this vocoder does not take mel_f0: it sings the mel at f0 as it is")
        curves = {"f0": f0} if mel_f0 is None else {"f0": f0, "mel_f0": mel_f0}
        for name, curve in curves.items():
            curve = torch.as_tensor(curve, dtype=torch.float32, device=self.device)
            if curve.numel() != max(curve.shape, default=1):
                raise UserError(f"{name} of shape {tuple(curve.shape)} is not one value a frame: give (T,)")
            curves[name] = curve.reshape(-1)
            if abs(len(curves[name]) - n_frames) > 1:
                hint = other_rate(len(curves[name]), n_frames)
                raise UserError(
                    f"mel has {n_frames} frames and {name} {len(curves[name])}: they must agree within one"
                    + (f" ({hint})" if hint else "")
                )
        n_frames = min(n_frames, *map(len, curves.values()))
        if n_frames == 0:
            raise UserError("f0 has no frames: there is nothing to synthesise")
        for name, curve in curves.items():
            curves[name] = curve = curve[:n_frames]
            _check_frames(torch.isfinite(curve), name, "is not finite")
            _check_frames(curve > 0, name, "is not above 0 Hz (interpolate unvoiced parts)")
            _check_frames(curve < self.fs / 2, name, f"is not below {self.fs / 2:g} Hz")
        return n_frames, curves["f0"], curves.get("mel_f0")


def _check_frames(good: torch.Tensor, name: str, complaint: str) -> None:
    if not bool(good.all()):
        frame = int(torch.nonzero(~good)[0])
        raise UserError(f"{name} {complaint} at frame {frame}")
