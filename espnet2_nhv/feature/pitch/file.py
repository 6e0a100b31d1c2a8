"""F0 from a file: what somebody has drawn, corrected or played."""

import dataclasses
from typing import Optional

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.pitch.base import AbsTracker, Piece, Track
from espnet2_nhv.feature.pitch.curve import Curve
from espnet2_nhv.feature.spec import FeatureSpec


class File(AbsTracker):
    """Says what a curve says, voicing too, whatever the sound.

    Parameters
    ----------
    spec : FeatureSpec; the range of the curve takes the place of its own
    curve : Curve

    Raises
    ------
    UserError
        If there is no curve, or its pitches are beyond what can be sung.
    """

    def __init__(self, spec: FeatureSpec, curve: Optional[Curve] = None):
        if curve is None:
            raise UserError("the F0 method file needs a curve: give --f0 FILE")
        pitches = curve.f0[curve.f0 > 0]
        if pitches.max() >= spec.fs / 4:
            raise UserError(f"{curve.where}: F0 reaches {pitches.max():.0f} Hz, more than can be sung at {spec.fs} Hz")
        low, high = float(pitches.min()), float(pitches.max()) * (1 + 1e-6)
        super().__init__(dataclasses.replace(spec, f0_floor=min(low, high * 0.999), f0_ceil=high))
        self.curve = curve

    def check(self, n_samples: int) -> None:
        self.curve.check_length(self.spec, n_samples)

    def track(self, piece: Piece) -> Track:
        f0, voiced = self.curve.at(piece.start + piece.time, self.spec)
        return Track(f0, voiced, voiced=voiced)
