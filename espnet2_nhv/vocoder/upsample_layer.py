"""Ways to upsample inside a network, besides the transposed convolution."""

import torch
from torch import nn

from espnet2_nhv.errors import UserError

# Of which each layer is one; "transposed" is the generators' own.
UPSAMPLINGS = ("transposed", "nearest", "linear", "subpixel")


class UpsampleLayer(nn.Module):
    """More samples first, then a convolution over them; or the samples of a step as channels of a convolution.

    A transposed convolution sums over a number of taps that changes from sample to sample, so that it hums at its
    rate, and its multiples, from the start. Interpolation does not; sub-pixel convolution has other weights for each
    sample of a step, and hums, too.

    Parameters
    ----------
    kind : ['nearest', 'linear', 'subpixel']
    n_in, n_out : int >= 1, channels
    scale : int >= 1

    Raises
    ------
    UserError
        If there is no such kind.

    Source: A. Odena et al., "Deconvolution and Checkerboard Artifacts", Distill 2016; W. Shi et al., "Real-Time Single
    Image and Video Super-Resolution Using an Efficient Sub-Pixel CNN", CVPR 2016; for audio J. Pons et al., "Upsampling
    Artifacts in Neural Audio Synthesis", ICASSP 2021.
    """

    def __init__(self, kind: str, n_in: int, n_out: int, scale: int):
        super().__init__()
        if kind not in UPSAMPLINGS[1:]:
            raise UserError(f"upsampling is {kind!r}; there are {', '.join(UPSAMPLINGS)}")
        self.kind, self.scale = kind, scale
        if kind == "subpixel":
            conv = nn.Conv1d(n_in, n_out * scale, 3, padding=1)
        else:  # as wide as the transposed convolution's kernel, which has two taps a sample
            conv = nn.Conv1d(n_in, n_out, 2 * scale + 1, padding=scale)
        # ESPnet's generators fold this kind of normalisation.
        self.conv = torch.nn.utils.weight_norm(conv)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``(B, n_in, T)`` to ``(B, n_out, T * scale)``."""
        if self.kind == "subpixel":
            y = self.conv(x)
            return y.reshape(len(y), -1, self.scale, y.shape[-1]).transpose(2, 3).flatten(2)
        if self.kind == "nearest":
            return self.conv(x.repeat_interleave(self.scale, dim=-1))
        return self.conv(nn.functional.interpolate(x, scale_factor=self.scale, mode="linear"))
