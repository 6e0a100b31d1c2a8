"""What steers the harmonic-plus-noise synthesisers: a small convolution-and-attention network at the frame rate."""

from typing import Sequence, Tuple

import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

_KERNEL_FLOOR = 1e-4


class ControlNetwork(nn.Module):
    """Two convolutions, then layers of linear attention and gated convolution, then one linear layer.

    Parameters
    ----------
    n_in : int >= 1
    sizes : sequence of int >= 1, of the controls it writes
    channels : int >= 1, multiple of 4
    n_layers, n_heads, head_size : int >= 1
    kernel_size : int, odd

    Source: D.-Y. Wu et al., "DDSP-based Singing Vocoders", ISMIR 2022 (arrangement and sizes); K. Choromanski et al.,
    "Rethinking Attention with Performers", ICLR 2021; A. Gulati et al., "Conformer", Interspeech 2020.
    """

    def __init__(
        self,
        n_in: int,
        sizes: Sequence[int],
        channels: int = 64,
        n_layers: int = 3,
        n_heads: int = 8,
        head_size: int = 64,
        kernel_size: int = 31,
    ):
        super().__init__()
        self.sizes = list(sizes)
        self.entry = nn.Sequential(
            nn.Conv1d(n_in, channels, 3, padding=1),
            nn.GroupNorm(4, channels),
            nn.LeakyReLU(),
            nn.Conv1d(channels, channels, 3, padding=1),
        )
        self.layers = nn.ModuleList()
        for _ in range(n_layers):
            self.layers.append(_LinearAttention(channels, n_heads, head_size))
            self.layers.append(_GatedConvolution(channels, kernel_size))
        self.norm = nn.LayerNorm(channels)
        self.head = weight_norm(nn.Linear(channels, sum(sizes)))

    def forward(self, x: torch.Tensor) -> Tuple[torch.Tensor, ...]:
        """Features ``(B, n_in, T)`` to one ``(B, T, size)`` for each of `sizes`."""
        x = self.entry(x).transpose(1, 2)
        for layer in self.layers:
            x = x + layer(x)
        return self.head(self.norm(x)).split(self.sizes, dim=-1)


def positive(x: torch.Tensor) -> torch.Tensor:
    """Any number to one in (0, 2), as exponential below as a level is; the "modified sigmoid" of DDSP (Engel, 2020)."""
    return 2.0 * torch.sigmoid(x) ** 2.302585 + 1e-7


class _LinearAttention(nn.Module):
    """Softmax attention by random features: as long as the song, in time that grows no faster."""

    def __init__(self, channels: int, n_heads: int, head_size: int):
        super().__init__()
        self.n_heads = n_heads
        self.norm = nn.LayerNorm(channels)
        self.query = nn.Linear(channels, n_heads * head_size)
        self.key = nn.Linear(channels, n_heads * head_size)
        self.value = nn.Linear(channels, n_heads * head_size)
        self.out = nn.Linear(n_heads * head_size, channels)
        # Drawn once; a part of what is trained with it.
        self.register_buffer("directions", _orthogonal_directions(4 * head_size, head_size))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm(x)
        query, key, value = (
            layer(x).unflatten(-1, (self.n_heads, -1)).transpose(1, 2) for layer in (self.query, self.key, self.value)
        )
        query, key = self._features(query, over=(-1,)), self._features(key, over=(-2, -1))
        summary = key.transpose(-1, -2) @ value
        total = key.sum(dim=-2, keepdim=True)
        attended = (query @ summary) / (query * total).sum(dim=-1, keepdim=True)
        return self.out(attended.transpose(1, 2).flatten(2))

    def _features(self, x: torch.Tensor, over: Tuple[int, ...]) -> torch.Tensor:
        """Positive features whose products are, on average, exp(x . y / sqrt(d)), up to a factor that cancels."""
        x = x * x.shape[-1] ** -0.25
        exponent = x @ self.directions.T - 0.5 * x.square().sum(dim=-1, keepdim=True)
        return torch.exp(exponent - exponent.detach().amax(dim=over, keepdim=True)) + _KERNEL_FLOOR


def _orthogonal_directions(count: int, size: int) -> torch.Tensor:
    """Gaussian vectors ``(count, size)``, orthogonal in groups of `size`."""
    groups = [torch.linalg.qr(torch.randn(size, size))[0] for _ in range(-(-count // size))]
    lengths = torch.randn(count, size).norm(dim=1, keepdim=True)
    return torch.cat(groups)[:count] * lengths


class _GatedConvolution(nn.Module):
    """Pointwise, gate, depthwise, pointwise: the Conformer's convolution module without batch normalisation."""

    def __init__(self, channels: int, kernel_size: int):
        super().__init__()
        inner = 2 * channels
        self.norm = nn.LayerNorm(channels)
        self.layers = nn.Sequential(
            nn.Conv1d(channels, 2 * inner, 1),
            nn.GLU(dim=1),
            nn.Conv1d(inner, inner, kernel_size, padding=kernel_size // 2, groups=inner),
            nn.SiLU(),
            nn.Conv1d(inner, channels, 1),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(self.norm(x).transpose(1, 2)).transpose(1, 2)
