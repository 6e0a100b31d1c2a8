"""A diagnosis as text and as plain values."""

import dataclasses
from typing import List

import numpy as np

from espnet2_nhv.refiner.diagnosis import Diagnosis


def table(found: Diagnosis, n_rows: int = 12) -> str:
    """Bands in `n_rows` groups, lowest first: the mels, what the vocoder was trained on, and what lies outside.

    Parameters
    ----------
    found : Diagnosis
    n_rows : int >= 1
    """
    lines = [f"{'Hz':>13}  {'mean':>8} {'trained':>8}  {'deviation':>9} {'trained':>8}  {'outside':>7}"]
    for group in np.array_split(np.arange(len(found.bands)), min(n_rows, len(found.bands))):
        bands = [found.bands[band] for band in group]
        value = {name: np.mean([band[name] for band in bands]) for name in bands[0]}
        span = f"{bands[0]['frequency']:.0f}-{bands[-1]['frequency']:.0f}"
        lines.append(
            f"{span:>13}  {value['mean']:8.3f} {value['trained_mean']:8.3f}  {value['std']:9.3f} "
            f"{value['trained_std']:8.3f}  {100 * value['outside']:5.1f} %"
        )
    return "\n".join(lines)


def verdict(found: Diagnosis) -> List[str]:
    """Cause and fix, a line each."""
    if found.cause == "none" and found.certain:
        return ["The mels fit the vocoder."]
    if not found.certain:
        return [
            "The mels do not fit the vocoder, and no single cause that is known here makes them fit.",
            f"Nearest: {found.says}. Then: {found.fix}.",
        ]
    return [f"Likely cause ({found.cause}): {found.says}.", f"What to do: {found.fix}."]


def values(found: Diagnosis) -> dict:
    """Everything, for a JSON file."""
    return dataclasses.asdict(found)
