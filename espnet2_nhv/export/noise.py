"""White noise that depends on nothing but a seed and the place in the signal: the same in every runtime and chunk.

A counter is hashed to 32 bits, of which the upper and the lower half make a pair of normally distributed numbers.

Sources: C. Wellons, "Prospecting for hash functions", 2018, for the kind of hash; G. E. P. Box and M. E. Muller, "A
note on the generation of random normal deviates", 1958.
"""

import math

import torch

MASK = 0xFFFFFFFF
# Both below 2**31, so that products of them and 32 bits do not leave 64 bits.
MULTIPLIERS = (0x21F0AAAD, 0x735A2D97)
SHIFTS = (16, 15, 15)
ROW_STEP = 0x1E3779B9


def white_noise(seed: torch.Tensor, batch: int, frame: torch.Tensor, n_frames: int, hop_length: int) -> torch.Tensor:
    """White noise of unit power of some frames.

    Parameters
    ----------
    seed : Tensor [shape=(), dtype=int64], >= 0
    batch : int >= 1; each row is other noise
    frame : Tensor [shape=(), dtype=int64], the first of the frames; those before 0 are any noise
    n_frames : int >= 1
    hop_length : int >= 1

    Returns
    -------
    noise : Tensor [shape=(batch, n_frames * hop_length)], float32
    """
    half = (hop_length + 1) // 2
    key = hash32((seed + torch.arange(batch) * ROW_STEP) & MASK)
    counter = ((frame + torch.arange(n_frames)) * half)[:, None] + torch.arange(half)
    bits = hash32((counter & MASK) ^ key[:, None, None])
    # Never 0, of which there is no logarithm.
    radius = torch.sqrt(-2.0 * torch.log(((bits >> 16).float() + 0.5) * 2.0**-16))
    angle = (bits & 0xFFFF).float() * (2 * math.pi * 2.0**-16)
    pair = torch.cat([radius * torch.cos(angle), radius * torch.sin(angle)], dim=2)
    return pair[:, :, :hop_length].flatten(1)


def hash32(x: torch.Tensor) -> torch.Tensor:
    """Scramble 32 bits, held in int64, into 32 bits, so that inputs that differ in a bit have nothing in common."""
    x = x ^ (x >> SHIFTS[0])
    x = (x * MULTIPLIERS[0]) & MASK
    x = x ^ (x >> SHIFTS[1])
    x = (x * MULTIPLIERS[1]) & MASK
    return x ^ (x >> SHIFTS[2])
