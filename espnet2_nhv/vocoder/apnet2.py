"""APNet2: amplitude and phase spectra, each by a ConvNeXt at the frame rate."""

from typing import Dict, Optional, Tuple

import torch
from torch import nn

from espnet2_nhv.dsp.inverse_stft import inverse_stft, magnitude, one_frame_more
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.loss.spectra import AmplitudePhaseLoss
from espnet2_nhv.vocoder.base import AbsVocoder


class APNet2(AbsVocoder):
    """Two networks at the frame rate write log amplitude and phase of an STFT.

    The losses of its own are those of :class:`~espnet2_nhv.loss.spectra.AmplitudePhaseLoss`.

    Parameters
    ----------
    spec : FeatureSpec
    channels, hidden, n_blocks : int >= 1, of each network
    n_fft : int, at least 2 hop_length; None takes 4 hop_length

    Source: H.-P. Du et al., "APNet2", NCMMSC 2023.
    """

    own_losses = AmplitudePhaseLoss.names

    def __init__(
        self,
        spec: FeatureSpec,
        channels: int = 512,
        hidden: int = 1536,
        n_blocks: int = 8,
        n_fft: Optional[int] = None,
    ):
        super().__init__(spec)
        n_fft = 4 * spec.hop_length if n_fft is None else n_fft
        n_bins = n_fft // 2 + 1
        self.amplitude = _network(spec.n_mels, n_bins, channels, hidden, n_blocks)
        self.phase = _network(spec.n_mels, 2 * n_bins, channels, hidden, n_blocks)
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        self.spectra_loss = AmplitudePhaseLoss(n_fft, spec.hop_length)

    def forward(self, mel: torch.Tensor, f0: Optional[torch.Tensor] = None) -> torch.Tensor:
        log_amplitude, phase = self.spectra(mel)
        return self._wav(log_amplitude, phase)

    def forward_with_losses(
        self, mel: torch.Tensor, f0: Optional[torch.Tensor], wav: torch.Tensor
    ) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
        log_amplitude, phase = self.spectra(mel)
        made = self._wav(log_amplitude, phase)
        return made, self.spectra_loss(log_amplitude, phase, made, wav)

    def spectra(self, mel: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
        """Log amplitude and phase, radian, of frames 0..T, each ``(B, n_fft / 2 + 1, T + 1)``."""
        mel = one_frame_more(self.normalize(mel))
        real, imaginary = self.phase(mel).chunk(2, dim=1)
        return self.amplitude(mel), torch.atan2(imaginary, real)

    def _wav(self, log_amplitude: torch.Tensor, phase: torch.Tensor) -> torch.Tensor:
        level = magnitude(log_amplitude)
        return inverse_stft(level * torch.cos(phase), level * torch.sin(phase), self.window, self.spec.hop_length)


def _network(n_in: int, n_out: int, channels: int, hidden: int, n_blocks: int) -> nn.Sequential:
    layers = [nn.Conv1d(n_in, channels, 7, padding=3), _ChannelNorm(channels)]
    layers += [ConvNeXtV2Block(channels, hidden) for _ in range(n_blocks)]
    network = nn.Sequential(*layers, _ChannelNorm(channels), nn.Conv1d(channels, n_out, 7, padding=3))
    for module in network.modules():
        if isinstance(module, (nn.Conv1d, nn.Linear)):
            nn.init.trunc_normal_(module.weight, std=0.02)
            nn.init.zeros_(module.bias)
    return network


class ConvNeXtV2Block(nn.Module):
    """Depthwise convolution, then a perceptron on each frame whose inner channels compete, beside a skip connection.

    Parameters
    ----------
    channels : int >= 1
    hidden : int >= 1, width of the perceptron

    Source: S. Woo et al., "ConvNeXt V2", CVPR 2023: a channel's response is its norm over time, and it is weighted by
    that norm as a share of the mean over channels.
    """

    def __init__(self, channels: int, hidden: int):
        super().__init__()
        self.mix = nn.Conv1d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.widen = nn.Linear(channels, hidden)
        self.gain, self.bias = nn.Parameter(torch.zeros(hidden)), nn.Parameter(torch.zeros(hidden))
        self.narrow = nn.Linear(hidden, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``(B, channels, T)`` to the same."""
        y = nn.functional.gelu(self.widen(self.norm(self.mix(x).transpose(1, 2))))
        response = y.norm(dim=1, keepdim=True)
        share = response / (response.mean(dim=2, keepdim=True) + 1e-6)
        return x + self.narrow(y + self.gain * (y * share) + self.bias).transpose(1, 2)


class _ChannelNorm(nn.LayerNorm):
    def __init__(self, channels: int):
        super().__init__(channels, eps=1e-6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.transpose(1, 2)).transpose(1, 2)
