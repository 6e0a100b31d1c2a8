"""A lifter that follows F0: no filter under it tells one harmonic from the next."""

import math
from typing import Sequence

import torch
from torch import nn

from espnet2_nhv.errors import UserError


class PitchLifter(nn.Module):
    """Weights of quefrencies, from 1 where they describe the timbre to 0 where they could describe a pitch.

    A steady voiced frame excites its filter only at its harmonics, an F0 apart, and hears nothing of how the response
    goes up and down in between: quefrencies above half a period are of no use to it, and those of a period of the mel's
    F0 are that F0, stamped into the filter. They fade out along half a cosine.

    Parameters
    ----------
    quefrencies : sequence of int, samples
    fs : int > 0, Hz
    begin, end : float, 0 < begin < end, in periods of F0: all of what is below the first is kept, nothing from the
        second on. An end of 0.5 keeps out the mel's pitch down to an F0 of half of it.

    Raises
    ------
    UserError
        If begin and end do not rise.
    """

    def __init__(self, quefrencies: Sequence[int], fs: int, begin: float, end: float):
        super().__init__()
        if not 0 < begin < end:
            raise UserError(f"nhv: lifter is [{begin}, {end}], but two rising numbers above 0 are needed")
        self.scale, self.offset = math.pi / (end - begin), -math.pi * begin / (end - begin)
        quefrency = torch.as_tensor(quefrencies).abs().float() / fs
        self.register_buffer("seconds", quefrency * self.scale, persistent=False)

    def forward(self, f0: torch.Tensor) -> torch.Tensor:
        """F0 ``(B, T)``, Hz, to weights ``(B, T, len(quefrencies))``."""
        angle = (f0[..., None] * self.seconds + self.offset).clamp(0.0, math.pi)
        return 0.5 + 0.5 * torch.cos(angle)
