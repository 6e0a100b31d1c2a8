"""Harvest, checked against DIO: it hardly ever jumps an octave or loses a note."""

import numpy as np
import pyworld

from espnet2_nhv.feature.pitch.base import AbsTracker, Piece, Track
from espnet2_nhv.feature.pitch.dio import Dio
from espnet2_nhv.feature.pitch.world import refine, world_track

# Inside, Harvest works at 8 kHz. Above this its bands are a few samples long, and it is off by up to a quarter tone.
COARSE_ABOVE = 500.0
# Two trackers disagree about more than the turn of a note when they are further apart than a minor third.
DISAGREE = 0.25


class Harvest(AbsTracker):
    """Harvest's F0, but DIO's in its gaps and where the signal supports DIO for longer than a moment.

    Source: M. Morise, "Harvest: a high-performance fundamental frequency estimator from speech signals", Interspeech
    2017, as in pyworld.
    """

    def track(self, piece: Piece) -> Track:
        dio = Dio(self.spec).track(piece)
        harvest, found = world_track(pyworld.harvest, piece, self.spec)
        harvest = refine(piece.wav, piece.fs, piece.time, harvest, found & (harvest > COARSE_ABOVE))
        # Two periods are as periodic as one: of two about equal pitches the higher one is meant.
        doubt = np.where(dio.f0 > harvest, -0.1, 0.1)
        apart = np.abs(np.log2(dio.f0 / harvest)) > DISAGREE
        better = piece.periodicity(dio.f0) > piece.periodicity(harvest) + doubt
        better &= dio.found & found & apart
        f0 = np.where(piece.smooth(better) & dio.found | ~found, dio.f0, harvest)
        return Track(f0, found | dio.found)
