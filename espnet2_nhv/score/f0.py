"""Errors of pitch and voicing."""

from typing import Dict, Optional, Tuple

import numpy as np

from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.score.frames import active_frames, align
from espnet2_nhv.score.tracker import heard_f0

GROSS = 50.0  # cents: beyond a quarter tone the analyser or the vocoder is on another note


def f0_errors(
    reference: np.ndarray,
    synthesised: np.ndarray,
    spec: FeatureSpec,
    reference_f0: Optional[Tuple[np.ndarray, np.ndarray]] = None,
    synthesised_f0: Optional[Tuple[np.ndarray, np.ndarray]] = None,
) -> Dict[str, Optional[float]]:
    """Fine error, gross error and voicing error of the F0 heard in two signals.

    Both signals pass the same analyser (:func:`espnet2_nhv.score.tracker.heard_f0`, from ``spec.f0_floor`` to
    ``spec.f0_ceil``), so its bias is in both. Gross errors are kept apart because one octave slip would
    drown a plain root mean square.

    Parameters
    ----------
    reference, synthesised : ndarray [shape=(L,)], at ``spec.fs``, aligned
    spec : FeatureSpec
    reference_f0, synthesised_f0 : (f0, vuv) of each where already known, each ndarray [shape=(T,)]

    Returns
    -------
    scores : dict of float >= 0, or None where there is no frame to judge by
        f0_rmse : root mean square difference, cents, of frames voiced in both and within 50 cents
        f0_gross : share of the frames voiced in both that differ by more than 50 cents, percent
        vuv_error : share of the active frames voiced in one signal only, percent
    """
    reference, synthesised = align(reference, synthesised, spec)
    active = active_frames(reference, synthesised, spec)
    f0, vuv = zip(reference_f0 or heard_f0(reference, spec), synthesised_f0 or heard_f0(synthesised, spec))
    n_frames = min(len(active), *map(len, f0))
    active = active[:n_frames]
    f0, vuv = np.stack([x[:n_frames] for x in f0]), np.stack([x[:n_frames] > 0.5 for x in vuv])
    both = active & vuv.all(axis=0)
    cents = 1200 * np.abs(np.log2(f0[1, both] / f0[0, both]))
    fine = cents[cents <= GROSS]
    return {
        "f0_rmse": float(np.sqrt(np.mean(fine**2))) if len(fine) else None,
        "f0_gross": float(100 * np.mean(cents > GROSS)) if len(cents) else None,
        "vuv_error": float(100 * np.mean((vuv[0] != vuv[1])[active])) if active.any() else None,
    }
