"""A discriminator that a CPU can train: spectra frame by frame."""

from typing import List, Sequence

import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from espnet2_nhv.dsp.short_time import power, short_time_spectra

_SLOPE = 0.2
# Of the power of a frame: what lies further below it than 80 dB is not looked at.
_FLOOR = 1e-8


class FramewiseDiscriminator(nn.Module):
    """Convolutions over time alone, with all bins of a frame's log spectrum as channels, at several windows.

    Convolutions over spectrograms, or over waveforms, slide small kernels over millions of numbers. Here a frame is one
    vector, a layer one matrix product: a hundredth of HiFi-GAN's discriminators in operations, at as many parameters as
    the generator has. It sees the level of every bin, harmonics and what lies between them, and how they move.

    Each frame's spectrum comes without its level (the mean over bins of the logarithm is taken off), so that loud
    segments do not outweigh quiet ones.

    Parameters
    ----------
    windows : sequence of int, samples; hops are half of them
    channels : int >= 1
    n_layers : int >= 1, convolutions of three frames after the first layer, which sees one frame
    """

    def __init__(self, windows: Sequence[int] = (512, 1024, 2048), channels: int = 192, n_layers: int = 3):
        super().__init__()
        self.parts = nn.ModuleList(_FramewisePart(window, channels, n_layers) for window in windows)

    def forward(self, x: torch.Tensor) -> List[List[torch.Tensor]]:
        """Waveforms ``(B, 1, N)`` to the outputs of all layers of each window, the verdict last."""
        return [part(x) for part in self.parts]


class _FramewisePart(nn.Module):
    def __init__(self, size: int, channels: int, n_layers: int):
        super().__init__()
        self.size = size
        window = torch.hann_window(size)
        self.register_buffer("window", window / window.norm(), persistent=False)
        self.entry = weight_norm(nn.Linear(size // 2 + 1, channels))
        self.layers = nn.ModuleList(weight_norm(nn.Conv1d(channels, channels, 3, padding=1)) for _ in range(n_layers))
        self.verdict = weight_norm(nn.Conv1d(channels, 1, 1))

    def forward(self, x: torch.Tensor) -> List[torch.Tensor]:
        # Half precision loses the quiet bins.
        with torch.autocast(x.device.type, enabled=False):
            spectra = power(short_time_spectra(x[:, 0].float(), self.window, self.size, self.size // 2))
            floor = _FLOOR * spectra.mean(dim=-1, keepdim=True) + 1e-12
            levels = 0.5 * (spectra + floor).log()
            levels = levels - levels.mean(dim=-1, keepdim=True)
        y = nn.functional.leaky_relu(self.entry(levels), _SLOPE).transpose(1, 2)
        outputs = [y]
        for layer in self.layers:
            y = nn.functional.leaky_relu(layer(y), _SLOPE)
            outputs.append(y)
        return [*outputs, self.verdict(y)]
