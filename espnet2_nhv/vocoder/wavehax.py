"""Wavehax: two-dimensional convolutions over a harmonic signal's spectrum; nothing is upsampled, nothing aliases."""

from typing import Optional

import torch
from torch import nn

from espnet2_nhv.dsp.inverse_stft import inverse_stft, one_frame_more
from espnet2_nhv.dsp.pulse import pulse_train
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.vocoder.base import AbsVocoder
from espnet2_nhv.vocoder.excitation import phase_of_samples

_PULSE_LEVEL, _NOISE_LEVEL = 0.1, 0.01


class Wavehax(AbsVocoder):
    """A harmonic signal's complex spectrogram, with the mel beside it, through ConvNeXt blocks to the voice's.

    The harmonic signal has constant power at any pitch; its harmonics are cosines here, a pulse train.

    Parameters
    ----------
    spec : FeatureSpec
    channels, n_blocks : int >= 1
    hidden : int >= 1, width of the perceptron in a block
    kernel_size : int, odd, in frames and in bins
    n_fft : int, even, at least 2 hop_length; None takes 2 hop_length
    framewise : bool, normalise each frame by itself in place of the whole utterance

    Source: R. Yoneyama et al., "Wavehax: Aliasing-Free Neural Waveform Synthesis Based on 2D Convolution and Harmonic
    Prior for Reliable Complex Spectrogram Estimation", arXiv 2411.06807.
    """

    needs_f0 = True

    def __init__(
        self,
        spec: FeatureSpec,
        channels: int = 32,
        hidden: int = 64,
        n_blocks: int = 8,
        kernel_size: int = 7,
        n_fft: Optional[int] = None,
        framewise: bool = False,
    ):
        super().__init__(spec)
        n_fft = 2 * spec.hop_length if n_fft is None else n_fft
        n_bins = n_fft // 2 + 1
        self.prior_entry = nn.Conv1d(n_bins, n_bins, 7, padding=3)
        self.mel_entry = nn.Conv1d(spec.n_mels, n_bins, 7, padding=3)
        self.entry = nn.Conv2d(5, channels, 1, bias=False)
        self.norm = _Norm(channels, framewise)
        self.blocks = nn.ModuleList(_Block(channels, hidden, kernel_size, n_blocks, framewise) for _ in range(n_blocks))
        self.head_norm = _Norm(channels, framewise)
        self.head = nn.Conv2d(channels, 2, 1)
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        for module in self.modules():
            if isinstance(module, (nn.Conv1d, nn.Conv2d)):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, mel: torch.Tensor, f0: Optional[torch.Tensor] = None) -> torch.Tensor:
        real, imaginary = self._prior(f0)
        planes = [real, imaginary, self.prior_entry(real), self.prior_entry(imaginary)]
        planes.append(self.mel_entry(one_frame_more(self.normalize(mel))))
        x = self.norm(self.entry(torch.stack(planes, dim=1)))
        for block in self.blocks:
            x = block(x)
        x = self.head(self.head_norm(x))
        return inverse_stft(x[:, 0], x[:, 1], self.window, self.spec.hop_length)

    @torch.no_grad()
    def _prior(self, f0: Optional[torch.Tensor]):
        """Real and imaginary parts ``(B, n_fft / 2 + 1, T + 1)`` of the harmonic signal with faint noise."""
        phase, f0_samples = phase_of_samples("wavehax", f0, self.spec.hop_length, self.fs)
        # Half precision has no complex numbers worth the name.
        with torch.autocast(phase.device.type, enabled=False):
            wav = _PULSE_LEVEL * pulse_train(phase, f0_samples, self.fs)
            wav = wav + _NOISE_LEVEL * torch.randn_like(wav)
            n_fft = len(self.window)
            # Zeros beyond the ends, for a note may be shorter than what would be mirrored.
            spectrum = torch.stft(
                wav, n_fft, self.spec.hop_length, window=self.window, pad_mode="constant", return_complex=True
            )
        return spectrum.real, spectrum.imag


class _Block(nn.Module):
    """Depthwise convolution over frames and bins, then a perceptron on each point, beside a skip connection."""

    def __init__(self, channels: int, hidden: int, kernel_size: int, n_blocks: int, framewise: bool):
        super().__init__()
        self.half = kernel_size // 2
        self.mix = nn.Conv2d(channels, channels, kernel_size, padding=(0, self.half), groups=channels, bias=False)
        self.norm = _Norm(channels, framewise)
        self.widen, self.narrow = nn.Conv2d(channels, hidden, 1), nn.Conv2d(hidden, channels, 1)
        self.scale = nn.Parameter(torch.full((channels, 1, 1), 1 / n_blocks))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # Mirrored at 0 Hz and the Nyquist frequency, as spectra are; nothing is before or after the utterance.
        mirrored = nn.functional.pad(x, (0, 0, self.half, self.half), mode="reflect")
        y = self.narrow(nn.functional.gelu(self.widen(self.norm(self.mix(mirrored)))))
        return x + self.scale * y


class _Norm(nn.Module):
    """To zero mean and unit variance over channels, bins and frames (or each frame by itself); then gain and bias."""

    def __init__(self, channels: int, framewise: bool):
        super().__init__()
        self.over = (1, 2) if framewise else (1, 2, 3)
        self.gain = nn.Parameter(torch.ones(channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        variance, mean = torch.var_mean(x, dim=self.over, correction=0, keepdim=True)
        return self.gain * ((x - mean) * torch.rsqrt(variance + 1e-6)) + self.bias
