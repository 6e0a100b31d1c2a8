"""A loss that keeps a source signal a source: as flat as the recording is without its envelope."""

import math

import torch

from espnet2_nhv.feature.mel_scale import mel_filters
from espnet2_nhv.feature.spec import FeatureSpec

_FLOOR = 1e-7
# CheapTrick's compensation for what smoothing over harmonics takes from the peaks between them.
_Q1 = -0.15


class SourceLoss(torch.nn.Module):
    """Mean absolute difference, in nepers, between the log-mel of a source signal and of the recording's residual.

    The residual's spectrum is the recording's divided by its envelope, brought back to the recording's level in each
    frame: the source carries pitch and loudness, and the filter has the timbre to itself.

    Parameters
    ----------
    spec : FeatureSpec
    n_bands : int >= 1, mel bands from 0 Hz to the Nyquist frequency

    Source: R. Yoneyama et al., "Source-Filter HiFi-GAN", ICASSP 2023; the envelope is that of M. Morise, "CheapTrick",
    Speech Communication 2015: windows of three periods, smoothed in the cepstrum.
    """

    def __init__(self, spec: FeatureSpec, n_bands: int = 80):
        super().__init__()
        self.spec = spec
        # Three periods of the lowest voice have to fit.
        self.n_fft = 2 ** math.ceil(math.log2(3 * spec.fs / spec.f0_floor + 1))
        bands = mel_filters(spec.fs, self.n_fft, n_bands, 0, spec.fs / 2)
        self.register_buffer("bands", torch.from_numpy(bands).T.contiguous(), persistent=False)
        self.register_buffer("window", torch.hann_window(self.n_fft), persistent=False)

    def forward(self, source: torch.Tensor, wav: torch.Tensor, f0: torch.Tensor) -> torch.Tensor:
        """The loss.

        Parameters
        ----------
        source, wav : Tensor [shape=(B, 1, T * hop_length)]
        f0 : Tensor [shape=(B, 1, T)], Hz, > 0
        """
        with torch.autocast(wav.device.type, enabled=False):
            with torch.no_grad():
                target = self._log_mel(self.residual_magnitude(wav.float(), f0.float()))
            return (self._log_mel(self._frames(source.float(), self.window).abs()) - target).abs().mean()

    def residual_magnitude(self, wav: torch.Tensor, f0: torch.Tensor) -> torch.Tensor:
        """Magnitudes ``(B, T, n_fft / 2 + 1)`` of the recording without its envelope, at the recording's level."""
        magnitude = self._frames(wav, self.window).abs()
        residual = magnitude / torch.exp(self.log_envelope(wav, f0))
        level = magnitude.mean(dim=-1, keepdim=True) / residual.mean(dim=-1, keepdim=True).clamp(min=_FLOOR)
        return residual * level

    def log_envelope(self, wav: torch.Tensor, f0: torch.Tensor) -> torch.Tensor:
        """Smooth log magnitude ``(B, T, n_fft / 2 + 1)``, of mean zero over frequency."""
        spec = self.spec
        f0 = f0[:, 0, :, None].clamp(spec.f0_floor, spec.f0_ceil)
        time = (torch.arange(self.n_fft, device=wav.device) - self.n_fft // 2) / spec.fs
        windows = (0.5 + 0.5 * torch.cos(2 * math.pi / 3 * f0 * time)) * (time.abs() * f0 <= 1.5)
        windows = windows / windows.norm(dim=-1, keepdim=True)
        log_magnitude = self._frames(wav, windows).abs().clamp(min=_FLOOR).log()
        cepstrum = torch.fft.irfft(log_magnitude, n=self.n_fft)[..., : self.n_fft // 2 + 1]
        quefrency = torch.arange(self.n_fft // 2 + 1, device=wav.device) / spec.fs
        smoothing = torch.sinc(f0 * quefrency)
        compensation = 1.0 - 2.0 * _Q1 + 2.0 * _Q1 * torch.cos(2 * math.pi * f0 * quefrency)
        cepstrum = cepstrum * smoothing * compensation
        cepstrum[..., 0] = 0.0
        mirrored = torch.cat([cepstrum, cepstrum[..., 1:-1].flip(-1)], dim=-1)
        return torch.fft.rfft(mirrored).real

    def _frames(self, wav: torch.Tensor, windows: torch.Tensor) -> torch.Tensor:
        """Spectra ``(B, T, n_fft / 2 + 1)`` of windowed frames, frame i centred at ``i * hop_length``."""
        half = self.n_fft // 2
        padded = torch.nn.functional.pad(wav[:, 0], (half, half))
        frames = padded.unfold(1, self.n_fft, self.spec.hop_length)[:, : wav.shape[-1] // self.spec.hop_length]
        return torch.fft.rfft(frames * windows)

    def _log_mel(self, magnitude: torch.Tensor) -> torch.Tensor:
        return (magnitude @ self.bands).clamp(min=_FLOOR).log()
