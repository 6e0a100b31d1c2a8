"""Conditional flow matching of spectra: from noise as loud as the mel says to the voice, in a few straight steps."""

import math
from typing import Dict, Optional, Tuple

import torch
from torch import nn

from espnet2_nhv.dsp.inverse_stft import inverse_stft, one_frame_more
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.vocoder.apnet2 import ConvNeXtV2Block
from espnet2_nhv.vocoder.base import AbsVocoder
from espnet2_nhv.vocoder.nhv.mel_prior import band_interpolation, unit_level

_EMBEDDING = 64
# Of full scale: noise is never fainter, for features tell nothing above their fmax.
_SOFTEST = 1e-5


class FlowMatching(AbsVocoder):
    r"""ConvNeXt blocks at the frame rate that name the velocity of a complex spectrogram on its way from noise.

    A spectrogram is divided by the envelope that the mel describes, so that noise and voice, x_0 and x_1, are of
    about unit power in every bin and soft bins count as much as loud ones. On the straight line between them

        x_t = (1 - t) x_0 + t x_1,    0 <= t <= 1,

    a network is trained to name the velocity by the loss of its own, ``flow``:

        E_{t, x_0, x_1} |v(x_t, t, mel) - (x_1 - x_0)|^2,

    whose minimum is the velocity of a flow from noise to voices. Synthesis follows it by Euler steps of 1 / `n_steps`.
    x_0 is the spectrogram of white noise: what is on the way has the overlap of a spectrogram too. In training, what is
    returned is the guess x_t + (1 - t) v at the recording; in validation and use, the result of all steps.

    Parameters
    ----------
    spec : FeatureSpec
    channels, hidden, n_blocks : int >= 1
    n_fft : int, even, at least 2 hop_length; None takes 4 hop_length
    n_steps : int >= 1, of synthesis; it may be changed after training

    Source: Y. Lipman et al., "Flow Matching for Generative Modeling", ICLR 2023, with the straight paths of X. Liu et
    al., "Flow Straight and Fast", ICLR 2023. Spectra at the frame rate, ConvNeXt V2 and the balance of soft and loud
    are those of P. Liu et al., "RFWave", ICLR 2025, whose sub-bands and further losses are left out; noise that has
    the mel's level is that of S.-g. Lee et al., "PriorGrad", ICLR 2022.
    """

    own_losses = ("flow",)

    def __init__(
        self,
        spec: FeatureSpec,
        channels: int = 256,
        hidden: int = 768,
        n_blocks: int = 6,
        n_fft: Optional[int] = None,
        n_steps: int = 6,
    ):
        super().__init__(spec)
        n_fft = 4 * spec.hop_length if n_fft is None else n_fft
        self.n_steps = n_steps
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        interpolation = torch.from_numpy(band_interpolation(spec, n_fft)).float()
        self.register_buffer("interpolation", interpolation, persistent=False)
        self.register_buffer("unit_level", torch.from_numpy(unit_level(spec)).float()[:, None], persistent=False)
        self.network = _Velocity(spec.n_mels, 2 * (n_fft // 2 + 1), channels, hidden, n_blocks)

    def forward(self, mel: torch.Tensor, f0: Optional[torch.Tensor] = None) -> torch.Tensor:
        envelope, condition = self._condition(mel)
        x = self._noise(mel)
        for step in range(self.n_steps):
            t = x.new_full((len(x),), step / self.n_steps)
            x = x + self.network(x, t, condition) / self.n_steps
        return self._wav(x, envelope)

    def forward_with_losses(
        self, mel: torch.Tensor, f0: Optional[torch.Tensor], wav: torch.Tensor
    ) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
        envelope, condition = self._condition(mel)
        noise, voice = self._noise(mel), self._spectrum(wav) / envelope.repeat(1, 2, 1)
        # One in every part of a batch: the loss scatters less.
        t = torch.arange(len(mel), device=mel.device)
        t = (t + torch.rand_like(t, dtype=mel.dtype)) / len(mel)
        x = torch.lerp(noise, voice, t[:, None, None])
        velocity = self.network(x, t, condition)
        # What windows see beyond the ends of a segment is not of the voice.
        edge = len(self.window) // (2 * self.spec.hop_length)
        inner = slice(edge, -edge) if velocity.shape[-1] > 2 * edge else slice(None)
        losses = dict(flow=(velocity - (voice - noise))[..., inner].square().mean())
        if not self.training:
            return self(mel, f0), losses
        return self._wav(x + (1 - t[:, None, None]) * velocity, envelope), losses

    def _condition(self, mel: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
        """Magnitude that noise has by the mel, ``(B, n_fft / 2 + 1, T + 1)``, and what the network sees of the mel."""
        mel = one_frame_more(mel)
        with torch.autocast(mel.device.type, enabled=False):
            gain = (self.interpolation @ (mel.float() * self.spec.ln_base - self.unit_level)).exp()
        return gain.clamp(min=_SOFTEST) * self.window.norm(), self.network.condition(self.normalize(mel))

    def _noise(self, mel: torch.Tensor) -> torch.Tensor:
        """Spectra of white noise whose bins have unit power, as :meth:`_spectrum` has them."""
        wav = torch.randn(len(mel), 1, mel.shape[-1] * self.spec.hop_length, device=mel.device)
        return self._spectrum(wav) / self.window.norm()

    def _spectrum(self, wav: torch.Tensor) -> torch.Tensor:
        """``(B, 1, T * hop_length)`` to real and imaginary parts, ``(B, n_fft + 2, T + 1)``."""
        # A segment that ends in a cut has a click there, far louder than soft bins are; mirrored it has a bend. Half
        # precision has no complex numbers worth the name.
        pad_mode = "reflect" if wav.shape[-1] > len(self.window) // 2 else "constant"
        with torch.autocast(wav.device.type, enabled=False):
            spectrum = torch.stft(
                wav[:, 0].float(), len(self.window), self.spec.hop_length, window=self.window, pad_mode=pad_mode,
                return_complex=True,
            )  # fmt: skip
        return torch.cat([spectrum.real, spectrum.imag], dim=1)

    def _wav(self, x: torch.Tensor, envelope: torch.Tensor) -> torch.Tensor:
        real, imaginary = x.float().chunk(2, dim=1)
        return inverse_stft(real * envelope, imaginary * envelope, self.window, self.spec.hop_length)


class _Velocity(nn.Module):
    """Blocks over what is on the way, told the mel at their entry and the time at each."""

    def __init__(self, n_mels: int, n_numbers: int, channels: int, hidden: int, n_blocks: int):
        super().__init__()
        self.mel = nn.Conv1d(n_mels, channels, 7, padding=3)
        self.entry = nn.Conv1d(n_numbers, channels, 3, padding=1)
        self.embed = nn.Sequential(nn.Linear(_EMBEDDING, channels), nn.SiLU())
        self.times = nn.ModuleList(nn.Linear(channels, channels) for _ in range(n_blocks))
        self.blocks = nn.ModuleList(ConvNeXtV2Block(channels, hidden) for _ in range(n_blocks))
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.head = nn.Linear(channels, n_numbers)
        for module in self.modules():
            if isinstance(module, (nn.Conv1d, nn.Linear)):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)
        nn.init.zeros_(self.head.weight)  # at rest: noise stays noise

    def condition(self, mel: torch.Tensor) -> torch.Tensor:
        """Normalised mel ``(B, n_mels, T)`` to ``(B, channels, T)``."""
        return self.mel(mel)

    def forward(self, x: torch.Tensor, t: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        """Velocity, shaped as `x`, ``(B, n_numbers, T)``, at times `t`, ``(B,)``, in [0, 1]."""
        octaves = torch.arange(_EMBEDDING // 2, device=x.device) * (math.log(1000) / (_EMBEDDING // 2 - 1))
        angle = t[:, None] * octaves.exp()
        time = self.embed(torch.cat([angle.sin(), angle.cos()], dim=1).to(x.dtype))
        x = self.entry(x) + condition
        for block, shift in zip(self.blocks, self.times):
            x = block(x + shift(time)[:, :, None])
        return self.head(self.norm(x.transpose(1, 2))).transpose(1, 2)
