"""Fourier transforms of real frames in real arithmetic, as products with small matrices.

ONNX has a Fourier transform, but ONNX Runtime computes it many times slower than these products.
"""

import math
from typing import Tuple

import torch


class RealFourierTransform(torch.nn.Module):
    """Transform of frames, and back, in two steps of about ``sqrt(n_fft)`` points each.

    Sample ``m = N2 a + b`` and bin ``k = c + N1 d`` with ``N1 N2 = n_fft`` split the sum over m into one over a and,
    for each c, one over b. Frames come and go as ``(a, ..., b)``, spectra as ``(c, ..., d)`` with ``c <= N1 / 2``,
    which of a real signal say all; so every step is a plain product and nothing is moved in between.

    Parameters
    ----------
    n_fft : int >= 4
    divisor : int that divides n_fft and that N2 divides
    size : int <= n_fft, samples of the frames that are not zero, a multiple of `divisor`
    delay : int >= 0, samples by which the inverse shifts frames, circularly

    Attributes
    ----------
    n_columns : int, N2
    bins : Tensor [shape=(N1 // 2 + 1, N2)], the bin at each place of a spectrum

    Source: J. W. Cooley and J. W. Tukey, "An algorithm for the machine calculation of complex Fourier series", 1965.
    """

    def __init__(self, n_fft: int, divisor: int, size: int, delay: int):
        super().__init__()
        n2 = min((n for n in range(1, divisor + 1) if divisor % n == 0), key=lambda n: abs(n * n - n_fft))
        n1 = n_fft // n2
        a, b = torch.arange(n1, dtype=torch.float64), torch.arange(n2, dtype=torch.float64)
        c, d = torch.arange(n1 // 2 + 1, dtype=torch.float64), torch.arange(n2, dtype=torch.float64)
        self.n_columns = n2
        self.bins = (c[:, None] + n1 * d).long()

        def constant(name, value):
            self.register_buffer(name, value.float().contiguous(), persistent=False)

        over_a = 2 * math.pi / n1 * c[:, None] * a[: size // n2]
        constant("a_to_real", torch.cos(over_a))
        constant("a_to_imag", -torch.sin(over_a))
        over_b = -2 * math.pi / n_fft * self.bins.double()[:, None] * b[:, None]  # (c, b, d)
        constant("b_to_real", torch.cat([torch.cos(over_b), -torch.sin(over_b)], dim=1))
        constant("b_to_imag", torch.cat([torch.sin(over_b), torch.cos(over_b)], dim=1))

        over_d = 2 * math.pi / n_fft * self.bins.double()[:, :, None] * (b - delay)  # (c, d, b)
        constant("d_to_real", torch.cat([torch.cos(over_d), -torch.sin(over_d)], dim=1))
        constant("d_to_imag", torch.cat([torch.sin(over_d), torch.cos(over_d)], dim=1))
        # Those c that stand for -c too count twice.
        twice = torch.where((c == 0) | (2 * c == n1), 1.0, 2.0) / n_fft
        over_c = 2 * math.pi / n1 * a[:, None] * c
        constant("real_to_a", torch.cos(over_c) * twice)
        constant("imag_to_a", -torch.sin(over_c) * twice)

    def forward(self, frames: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
        """Frames ``(size / N2, frames, N2)`` to the parts of their spectra, each ``(N1 // 2 + 1, frames, N2)``."""
        flat = frames.flatten(1)
        shape = (-1, frames.shape[1], frames.shape[2])
        parts = torch.cat([(self.a_to_real @ flat).view(shape), (self.a_to_imag @ flat).view(shape)], dim=2)
        return torch.bmm(parts, self.b_to_real), torch.bmm(parts, self.b_to_imag)

    def inverse(self, real: torch.Tensor, imag: torch.Tensor) -> torch.Tensor:
        """Parts of spectra to frames ``(N1, frames, N2)``, delayed."""
        parts = torch.cat([real, imag], dim=2)
        real, imag = torch.bmm(parts, self.d_to_real), torch.bmm(parts, self.d_to_imag)
        frames = self.real_to_a @ real.flatten(1) + self.imag_to_a @ imag.flatten(1)
        return frames.view(-1, parts.shape[1], self.n_columns)
