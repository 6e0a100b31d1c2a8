"""PriorGrad: a diffusion model of waveforms whose noise is as loud as the voice will be."""

import math
from typing import Dict, Optional, Sequence, Tuple

import numpy as np
import torch
from torch import nn

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.vocoder.base import AbsVocoder
from espnet2_nhv.vocoder.mel_level import MelLevel
from espnet2_nhv.vocoder.upsampling import check_scales

# Noise is never fainter than this share of that in the loudest frames.
_SOFTEST = 0.1
_EMBEDDING = 128


class PriorGrad(AbsVocoder):
    """DiffWave with an adaptive prior, in six steps.

    Trained to name the noise that was added to a recording: that is the loss of its own, ``denoising``. In training,
    what it returns is one step's guess at the recording; in validation and use, the result of all steps. The waveform
    is scaled so that the loudest frames have unit power, which singing at its usual level has not.

    Parameters
    ----------
    spec : FeatureSpec
    channels : int >= 1
    n_layers : int >= 1
    cycle : int >= 1, dilations are 1, 2, 4, ... and begin anew after so many layers
    upsample_scales : sequence of two int whose product is `spec.hop_length`, or None for what follows from it
    n_train_steps : int >= 2, noise levels in training, rising linearly from `noise_range`[0] to [1]
    noise_range : (float, float), of the variance added in a step
    schedule : sequence of float in (0, 1), variance added in each step at synthesis, the last step's first

    Raises
    ------
    UserError
        If a noise level is not between 0 and 1.

    Source: S.-g. Lee et al., "PriorGrad", ICLR 2022; Z. Kong et al., "DiffWave", ICLR 2021 (network, schedules).
    """

    own_losses = ("denoising",)

    def __init__(
        self,
        spec: FeatureSpec,
        channels: int = 64,
        n_layers: int = 30,
        cycle: int = 10,
        upsample_scales: Optional[Sequence[int]] = None,
        n_train_steps: int = 50,
        noise_range: Sequence[float] = (1e-4, 0.05),
        schedule: Sequence[float] = (1e-4, 1e-3, 1e-2, 0.05, 0.2, 0.5),
    ):
        super().__init__(spec)
        if not all(0 < level < 1 for level in (*schedule, *noise_range)):
            raise UserError("priorgrad: noise levels lie between 0 and 1, in schedule and in noise_range")
        scales = check_scales("priorgrad", upsample_scales, spec.hop_length, count=2, largest=16, with_ones=True)
        # How much of the signal's power is left at each step of training, and of synthesis.
        kept = np.cumprod(1 - np.linspace(*noise_range, n_train_steps))
        self.register_buffer("kept", torch.from_numpy(kept).float(), persistent=False)
        self.schedule, self.left = list(schedule), np.cumprod(1 - np.array(schedule)).tolist()
        self.steps = [_fractional_step(left, kept) for left in self.left]
        self.level = MelLevel(spec)
        self.network = _Denoiser(spec.n_mels, channels, n_layers, cycle, scales)

    def forward(self, mel: torch.Tensor, f0: Optional[torch.Tensor] = None) -> torch.Tensor:
        deviation, scale = self._prior(mel)
        condition = self.network.condition(self.normalize(mel))
        x = deviation * torch.randn_like(deviation)
        for index in reversed(range(len(self.schedule))):
            added, left = self.schedule[index], self.left[index]
            step = x.new_full((len(x),), self.steps[index])
            noise = self.network(x, step, condition)
            x = (x - added / math.sqrt(1 - left) * noise) / math.sqrt(1 - added)
            if index:
                variance = (1 - self.left[index - 1]) / (1 - left) * added
                x = x + math.sqrt(variance) * deviation * torch.randn_like(x)
        return x * scale

    def forward_with_losses(
        self, mel: torch.Tensor, f0: Optional[torch.Tensor], wav: torch.Tensor
    ) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
        deviation, scale = self._prior(mel)
        step = torch.randint(len(self.kept), (len(mel),), device=mel.device)
        kept = self.kept[step][:, None, None]
        noise = deviation * torch.randn_like(wav)
        x = kept.sqrt() * (wav / scale) + (1 - kept).sqrt() * noise
        named = self.network(x, step.to(x.dtype), self.network.condition(self.normalize(mel)))
        loss = ((named - noise) / deviation).square().mean()
        if not self.training:
            return self(mel, f0), dict(denoising=loss)
        return (x - (1 - kept).sqrt() * named) / kept.sqrt() * scale, dict(denoising=loss)

    @torch.no_grad()
    def _prior(self, mel: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
        """Deviation of the noise ``(B, 1, T * hop_length)``, one in the loudest frames, and the level of these."""
        loudest = self.level.loudest(self.mel_mean, self.mel_std)
        deviation = (self.level(mel) / loudest).clamp(_SOFTEST, 1.0)
        return deviation.repeat_interleave(self.spec.hop_length, dim=2), loudest


class _Denoiser(nn.Module):
    """Gated dilated convolutions over the noisy waveform, told the step and the mel."""

    def __init__(self, n_mels: int, channels: int, n_layers: int, cycle: int, scales: Sequence[int]):
        super().__init__()
        self.upsamples = nn.ModuleList(
            nn.ConvTranspose2d(
                1, 1, (3, 2 * scale), (1, scale), (1, scale // 2 + scale % 2), output_padding=(0, scale % 2)
            )
            for scale in scales
        )
        hidden = 4 * _EMBEDDING
        self.embed = nn.Sequential(nn.Linear(_EMBEDDING, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU())
        self.entry = nn.Conv1d(1, channels, 1)
        self.layers = nn.ModuleList(_Layer(n_mels, channels, hidden, 2 ** (k % cycle)) for k in range(n_layers))
        self.exit = nn.Conv1d(channels, channels, 1)
        self.head = nn.Conv1d(channels, 1, 1)
        for layer in [self.entry, self.exit, *(c for layer in self.layers for c in layer.convolutions())]:
            nn.init.kaiming_normal_(layer.weight)
        nn.init.zeros_(self.head.weight)

    def condition(self, mel: torch.Tensor) -> torch.Tensor:
        """``(B, n_mels, T)`` to ``(B, n_mels, N)``."""
        x = mel[:, None]
        for upsample in self.upsamples:
            x = nn.functional.leaky_relu(upsample(x), 0.4)
        return x[:, 0]

    def forward(self, x: torch.Tensor, step: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        """Noise in ``(B, 1, N)`` at `step`, ``(B,)``, whole or in between."""
        octaves = torch.arange(_EMBEDDING // 2, device=x.device) * (4 * math.log(10) / (_EMBEDDING // 2 - 1))
        angle = step[:, None] * octaves.exp()
        step = self.embed(torch.cat([angle.sin(), angle.cos()], dim=1).to(x.dtype))
        x = nn.functional.relu(self.entry(x))
        skips = 0.0
        for layer in self.layers:
            x, skip = layer(x, step, condition)
            skips = skips + skip
        skips = skips / math.sqrt(len(self.layers))
        return self.head(nn.functional.relu(self.exit(skips)))


class _Layer(nn.Module):
    def __init__(self, n_mels: int, channels: int, n_step: int, dilation: int):
        super().__init__()
        self.step = nn.Linear(n_step, channels)
        self.dilated = nn.Conv1d(channels, 2 * channels, 3, padding=dilation, dilation=dilation)
        self.mel = nn.Conv1d(n_mels, 2 * channels, 1)
        self.out = nn.Conv1d(channels, 2 * channels, 1)

    def convolutions(self):
        return self.dilated, self.mel, self.out

    def forward(self, x: torch.Tensor, step: torch.Tensor, mel: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
        y = self.dilated(x + self.step(step)[:, :, None]) + self.mel(mel)
        gate, value = y.chunk(2, dim=1)
        residual, skip = self.out(torch.sigmoid(gate) * torch.tanh(value)).chunk(2, dim=1)
        return (x + residual) / math.sqrt(2), skip


def _fractional_step(left: float, kept: np.ndarray) -> float:
    """The step of training, between two if need be, at which the amplitude that is `left` was left."""
    amplitude, amplitudes = math.sqrt(left), np.sqrt(kept)
    for step, (above, below) in enumerate(zip(amplitudes, amplitudes[1:])):
        if below <= amplitude <= above:
            return float(step + (above - amplitude) / (above - below))
    return 0.0 if amplitude > amplitudes[0] else len(amplitudes) - 1.0
