"""Where in a held note to look: an early second and the last one, clear of the note's ends."""

from typing import Tuple

EDGE = 0.5  # seconds at either end that are the note's own business
SHORTEST = 2 * EDGE + 3.0  # seconds, for an early and a last second that do not meet


def early_and_late(n_samples: int, fs: int) -> Tuple[slice, slice]:
    """The second that begins after one second, and the last that ends half a second before the end.

    Raises
    ------
    ValueError
        If the note is shorter than 4 s.
    """
    if n_samples < SHORTEST * fs:
        raise ValueError(f"a held note of {n_samples / fs:.1f} s: {SHORTEST:g} s are needed")
    last = n_samples - int(EDGE * fs)
    return slice(fs, 2 * fs), slice(last - fs, last)


def middle(n_samples: int, fs: int) -> slice:
    """All but the note's ends."""
    edge = int(EDGE * fs)
    return slice(edge, n_samples - edge)
