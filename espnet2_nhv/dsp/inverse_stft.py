"""From predicted spectra to a waveform on the contract."""

import math

import torch

# The largest magnitude there can be. A sine of full scale has a quarter of the transform's length under a Hann window,
# so this is above what any transform of up to 4000 samples needs, and far below what overflows when squared.
_CEILING = 1000.0


def one_frame_more(x: torch.Tensor) -> torch.Tensor:
    """``(..., T)`` to ``(..., T + 1)``: the last frame again.

    Frame i of the contract is centred at sample ``i * hop``; T hops lie between T + 1 frames.
    """
    return torch.cat([x, x[..., -1:]], dim=-1)


def magnitude(log_magnitude: torch.Tensor) -> torch.Tensor:
    """Exponential, bounded."""
    return torch.exp(log_magnitude.clamp(max=math.log(_CEILING)))


def inverse_stft(real: torch.Tensor, imaginary: torch.Tensor, window: torch.Tensor, hop_length: int) -> torch.Tensor:
    """Overlap-add of spectra whose frame i is centred at sample ``i * hop_length``.

    Parameters
    ----------
    real, imaginary : Tensor [shape=(B, n_fft / 2 + 1, T + 1)]
    window : Tensor [shape=(n_fft,)]
    hop_length : int >= 1, at most n_fft / 2

    Returns
    -------
    wav : Tensor [shape=(B, 1, T * hop_length)], float32
    """
    # Half precision has no complex numbers worth the name.
    with torch.autocast(real.device.type, enabled=False):
        spectrum = torch.complex(real.float(), imaginary.float())
        return torch.istft(spectrum, len(window), hop_length, window=window, center=True)[:, None]
