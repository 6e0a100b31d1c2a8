"""DIO, refined by StoneMask: quick, and good where it is quiet."""

import pyworld

from espnet2_nhv.feature.pitch.base import AbsTracker, Piece, Track
from espnet2_nhv.feature.pitch.world import refine, world_track


class Dio(AbsTracker):
    """WORLD's quick tracker.

    Source: M. Morise et al., "Fast and reliable F0 estimation method based on the period extraction of vocal fold
    vibration of singing voice and speech", AES 35th conference, 2009, and StoneMask, as in pyworld.
    """

    def track(self, piece: Piece) -> Track:
        f0, found = world_track(pyworld.dio, piece, self.spec)
        return Track(refine(piece.wav, piece.fs, piece.time, f0, found), found)
