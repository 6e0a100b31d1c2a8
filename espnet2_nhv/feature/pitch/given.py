"""F0 a frame that others have computed: what it means, and what is wrong with it."""

import logging
from typing import Tuple, Union

import numpy as np

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.pitch.curve import LOWEST, Curve
from espnet2_nhv.feature.spec import FeatureSpec


def as_contour(f0: np.ndarray, where: str) -> Union[np.ndarray, Curve]:
    """An array as F0 a frame.

    Parameters
    ----------
    f0 : array ``(T,)``, or that with axes of one; ``(T, 2)`` where the first column is time in s
    where : str, names it in errors

    Returns
    -------
    f0 : ndarray [shape=(T,)], float64, as given; or a Curve

    Raises
    ------
    UserError
        For another shape, or what is not numbers.
    """
    f0 = np.asarray(f0)
    if not np.issubdtype(f0.dtype, np.number) or np.issubdtype(f0.dtype, np.complexfloating):
        raise UserError(f"{where}: F0 is of {f0.dtype}, not numbers")
    shape = f0.shape
    f0 = np.squeeze(f0).astype(np.float64)
    if f0.ndim == 2 and f0.shape[1] == 2 and len(f0) > 2:
        steps = np.diff(f0[:, 0])
        if np.isfinite(steps).all() and (steps > 0).all() and f0[0, 0] >= 0 and np.ptp(steps) < steps.mean():
            return Curve(f0[:, 1], f0[:, 0], where=where)
    if f0.ndim > 1:
        columns = " (perhaps F0 and voicing or confidence: give F0 alone, f0[:, 0])" if f0.shape[-1] == 2 else ""
        raise UserError(f"{where}: F0 of shape {shape} is not one value a frame{columns}")
    return np.atleast_1d(f0)


def continuous_f0(f0: np.ndarray, where: str, spec: FeatureSpec) -> Tuple[np.ndarray, int]:
    """F0 whose unvoiced frames are interpolated, linearly in log F0; and how many there were.

    Parameters
    ----------
    f0 : ndarray [shape=(T,)], Hz; 0, NaN and what is below 0 are unvoiced
    where : str, names it in errors
    spec : FeatureSpec, whose range of F0 gives the constant of an utterance without a voiced frame, which a warning
        names

    Returns
    -------
    f0 : ndarray [shape=(T,)], float32, Hz, > 0
    n_unvoiced : int

    Raises
    ------
    UserError
        If it is infinite, or looks like a logarithm.
    """
    f0 = np.asarray(f0, dtype=np.float64)
    if np.isposinf(f0).any():
        raise UserError(f"{where}: F0 is infinite at frame {int(np.argmax(np.isposinf(f0)))}: give Hz")
    voiced = np.isfinite(f0) & (f0 > 0)
    check_hz(f0[voiced], f0, where)
    if not voiced.any():
        middle = np.sqrt(spec.f0_floor * spec.f0_ceil)
        logging.warning(
            "%s: F0 has no voiced frame: it is made as noise and breath, at %.0f Hz throughout", where, middle
        )
        return np.full(len(f0), middle, dtype=np.float32), len(f0)
    frame = np.arange(len(f0))
    filled = np.exp(np.interp(frame, frame[voiced], np.log(f0[voiced])))
    return np.where(voiced, f0, filled).astype(np.float32), int((~voiced).sum())


def check_hz(voiced: np.ndarray, f0: np.ndarray, where: str) -> None:
    """Refuse what is no frequency: logarithms, MIDI notes, periods."""
    low = f0[np.isfinite(f0)].min(initial=0.0)
    if low <= -1e9:
        raise UserError(
            f"{where}: F0 goes down to {low:.3g}, which marks unvoiced frames of a logarithm: "
            "give Hz, np.where(lf0 > -1e9, np.exp(lf0), 0)"
        )
    if len(voiced) and voiced.max() < LOWEST:
        raise UserError(
            f"{where}: F0 is nowhere above {voiced.max():.3g}: is it a logarithm? Give Hz, e.g. np.exp(lf0)"
        )
