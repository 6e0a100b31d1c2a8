"""Which frames are voiced: those whose sound repeats itself after one period."""

import dataclasses

import numpy as np

from espnet2_nhv.feature.pitch.base import Piece, Track
from espnet2_nhv.feature.pitch.periodicity import lasting, level, smooth

# Periodic and aperiodic power are equal at a correlation of one half.
PERIODIC = 0.5
# Decibels under the loud parts, where a reverberant tail or the mains hum may still repeat but nobody sings.
QUIET = 45.0
# What is so much quieter than the loud parts, dB, must repeat better.
BEHIND, FADE, MORE = 15.0, 5.0, 0.2
# Where voices creak, Hz, and how sure of its pitch a tracker must be there, for how long (s) around.
CREAK_BELOW, CREAK_SURE, CREAK_SECONDS = 130.0, 0.7, 0.04


@dataclasses.dataclass(frozen=True)
class Evidence:
    """What the sound itself says about frames, given their F0.

    Attributes
    ----------
    periodicity : ndarray [shape=(T,)], in [-1, 1], see :func:`periodicity`
    level : ndarray [shape=(T,)], dB, see :func:`level`
    """

    periodicity: np.ndarray
    level: np.ndarray


def evidence(piece: Piece, f0: np.ndarray) -> Evidence:
    """Periodicity and level of the frames of a piece whose F0, Hz, > 0, ``(T,)``, is `f0`."""
    return Evidence(piece.periodicity(f0), level(*piece.heard, piece.time))


def decide(track: Track, sound: Evidence, frame_seconds: float) -> np.ndarray:
    """Which frames are voiced; ``(T,)`` of bool.

    A pitch tracker that follows a voice through its consonants calls them voiced. Here a frame counts
    as voiced if the tracker had a pitch, at least half of the power repeats after one period of it,
    and it is not far quieter than the rest; single frames follow their neighbours. The pulses of a creaky voice are
    too uneven to repeat: at low pitches it is enough that a tracker, which can tell how sure it is, is so for a while.

    Parameters
    ----------
    track : Track, of the whole recording
    sound : Evidence, of the same frames
    frame_seconds : float > 0, s, from frame to frame
    """
    if track.voiced is not None:
        return track.voiced
    if not track.found.any():
        return np.zeros(len(track.found), dtype=bool)
    below = np.percentile(sound.level[track.found], 95) - sound.level
    voiced = sound.periodicity > PERIODIC
    if track.confidence is not None:
        # Such a tracker hears other voices too, where there are some behind.
        voiced = sound.periodicity > PERIODIC + MORE * np.clip((below - BEHIND) / FADE, 0, 1)
        voiced |= (track.f0 < CREAK_BELOW) & lasting(track.confidence > CREAK_SURE, frame_seconds, CREAK_SECONDS)
    voiced &= track.found
    voiced &= below < QUIET
    return smooth(voiced, frame_seconds)
