"""How often, and by how much, a network upsamples from frames to samples."""

import math
from typing import List, Optional, Sequence

from espnet2_nhv.errors import UserError

# What the field uses where our rule would give something else: (factor, count) to scales.
_PUBLISHED = {(300, 4): (5, 5, 4, 3), (120, 4): (5, 4, 3, 2)}


def upsample_scales(factor: int, count: Optional[int] = None, largest: int = 8) -> List[int]:
    """Scales whose product is `factor`, the largest first, as the published generators have them.

    Each scale is the largest divisor of what is left that is not above `largest` (a prime factor above it is taken
    whole); then the last ones are split or joined until there are `count`, with ones in the end where nothing is left
    to split. At hop 256 it gives HiFi-GAN's (8, 8, 2, 2) and, for three stages, (8, 8, 4).

    Parameters
    ----------
    factor : int >= 1, samples a frame
    count : int >= 1 or None for as many as there come out
    largest : int >= 2

    Returns
    -------
    scales : list of int

    Notes
    -----
    Saved vocoders whose card leaves the scales open rely on this rule: it must not change.
    """
    if (factor, count) in _PUBLISHED:
        return list(_PUBLISHED[factor, count])
    scales, left = [], factor
    while left > 1:
        fitting = [d for d in range(2, largest + 1) if left % d == 0]
        scales.append(max(fitting) if fitting else _smallest_factor(left))
        left //= scales[-1]
    while count is not None and len(scales) > count:
        scales[-2:] = [scales[-2] * scales[-1]]
    while count is not None and len(scales) < count:
        scales[-1:] = _split(scales[-1] if scales else 1)
    return scales


def check_scales(name: str, scales: Optional[Sequence[int]], factor: int, with_ones: bool = False, **rule) -> List[int]:
    """`scales`, or those of :func:`upsample_scales` where they are None.

    Raises
    ------
    UserError
        If they do not multiply to `factor`, or some are one without leave (`with_ones`).
    """
    if scales is None:
        scales = upsample_scales(factor, **rule)
        if 1 in scales and not with_ones:
            scales = _without_ones(scales)
        if 1 in scales and not with_ones:
            raise UserError(f"{name}: a hop length of {factor} cannot be reached in {len(scales)} stages of 2 or more")
        return scales
    scales = [int(scale) for scale in scales]
    if math.prod(scales) != factor:
        raise UserError(f"{name}: upsample_scales {scales} do not multiply to the hop length {factor}")
    return scales


def check_channels(name: str, channels: int, scales: Sequence[int]) -> None:
    """Raise a UserError if `channels` cannot be halved once a scale."""
    if channels < 1 or channels % 2 ** len(scales):
        raise UserError(f"{name}: channels {channels} cannot be halved {len(scales)} times, once a scale")


def _smallest_factor(number: int) -> int:
    return next(d for d in range(2, number + 1) if number % d == 0)


def _without_ones(scales: Sequence[int]) -> List[int]:
    """As many scales, none of them one as far as the others can be split, the last first."""
    scales, count = [scale for scale in scales if scale > 1], len(scales)
    while len(scales) < count:
        composite = [place for place, scale in enumerate(scales) if _split(scale)[1] > 1]
        if not composite:
            return [*scales, *[1] * (count - len(scales))]
        scales[composite[-1] : composite[-1] + 1] = _split(scales[composite[-1]])
    return scales


def _split(scale: int) -> List[int]:
    """Two factors of `scale`, the larger first, as equal as can be."""
    small = max(d for d in range(1, math.isqrt(scale) + 1) if scale % d == 0)
    return [scale // small, small]
