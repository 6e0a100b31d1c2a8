"""A band-limited pulse train at a continuous pitch, in closed form."""

import math
from typing import Optional, Tuple

import torch

# The top harmonic fades over at most this share of the band, so that everything below it is at full level.
_FADE = 0.02
# The Dirichlet kernel is 0 / 0 at phase 0; this far from it the ratio already equals its limit to the last bit.
_TINY = 1e-12


def sample_phase(
    f0: torch.Tensor, hop_length: int, fs: int, start: torch.Tensor
) -> Tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Phase and frequency of every sample, from F0 at the frames, linear in between.

    Parameters
    ----------
    f0 : Tensor [shape=(B, T + 1)], Hz, F0 at samples 0, hop_length, ..., T * hop_length
    hop_length : int >= 1
    fs : int > 0, Hz
    start : Tensor [shape=(B,), dtype=float64], cycles, phase of sample 0

    Returns
    -------
    phase : Tensor [shape=(B, T * hop_length)], cycles in [-0.5, 0.5], in the dtype of `f0`
    f0_samples : Tensor [shape=(B, T * hop_length)], Hz, in the dtype of `f0`
    end : Tensor [shape=(B,), dtype=float64], cycles, phase of sample T * hop_length: the next `start`

    Notes
    -----
    The phase is the exact integral of the interpolated F0: a parabola within a frame, a trapezoid over one.
    From frame to frame it is float64 and wrapped, so it neither drifts nor loses precision however long the note.
    Within a frame it counts from the frame's start, where float32 is precise enough: the highest harmonic there is
    passes ``hop_length / 2`` cycles, whatever F0 is, and a rounding of those is 80 dB below it.
    """
    cycles = f0.double() * (hop_length / fs)  # a hop
    passed = torch.cumsum((cycles[:, :-1] + cycles[:, 1:]) / 2, dim=1)
    begin = _wrap(torch.cat([start[:, None], passed + start[:, None]], dim=1))
    phase, f0_samples = phase_within_frames(begin[:, :-1].to(f0.dtype), cycles.to(f0.dtype), f0, hop_length)
    return phase, f0_samples, begin[:, -1]


def phase_within_frames(
    begin: torch.Tensor, cycles: torch.Tensor, f0: torch.Tensor, hop_length: int
) -> Tuple[torch.Tensor, torch.Tensor]:
    """The first two of :func:`sample_phase`, from phases of frames ``(B, T)``, cycles a hop and F0 ``(B, T + 1)``."""
    tick = torch.arange(hop_length, dtype=f0.dtype, device=f0.device) / hop_length
    left, right = cycles[:, :-1, None], cycles[:, 1:, None]
    # Sums and products of two, which broadcast fast on a CPU where addcmul and lerp do not.
    phase = begin[:, :, None] + tick * (left + tick * ((right - left) / 2))
    f0_samples = f0[:, :-1, None] + tick * (f0[:, 1:, None] - f0[:, :-1, None])
    return _wrap(phase).flatten(1), f0_samples.flatten(1)


def half_tangent(phase: torch.Tensor) -> torch.Tensor:
    """Tangent of half the angle, ``tan(pi phase)``, of a phase in cycles; not quite 0 at phase 0."""
    return torch.tan((phase + _TINY) * math.pi)


def pulse_train(phase: torch.Tensor, f0: torch.Tensor, fs: int, tangent: Optional[torch.Tensor] = None) -> torch.Tensor:
    """All harmonics below the Nyquist frequency, equally strong, of unit power at any pitch.

    Parameters
    ----------
    phase : Tensor [shape=(...)], cycles, wrapped, from :func:`sample_phase`
    f0 : Tensor [shape=(...)], Hz, in (0, fs / 2), of the same dtype
    fs : int > 0, Hz
    tangent : Tensor [shape=(...)], :func:`half_tangent` of the phase, where it has been computed already

    Returns
    -------
    pulses : Tensor [shape=(...)]; a pulse stands where the phase is 0

    Notes
    -----
    The sum of ``cos(2 pi k phase)`` over k = 1..K is a Dirichlet kernel, so it costs the same at any pitch. The
    harmonic below the Nyquist frequency fades in as F0 falls, lest it click when it appears.
    """
    harmonics = (fs / 2) / f0
    beyond = harmonics.frac()
    top = harmonics - beyond
    # From -1, where the top harmonic is gone, to 1, where it is all there.
    fade = (beyond * (f0 * (4 / (_FADE * fs))).clamp(min=2.0)).clamp(max=2.0).sub_(1.0)

    tangent = half_tangent(phase) if tangent is None else tangent
    top_angle = _wrap((phase + _TINY) * top).mul_(2 * math.pi)
    # Twice the harmonics 1..top: Dirichlet's kernel with half the top one left out, and what `fade` leaves of it.
    kernel = torch.sin(top_angle) / tangent
    kernel.addcmul_(fade, torch.cos(top_angle))
    # 2 f0 / fs is one over the number of harmonics, each of power 1/2.
    gain = torch.sqrt(f0 * (1 / fs))
    return (kernel * gain).sub_(gain)


def _wrap(cycles: torch.Tensor) -> torch.Tensor:
    return cycles - cycles.round()
