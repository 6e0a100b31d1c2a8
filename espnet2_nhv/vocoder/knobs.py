"""Knobs as frames of numbers."""

from typing import Mapping, Optional, Union

import torch

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.knobs import KNOBS, NAMES

Knobs = Union[Mapping, torch.Tensor]


def frames_of_knobs(knobs: Optional[Knobs], n_frames: int, device: torch.device) -> Optional[torch.Tensor]:
    """Knobs as one tensor.

    Parameters
    ----------
    knobs : dict of a name in KNOBS to a number, or to an array [shape=(n_frames,)] of one value a frame; or what this
        function has returned before; or None
    n_frames : int >= 0; arrays may have one value more or less
    device : torch.device

    Returns
    -------
    frames : Tensor [shape=(n_frames, len(KNOBS))], a column a knob; None if all are at 0, so that nothing is computed

    Raises
    ------
    UserError
        If there is no such knob, or a value is not in its range; the message says which.
    """
    if knobs is None:
        return None
    if not isinstance(knobs, Mapping):
        given = torch.as_tensor(knobs, dtype=torch.float32, device=device)
        if given.dim() != 2 or given.shape[1] != len(NAMES):
            raise UserError(
                f"knobs of shape {tuple(given.shape)} do not fit: give (T, {len(NAMES)}) or a dict of names"
            )
        knobs = dict(zip(NAMES, given.T))
    frames = torch.zeros(n_frames, len(NAMES), device=device)
    for name, value in knobs.items():
        if name not in KNOBS:
            raise UserError(f"there is no knob {name!r}; there are {', '.join(NAMES)}")
        curve = torch.as_tensor(value, dtype=torch.float32, device=device)
        if curve.dim():
            curve = curve.reshape(-1)
            if abs(len(curve) - n_frames) > 1 or len(curve) == 0:
                raise UserError(
                    f"{name} has {len(curve)} values and the mel {n_frames} frames: they must agree within one"
                )
            if len(curve) < n_frames:
                curve = torch.cat([curve, curve[-1:]])
        _check_range(name, curve)
        frames[:, NAMES.index(name)] = curve[:n_frames] if curve.dim() else curve
    return frames if bool(frames.any()) else None


def _check_range(name: str, curve: torch.Tensor) -> None:
    _, unit, (low, high) = KNOBS[name]
    good = (curve >= low) & (curve <= high)  # what is not a number is not either
    if not bool(good.all()):
        where = f" at frame {int(torch.nonzero(~good)[0])}" if curve.dim() else ""
        value = float(curve.reshape(-1)[~good.reshape(-1)][0])
        raise UserError(f"{name} is {value:g}{where}: give {unit} from {low:g} to {high:g} (0 changes nothing)")
