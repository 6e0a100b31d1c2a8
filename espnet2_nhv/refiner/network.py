"""The flow from what an acoustic model writes to what a recording's mel is."""

import math
from typing import Optional

import torch
from torch import nn

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.vocoder.apnet2 import ConvNeXtV2Block

_EMBEDDING = 64


class MelRefiner(nn.Module):
    """Repairs mels: a straight flow that starts at the given mel with noise added and ends at the recording's.

    Between the two, at time t in [0, 1], lies ``(1 - t) (given + noise) + t recording``; the network learns the
    velocity ``recording - given - noise`` from that, from the given mel and from t. A few of Euler's steps follow it.
    What noise is drawn decides the fine structure that the given mel has not: acoustic models write the mean of all
    that could be, and a vocoder has never seen a mean.

    Parameters
    ----------
    spec : FeatureSpec
    channels, hidden, n_blocks : int >= 1
    noise : float > 0, deviation of the noise, in deviations of the features

    Source: X. Liu et al., "Flow Straight and Fast: Learning to Generate and Transfer Data with Rectified Flow", ICLR
    2023; J. Liu et al., "DiffSinger: Singing Voice Synthesis via Shallow Diffusion Mechanism", AAAI 2022, for a
    start at the blurred mel in place of noise alone.
    """

    def __init__(
        self, spec: FeatureSpec, channels: int = 256, hidden: int = 768, n_blocks: int = 6, noise: float = 0.5
    ):
        super().__init__()
        if not noise > 0:
            raise UserError(f"refiner: noise is {noise!r}; give a number above 0")
        self.spec, self.noise = spec, noise
        self.arguments = dict(channels=channels, hidden=hidden, n_blocks=n_blocks, noise=noise)
        self.register_buffer("mel_mean", torch.zeros(spec.n_mels, 1))
        self.register_buffer("mel_std", torch.ones(spec.n_mels, 1))
        self.entry = nn.Conv1d(2 * spec.n_mels, channels, 7, padding=3)
        self.time = nn.Sequential(nn.Linear(_EMBEDDING, channels), nn.SiLU(), nn.Linear(channels, channels))
        self.blocks = nn.ModuleList(ConvNeXtV2Block(channels, hidden) for _ in range(n_blocks))
        self.norm = nn.LayerNorm(channels)
        self.head = nn.Conv1d(channels, spec.n_mels, 1)
        # At first it changes nothing but adds its noise's share.
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def set_stats(self, mean: torch.Tensor, std: torch.Tensor) -> None:
        """Mean and deviation of the recordings' features, each ``(n_mels,)``."""
        self.mel_mean.copy_(mean.reshape(-1, 1))
        self.mel_std.copy_(torch.where(std > 0, std, torch.ones_like(std)).reshape(-1, 1))

    def loss(self, given: torch.Tensor, recorded: torch.Tensor) -> torch.Tensor:
        """Mean square difference of velocities.

        Parameters
        ----------
        given, recorded : Tensor [shape=(B, n_mels, T)], raw log-mel, of the same frames
        """
        given, recorded = self._normalize(given), self._normalize(recorded)
        start = given + self.noise * torch.randn_like(given)
        t = torch.rand(len(given), 1, 1, device=given.device)
        velocity = self(torch.lerp(start, recorded, t), given, t[:, 0, 0])
        return (velocity - (recorded - start)).square().mean()

    def forward(self, x: torch.Tensor, given: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """Velocity ``(B, n_mels, T)`` at `x`, of normalised mels; `t` is ``(B,)``."""
        frequency = torch.exp(torch.linspace(0.0, math.log(1000.0), _EMBEDDING // 2, device=t.device))
        angle = t[:, None] * frequency
        step = self.time(torch.cat([angle.sin(), angle.cos()], dim=1))[:, :, None]
        y = self.entry(torch.cat([x, given], dim=1))
        for block in self.blocks:
            y = block(y + step)
        return self.head(self.norm(y.transpose(1, 2)).transpose(1, 2))

    @torch.no_grad()
    def refine(
        self, mel: torch.Tensor, n_steps: int = 8, seed: Optional[int] = 0, temperature: float = 0.5
    ) -> torch.Tensor:
        """One utterance, repaired.

        Parameters
        ----------
        mel : Tensor [shape=(T, n_mels)], raw log-mel of `spec`
        n_steps : int >= 1
        seed : int or None, of the noise; None goes on with PyTorch's own
        temperature : float >= 0, share of the noise in training. What a network of few steps leaves of it is heard as
            roughness: at 1 one of 1500 steps made mels that moved half as much again as the recording's, at
            0.5 about as much

        Returns
        -------
        mel : Tensor [shape=(T, n_mels)], not below the spec's floor
        """
        if n_steps < 1:
            raise UserError(f"refiner: n_steps is {n_steps}; give 1 or more")
        if mel.dim() != 2 or mel.shape[1] != self.spec.n_mels:
            raise UserError(f"mel of shape {tuple(mel.shape)} does not fit: the refiner reads (T, {self.spec.n_mels})")
        given = self._normalize(mel.T[None].float())
        generator = None if seed is None else torch.Generator(mel.device).manual_seed(seed)
        noise = temperature * self.noise
        x = given + noise * torch.randn(given.shape, generator=generator, device=mel.device)
        for step in range(n_steps):
            t = x.new_full((1,), step / n_steps)
            x = x + self(x, given, t) / n_steps
        refined = x * self.mel_std + self.mel_mean
        return refined[0].T.clamp(min=self.spec.log_floor)

    def _normalize(self, mel: torch.Tensor) -> torch.Tensor:
        return (mel - self.mel_mean) / self.mel_std
