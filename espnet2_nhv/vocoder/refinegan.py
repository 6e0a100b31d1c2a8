"""RefineGAN: a rough waveform of pulses, taken down to the frame rate and up again beside the mel."""

from typing import Optional, Sequence

import torch
from torch import nn

from espnet2_nhv.dsp.inverse_stft import one_frame_more
from espnet2_nhv.dsp.pulse import pulse_train
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.vocoder.base import AbsVocoder
from espnet2_nhv.vocoder.excitation import between_frames, phase_of_samples
from espnet2_nhv.vocoder.mel_level import MelLevel
from espnet2_nhv.vocoder.upsampling import check_scales
from espnet2_nhv.vocoder.weight_norm import add_weight_norm, remove_weight_norm

_SLOPE = 0.2
_NOISE_LEVEL = 0.003


class RefineGAN(AbsVocoder):
    """A U-net over a template of the voice: pulses at F0 as loud as the mel is.

    The template's intensity is read off the mel, so that a vocoder needs no third input; where the authors put noise in
    place of pulses, in unvoiced parts, it is added faintly everywhere, for F0 is continuous here.

    Parameters
    ----------
    spec : FeatureSpec
    channels : int >= 1, at the sampling rate; each stage down doubles them
    upsample_scales : sequence of int whose product is `spec.hop_length`, or None for what follows from it
    kernel_sizes : sequence of int, odd, of the blocks side by side
    dilations : sequence of int, within a block

    Source: S. Xu et al., "RefineGAN: Universally Generating Waveform Better than Ground Truth with Highly Accurate
    Pitch and Intensity Responses", Interspeech 2022.
    """

    needs_f0 = True

    def __init__(
        self,
        spec: FeatureSpec,
        channels: int = 16,
        upsample_scales: Optional[Sequence[int]] = None,
        kernel_sizes: Sequence[int] = (3, 7, 11),
        dilations: Sequence[int] = (1, 3, 5),
    ):
        super().__init__(spec)
        self.level = MelLevel(spec)
        scales = check_scales("refinegan", upsample_scales, spec.hop_length, count=4)
        self.scales = scales
        self.template_entry = nn.Conv1d(1, channels, 7, padding=3)
        self.down = nn.ModuleList()
        for _ in scales:
            self.down.append(_Residual(channels, 2 * channels, 7, dilations))
            channels *= 2
        self.mel_entry = nn.Conv1d(spec.n_mels, channels, 7, padding=3)
        self.up = nn.ModuleList()
        n_in = 2 * channels
        for _ in scales:
            channels //= 2
            # What comes from below, and the way down's at the same rate.
            self.up.append(_SideBySide(n_in + channels, channels, kernel_sizes, dilations))
            n_in = channels
        self.head = nn.Conv1d(channels, 1, 7, padding=3)
        add_weight_norm(self)

    def forward(self, mel: torch.Tensor, f0: Optional[torch.Tensor] = None) -> torch.Tensor:
        x = self.template_entry(self.template(mel, f0).to(mel.dtype))
        levels = []
        for scale, block in zip(self.scales[::-1], self.down):
            levels.append(x)
            x = nn.functional.leaky_relu(x, _SLOPE)
            x = block(_linear(x, x.shape[-1] // scale))
        x = torch.cat([self.mel_entry(self.normalize(mel)), x], dim=1)
        for scale, block in zip(self.scales, self.up):
            x = nn.functional.leaky_relu(x, _SLOPE)
            x = block(torch.cat([_linear(x, x.shape[-1] * scale), levels.pop()], dim=1))
        return torch.tanh(self.head(nn.functional.leaky_relu(x, _SLOPE)))

    def template(self, mel: torch.Tensor, f0: Optional[torch.Tensor]) -> torch.Tensor:
        """Pulses and faint noise, as loud as the mel is, one where it is loudest; ``(B, 1, T * hop_length)``."""
        hop_length = self.spec.hop_length
        phase, f0_samples = phase_of_samples("refinegan", f0, hop_length, self.fs)
        with torch.no_grad(), torch.autocast(mel.device.type, enabled=False):
            level = self.level(mel) / self.level.loudest(self.mel_mean, self.mel_std)
            level = between_frames(one_frame_more(level.clamp(max=1.0)), hop_length)
            pulses = pulse_train(phase, f0_samples, self.fs)[:, None]
            return level * (pulses + _NOISE_LEVEL * torch.randn_like(pulses))

    def fuse(self) -> "RefineGAN":
        remove_weight_norm(self)
        return self


def _linear(x: torch.Tensor, length: int) -> torch.Tensor:
    return nn.functional.interpolate(x, size=length, mode="linear", align_corners=False)


class _Residual(nn.Module):
    """Pairs of convolutions, one dilated and one plain, beside skip connections; the first changes the channels."""

    def __init__(self, n_in: int, channels: int, kernel_size: int, dilations: Sequence[int]):
        super().__init__()
        self.pairs = nn.ModuleList()
        for dilation in dilations:
            self.pairs.append(
                nn.ModuleList(
                    [
                        nn.Conv1d(n_in, channels, kernel_size, padding=kernel_size // 2 * dilation, dilation=dilation),
                        nn.Conv1d(channels, channels, kernel_size, padding=kernel_size // 2),
                    ]
                )
            )
            n_in = channels

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for dilated, plain in self.pairs:
            y = plain(nn.functional.leaky_relu(dilated(nn.functional.leaky_relu(x, _SLOPE)), _SLOPE))
            x = x + y if x.shape == y.shape else y
        return x


class _SideBySide(nn.Module):
    """Residual blocks of several kernel sizes between noise of a learned level for each channel, averaged."""

    def __init__(self, n_in: int, channels: int, kernel_sizes: Sequence[int], dilations: Sequence[int]):
        super().__init__()
        self.entry = nn.Conv1d(n_in, channels, 7, padding=3)
        self.blocks = nn.ModuleList(
            nn.Sequential(_Noise(channels), _Residual(channels, channels, kernel_size, dilations), _Noise(channels))
            for kernel_size in kernel_sizes
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.entry(x)
        return sum(block(x) for block in self.blocks) / len(self.blocks)


class _Noise(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        # At first there is none, as in the image networks this comes from: at a level of one, noise would be all one
        # hears, 60 dB above what F0 changes.
        self.level = nn.Parameter(torch.zeros(channels, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.leaky_relu(x + self.level * torch.randn_like(x), _SLOPE)
