"""Discriminators that look at spectrograms."""

from typing import List, Sequence, Tuple

import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from espnet2_nhv.errors import UserError

_SLOPE = 0.2


class MultiResolutionDiscriminator(nn.Module):
    """UnivNet's: one stack of convolutions over the magnitude spectrogram of each resolution.

    Parameters
    ----------
    resolutions : sequence of (n_fft, hop_length, win_length), samples
    channels : int >= 1

    Source: W. Jang et al., "UnivNet", Interspeech 2021; the default resolutions are its own, of 24 kHz, times two.
    """

    def __init__(
        self,
        resolutions: Sequence[Tuple[int, int, int]] = ((2048, 240, 1200), (4096, 480, 2400), (1024, 100, 480)),
        channels: int = 32,
    ):
        super().__init__()
        self.parts = nn.ModuleList(_MagnitudePart(*resolution, channels) for resolution in resolutions)

    def forward(self, x: torch.Tensor) -> List[List[torch.Tensor]]:
        """Waveforms ``(B, 1, N)`` to the outputs of all layers of each resolution, the verdict last."""
        return [part(x) for part in self.parts]


class MultiBandSTFTDiscriminator(nn.Module):
    """One stack of convolutions over each frequency band of the complex spectrogram of each resolution.

    Parameters
    ----------
    n_ffts : sequence of int, samples; hops are a quarter of them
    bands : sequence of float in [0, 1], rising, where bands begin and end, as shares of the Nyquist frequency
    channels : int >= 1

    Raises
    ------
    UserError
        If `bands` do not rise from 0 to 1.

    Source: R. Kumar et al., "High-Fidelity Audio Compression with Improved RVQGAN", NeurIPS 2023.
    """

    def __init__(
        self,
        n_ffts: Sequence[int] = (2048, 1024, 512),
        bands: Sequence[float] = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0),
        channels: int = 32,
    ):
        super().__init__()
        if list(bands) != sorted(set(bands)) or bands[0] != 0.0 or bands[-1] != 1.0:
            raise UserError(f"multi_band_stft: bands {list(bands)} do not rise from 0.0 to 1.0")
        self.parts = nn.ModuleList(_BandedPart(n_fft, bands, channels) for n_fft in n_ffts)

    def forward(self, x: torch.Tensor) -> List[List[torch.Tensor]]:
        """Waveforms ``(B, 1, N)`` to the outputs of all layers of each resolution, the verdict last."""
        return [part(x) for part in self.parts]


class _MagnitudePart(nn.Module):
    def __init__(self, n_fft: int, hop_length: int, win_length: int, channels: int):
        super().__init__()
        self.n_fft, self.hop_length, self.win_length = n_fft, hop_length, win_length
        self.register_buffer("window", torch.hann_window(win_length), persistent=False)
        self.layers = _layers(1, channels)
        self.verdict = weight_norm(nn.Conv2d(channels, 1, 3, padding=1))

    def forward(self, x: torch.Tensor) -> List[torch.Tensor]:
        # (B, 1, frames, bins); strides thin out the bins.
        y = _stft(x, self.n_fft, self.hop_length, self.window).abs().transpose(1, 2)[:, None]
        outputs = []
        for layer in self.layers:
            y = nn.functional.leaky_relu(layer(y), _SLOPE)
            outputs.append(y)
        return [*outputs, self.verdict(y)]


class _BandedPart(nn.Module):
    def __init__(self, n_fft: int, bands: Sequence[float], channels: int):
        super().__init__()
        self.n_fft = n_fft
        self.edges = [round(edge * (n_fft // 2 + 1)) for edge in bands]
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        self.stacks = nn.ModuleList(_layers(2, channels) for _ in self.edges[1:])
        self.verdict = weight_norm(nn.Conv2d(channels, 1, 3, padding=1))

    def forward(self, x: torch.Tensor) -> List[torch.Tensor]:
        spectrum = _stft(x, self.n_fft, self.n_fft // 4, self.window)
        y = torch.view_as_real(spectrum).permute(0, 3, 2, 1)  # (B, 2, frames, bins)
        outputs, ends = [], []
        for begin, end, stack in zip(self.edges, self.edges[1:], self.stacks):
            band = y[..., begin:end]
            for layer in stack:
                band = nn.functional.leaky_relu(layer(band), _SLOPE)
                outputs.append(band)
            ends.append(band)
        return [*outputs, self.verdict(torch.cat(ends, dim=-1))]


def _layers(n_in: int, channels: int) -> nn.ModuleList:
    """Five convolutions over ``(frames, bins)``, three of which halve the bins."""
    shapes = [(n_in, (3, 9), 1), (channels, (3, 9), 2), (channels, (3, 9), 2), (channels, (3, 9), 2)]
    shapes.append((channels, (3, 3), 1))
    return nn.ModuleList(
        weight_norm(nn.Conv2d(n, channels, kernel, (1, stride), (kernel[0] // 2, kernel[1] // 2)))
        for n, kernel, stride in shapes
    )


def _stft(x: torch.Tensor, n_fft: int, hop_length: int, window: torch.Tensor) -> torch.Tensor:
    # Half precision loses the quiet bins.
    with torch.autocast(x.device.type, enabled=False):
        return torch.stft(
            x[:, 0].float(), n_fft, hop_length, len(window), window=window, pad_mode="constant", return_complex=True
        )
