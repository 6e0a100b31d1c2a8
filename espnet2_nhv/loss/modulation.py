"""Loss on how the sound of each band comes and goes within a period of the voice."""

import math
from typing import Sequence, Tuple

import torch

from espnet2_nhv.dsp.short_time import band_matrix, power, short_time_spectra

# Hz. Below, a band holds few harmonics of a high voice, and its envelope says little.
DEFAULT_EDGES = (2000, 3000, 4000, 5000, 6000, 7500, 9000, 10500, 12500, 16000, 19000)
_TINY = 1e-12


class ModulationLoss(torch.nn.Module):
    """How far the envelopes of bands are from rising and falling with the period as the recording's do.

    A filter of minimum phase puts a period's sound into one instant in all bands at once, where a voice spreads it, and
    noise that flows evenly lacks the puffs of a voice's. Distances of magnitude spectra hardly see either: long windows
    hold whole periods, and short ones lie an unknown part of a period apart. Here the modulation of band b is::

        m_b = 2 sum_t w(t) e_b(t) exp(-2 pi i phi(t)) / sum_t w(t) e_b(t)

    with the power e_b of the band in a window shorter than a period, and the phase phi that F0 has run through: 0 for
    an even flow, 2 for pulses. The loss compares ``|m_b|``, and ``m_b conj(m_(b+1))``, which says how much earlier a
    band has its maximum than the next. Neither depends on where in the period a segment begins.

    Parameters
    ----------
    fs : int > 0, Hz
    edges : sequence of float, Hz, rising; bands lie between neighbours, those above the Nyquist frequency are left out
    win_length, hop_length : int >= 1, samples, of the envelopes
    span, step : int >= 1, envelope frames of a window w, and from one to the next
    harmonics : int >= 1, multiples of F0 at which envelopes are compared
    range_db : float > 0, bands of the recording that lie further below the loudest of their frame do not count
    balance : float >= 0, weight of how far the mean of each band's ``|m_b|`` over the whole batch is off
    """

    def __init__(
        self,
        fs: int,
        edges: Sequence[float] = DEFAULT_EDGES,
        win_length: int = 128,
        hop_length: int = 32,
        span: int = 64,
        step: int = 16,
        harmonics: int = 2,
        range_db: float = 50.0,
        balance: float = 1.0,
    ):
        super().__init__()
        self.fs, self.balance, self.harmonics = fs, balance, harmonics
        self.win_length, self.hop_length, self.least = win_length, hop_length, 10 ** (-range_db / 10)
        self.span, self.step = span, step
        self.register_buffer("window", torch.hann_window(win_length), persistent=False)
        self.register_buffer("weights", torch.hann_window(span, periodic=False), persistent=False)
        self.register_buffer("bands", band_matrix(edges, fs, win_length), persistent=False)

    def forward(self, wav_hat: torch.Tensor, wav: torch.Tensor, f0: torch.Tensor) -> torch.Tensor:
        """The loss of `wav_hat` against the reference `wav`.

        Parameters
        ----------
        wav_hat, wav : Tensor [shape=(B, 1, N)], any floating type
        f0 : Tensor [shape=(B, 1, T)], Hz, > 0, at samples 0, N / T, 2 N / T, ...

        Returns
        -------
        loss : Tensor [shape=(), dtype=float32], >= 0
        """
        with torch.autocast(wav.device.type, enabled=False):
            with torch.no_grad():
                turns = self._turns(f0.float(), wav.shape[-1])
                target, level = self._modulation(wav, turns)
                counts = (level > self.least * level.amax(dim=-1, keepdim=True)).float()
                depth, together = _depth(target), _neighbours(target)
            hat, _ = self._modulation(wav_hat, turns)
            difference = (_depth(hat) - depth) * counts[:, None]
            total = self.harmonics * counts.sum().clamp(min=1.0)
            loss = difference.abs().sum() / total
            both = counts[..., :-1] * counts[..., 1:]
            apart = (_neighbours(hat) - together).square().sum(dim=-1).add(_TINY).sqrt() * both[:, None]
            loss = loss + apart.sum() / (self.harmonics * both.sum().clamp(min=1.0))
            if self.balance:
                mean = difference.sum(dim=(0, 2)) / counts.sum(dim=(0, 1)).clamp(min=1.0)
                loss = loss + self.balance * mean.abs().mean()
            return loss

    def depth(self, wav: torch.Tensor, f0: torch.Tensor) -> torch.Tensor:
        """``|m_b|`` of `wav` ``(B, 1, N)`` at `f0` ``(B, 1, T)``, ``(B, harmonics, windows, bands)``."""
        return _depth(self._modulation(wav, self._turns(f0, wav.shape[-1]))[0])

    def _modulation(self, wav: torch.Tensor, turns: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
        """Modulation ``(B, harmonics, windows, bands, 2)``, real and imaginary, and level ``(B, windows, bands)``."""
        spectra = power(short_time_spectra(wav[:, 0].float(), self.window, self.win_length, self.hop_length))
        envelope = torch.matmul(spectra, self.bands)
        level = self._weighted(envelope[:, None, :, :, None])[:, 0, ..., 0] + _TINY
        turned = self._weighted(envelope[:, None, :, :, None] * turns[:, :, :, None])
        return turned * 2 / level[:, None, ..., None], level

    def _weighted(self, frames: torch.Tensor) -> torch.Tensor:
        """Weighted sums ``(B, H, windows, bands, C)`` of frames ``(B, H, n_frames, bands, C)``."""
        return torch.matmul(frames.unfold(2, self.span, self.step), self.weights)

    def _turns(self, f0: torch.Tensor, n_samples: int) -> torch.Tensor:
        """``exp(-2 pi i k phi)`` at the envelopes' frames ``(B, harmonics, n_frames, 2)``."""
        n_frames = 1 + n_samples // self.hop_length
        place = torch.arange(n_frames, device=f0.device) * (self.hop_length * f0.shape[-1] / n_samples)
        left = place.floor().long().clamp(max=f0.shape[-1] - 1)
        right = (left + 1).clamp(max=f0.shape[-1] - 1)
        here = torch.lerp(f0[:, 0, left], f0[:, 0, right], (place - left).expand(len(f0), -1))
        cycles = torch.cumsum(here * (self.hop_length / self.fs), dim=1)
        angle = -2 * math.pi * (cycles[:, None] * torch.arange(1, self.harmonics + 1, device=f0.device)[:, None])
        return torch.stack([torch.cos(angle), torch.sin(angle)], dim=-1)


def _depth(modulation: torch.Tensor) -> torch.Tensor:
    return modulation.square().sum(dim=-1).add(_TINY).sqrt()


def _neighbours(modulation: torch.Tensor) -> torch.Tensor:
    """The product of each band's modulation and the conjugate of the next one's, ``(..., bands - 1, 2)``."""
    (a, b), (c, d) = modulation[..., :-1, :].unbind(-1), modulation[..., 1:, :].unbind(-1)
    return torch.stack([a * c + b * d, b * c - a * d], dim=-1)
