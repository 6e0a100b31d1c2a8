"""Loss on how periodic each band is: how much of it is harmonics, and how much is noise."""

import math
from typing import Sequence, Tuple

import torch

from espnet2_nhv.dsp.short_time import band_matrix, power, short_time_spectra
from espnet2_nhv.errors import UserError

# Hz. Half of what lies above 8 kHz is in two wide bands: what is heard of it is a colour, not a pitch.
DEFAULT_EDGES = (0, 1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 10000, 12500, 16000, 19000)
_TINY = 1e-12
_LEAST_HIGHEST = 0.2  # of lower voices a window tells too little


class PeriodicityLoss(torch.nn.Module):
    """How far bands are from being as periodic as the recording's.

    The periodicity of a band in a frame is the autocorrelation, at a lag of one period, of what is in that band::

        c = sum_k P(k) cos(2 pi f_k / F0) / sum_k P(k),   k over the bins of the band

    with the power spectrum P of a windowed frame: near 1 where the band is harmonics, near 0 where it is noise.
    Distances between spectra cannot tell: they prefer a buzz, which is the same every time, to noise, which never is
    that of the recording.

    Parameters
    ----------
    fs : int > 0, Hz
    edges : sequence of float, Hz, rising; bands lie between neighbours, those above the Nyquist frequency are left out
    win_length, hop_length : int >= 1, samples
    range_db : float > 0, bands of the recording that lie further below the loudest of their frame do not count
    balance : float >= 0, weight of how far the mean of each band over the whole batch is off. What other losses pull
        towards noise or buzz in all frames alike hides in the scatter of single frames, but not in their mean
    doubted_below : float >= 0, Hz; of bands that begin below it only those frames count where the recording is a voice
        for certain, and segments without any. An error of its F0 makes low harmonics seem noisier than they are
    sure : (float, float), in [0, 1], rising, of the periodicity that a window lets harmonics have: a segment in which
        it is up to the first in the mean has no voice, a frame from the second on is one

    Raises
    ------
    UserError
        If `sure` does not rise or leaves its range.

    Source: the autocorrelation is that of the harmonics-to-noise ratio of P. Boersma, "Accurate short-term analysis of
    the fundamental frequency and the harmonics-to-noise ratio of a sampled sound", IFA Proceedings 17, 1993, by bands.
    """

    def __init__(
        self,
        fs: int,
        edges: Sequence[float] = DEFAULT_EDGES,
        win_length: int = 1024,
        hop_length: int = 256,
        range_db: float = 50.0,
        balance: float = 0.0,
        doubted_below: float = 0.0,
        sure: Tuple[float, float] = (0.2, 0.8),
    ):
        super().__init__()
        if not 0 <= sure[0] <= sure[1] <= 1:
            raise UserError(f"periodicity: sure is {list(sure)}, but two rising numbers in [0, 1] are needed")
        self.sure, self.fs = sure, fs
        self.balance = balance
        self.win_length, self.hop_length, self.least = win_length, hop_length, 10 ** (-range_db / 10)
        self.register_buffer("window", torch.hann_window(win_length), persistent=False)
        frequency = torch.arange(win_length // 2 + 1) * (fs / win_length)
        self.register_buffer("bands", band_matrix(edges, fs, win_length), persistent=False)
        self.register_buffer("angles", 2 * math.pi * frequency, persistent=False)
        doubted = torch.tensor(edges[: self.bands.shape[1]]) < doubted_below
        self.register_buffer("doubted", doubted, persistent=False)

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
                f0 = self._f0_of_frames(f0.float(), wav.shape[-1])[..., None]
                cosines = torch.cos(self.angles / f0)
                target, level = self._periodicity(wav, cosines)
                loud = level > self.least * level.amax(dim=-1, keepdim=True)
                share = target / self.highest(f0).clamp(min=_LEAST_HIGHEST)
                voiceless = share[..., self.doubted].mean(dim=(1, 2), keepdim=True) <= self.sure[0]
                sure = voiceless | (share >= self.sure[1])
                counts = (loud & (sure | ~self.doubted)).float()
            hat, _ = self._periodicity(wav_hat, cosines)
            difference = (hat - target) * counts
            loss = difference.abs().sum() / counts.sum().clamp(min=1.0)
            if self.balance:
                mean = difference.sum(dim=(0, 1)) / counts.sum(dim=(0, 1)).clamp(min=1.0)
                loss = loss + self.balance * mean.abs().mean()
            return loss

    def periodicity(self, wav: torch.Tensor, f0: torch.Tensor) -> torch.Tensor:
        """Periodicity ``(B, frames, bands)`` of `wav` ``(B, 1, N)`` at `f0` ``(B, 1, T)``."""
        cosines = torch.cos(self.angles / self._f0_of_frames(f0, wav.shape[-1])[..., None])
        return self._periodicity(wav, cosines)[0]

    def highest(self, f0: torch.Tensor) -> torch.Tensor:
        """Periodicity of harmonics of `f0`, any shape, Hz: that of the window, which overlaps itself a period later."""
        lag = (self.fs / (f0 * self.win_length)).clamp(max=1.0)
        turn = 2 * math.pi * lag
        return (1 - lag) * (2 + torch.cos(turn)) / 3 + torch.sin(turn) / (2 * math.pi)

    def _periodicity(self, wav: torch.Tensor, cosines: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
        """Periodicity and power of bands, both ``(B, frames, bands)``."""
        spectra = power(short_time_spectra(wav[:, 0].float(), self.window, self.win_length, self.hop_length))
        level = torch.matmul(spectra, self.bands) + _TINY
        return torch.matmul(spectra * cosines, self.bands) / level, level

    def _f0_of_frames(self, f0: torch.Tensor, n_samples: int) -> torch.Tensor:
        """F0 ``(B, frames)`` at the frames of the spectra, the nearest."""
        n_frames = 1 + n_samples // self.hop_length
        nearest = torch.arange(n_frames, device=f0.device) * (self.hop_length * f0.shape[-1]) / n_samples
        return f0[:, 0, nearest.round().long().clamp(max=f0.shape[-1] - 1)]
