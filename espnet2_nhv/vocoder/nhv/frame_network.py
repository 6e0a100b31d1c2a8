"""A causal ConvNeXt at the frame rate that can be fed piece by piece."""

from typing import List, Tuple

import torch
from torch import nn

from espnet2_nhv.errors import UserError


class CausalConvNeXtBlock(nn.Module):
    """Depthwise convolution over past frames, then a two-layer perceptron on each frame, beside a skip connection.

    Parameters
    ----------
    channels : int >= 1
    hidden : int >= 1, width of the perceptron
    kernel_size : int >= 1, frames seen, the present one included

    Source: Z. Liu et al., "A ConvNet for the 2020s", CVPR 2022; for vocoders, H. Siuzdak, "Vocos", ICLR 2024.
    """

    def __init__(self, channels: int, hidden: int, kernel_size: int):
        super().__init__()
        self.n_past = kernel_size - 1
        self.taps = nn.Parameter(torch.randn(kernel_size, channels) / kernel_size**0.5)
        self.norm = nn.LayerNorm(channels)
        self.widen = nn.Linear(channels, hidden)
        self.narrow = nn.Linear(hidden, channels)

    def forward(self, x: torch.Tensor, past: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
        """`x` is ``(B, T, channels)``, `past` the ``(B, n_past, channels)`` frames before; returns both anew."""
        frames = torch.cat([past, x], dim=1)
        n_frames = x.shape[1]
        # Shifted products: on one CPU core twice as fast as a grouped convolution with its transpositions.
        mixed = frames[:, :n_frames] * self.taps[0]
        for k in range(1, len(self.taps)):
            mixed = torch.addcmul(mixed, frames[:, k : k + n_frames], self.taps[k])
        return x + self.narrow(torch.relu_(self.widen(self.norm(mixed)))), frames[:, n_frames:]


class FrameNetwork(nn.Module):
    """From frames of features to frames of numbers, causally but for a fixed delay, several frames at a step.

    A step reads `stride` new frames; the blocks, where most of the work is, run once a step, and what they write
    holds for all its frames. A linear map of each frame is added. So frames that are alike give numbers that are alike,
    wherever in a step they come: a held note does not hum at the rate of the steps.
    Output frame ``i`` belongs to input frame ``i - delay``: to see `delay` frames ahead, feed that many more.

    Parameters
    ----------
    n_in, n_out : int >= 1
    channels, hidden : int >= 1
    n_blocks : int >= 0
    kernel_size : int >= 1, steps that each block sees
    delay : int >= 0, frames of look-ahead, which the input layer sees
    stride : int >= 1, frames a step

    Raises
    ------
    UserError
        If a size is below that.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        channels: int,
        hidden: int,
        n_blocks: int,
        kernel_size: int,
        delay: int,
        stride: int = 1,
    ):
        super().__init__()
        at_least = dict(channels=1, hidden=1, n_blocks=0, kernel_size=1, delay=0, stride=1)
        for name, value in zip(at_least, (channels, hidden, n_blocks, kernel_size, delay, stride)):
            if value < at_least[name]:
                raise UserError(f"nhv: {name} is {value}, but {at_least[name]} or more is needed")
        self.n_in, self.n_out = n_in, n_out
        self.delay, self.stride = delay, stride
        self.entry = nn.Linear(n_in * (delay + stride), channels)
        self.blocks = nn.ModuleList(CausalConvNeXtBlock(channels, hidden, kernel_size) for _ in range(n_blocks))
        self.norm = nn.LayerNorm(channels)
        self.head = nn.Linear(channels, n_out)
        self.skip = nn.Linear(n_in, n_out, bias=False)
        # Starting from zero, the filters start from the prior alone.
        for parameter in (self.head.weight, self.head.bias, self.skip.weight):
            nn.init.zeros_(parameter)

    def initial_state(self, batch: int) -> List[torch.Tensor]:
        """The state before the first frame: what each layer has seen, nothing."""
        entry = self.entry.weight.new_zeros(batch, self.delay, self.n_in)
        return [entry] + [b.taps.new_zeros(batch, b.n_past, b.taps.shape[1]) for b in self.blocks]

    def forward(self, x: torch.Tensor, state: List[torch.Tensor]) -> Tuple[torch.Tensor, List[torch.Tensor]]:
        """Feed frames.

        Parameters
        ----------
        x : Tensor [shape=(B, T, n_in)], T a multiple of `stride`
        state : list of Tensor, from :meth:`initial_state` or the call before

        Returns
        -------
        y : Tensor [shape=(B, T, n_out)]
        state : list of Tensor, for the next call
        """
        n_frames = x.shape[1]
        frames = torch.cat([state[0], x], dim=1)
        new_state = [frames[:, n_frames:]]
        y = self.entry(self._seen(frames, n_frames))
        for block, past in zip(self.blocks, state[1:]):
            y, past = block(y, past)
            new_state.append(past)
        held = self.head(self.norm(y))[:, :, None].expand(-1, -1, self.stride, -1)
        return self.skip(frames[:, :n_frames]) + held.flatten(1, 2), new_state

    def _seen(self, frames: torch.Tensor, n_frames: int) -> torch.Tensor:
        """What each step sees, ``(B, T / stride, n_in * (delay + stride))``."""
        if torch.jit.is_tracing():  # the ONNX exporter knows no unfolding of any length
            n_seen = self.delay + self.stride
            return torch.cat([frames[:, k : k + n_frames : self.stride] for k in range(n_seen)], dim=2)
        # It lies side by side in memory: steps overlap by the delay.
        return frames.flatten(1).unfold(1, (self.delay + self.stride) * self.n_in, self.stride * self.n_in)
