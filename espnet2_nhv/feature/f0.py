"""F0 on the feature contract: continuous, in Hz, one value a frame, with voicing apart."""

from typing import Callable, Optional, Tuple

import numpy as np
import pyworld

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.feature.voicing import listen, periodicity, smooth, voiced_frames

METHODS = ("harvest", "dio")

# WORLD's own grid. Harvest works on it whatever period it is asked for and then takes the nearest point,
# so asking for the hop would move frames by up to half a millisecond; from the grid we interpolate.
STEP_MS = 1.0
# A pitch at the very end of the range is only found when the search goes a little beyond it.
MARGIN = 2.0 ** (1 / 12)
# Harvest's memory and time grow faster than the length: long songs are tracked in pieces that overlap.
PIECE_SECONDS, OVERLAP_SECONDS = 30, 1
# Inside, Harvest works at 8 kHz. Above this its bands are a few samples long, and it is off by up to a quarter tone.
COARSE_ABOVE = 500.0
# Two trackers disagree about more than the turn of a note when they are further apart than a minor third.
DISAGREE = 0.25


def extract_f0(
    wav: np.ndarray, spec: FeatureSpec, method: str = "harvest", progress: Optional[Callable[[float], None]] = None
) -> Tuple[np.ndarray, np.ndarray]:
    """Analyse one utterance.

    Parameters
    ----------
    wav : array [shape=(L,)], L >= hop_length
    spec : FeatureSpec, of which fs, hop_length, f0_floor and f0_ceil count
    method : ['harvest', 'dio']
        Harvest, checked against DIO, hardly ever jumps an octave or loses a note; DIO alone is five times faster.
    progress : called with the share of the work, in (0, 1], that has just been done; it may raise to stop

    Returns
    -------
    f0 : ndarray [shape=(T,)], float32, Hz, in [f0_floor, f0_ceil], with ``T = L // hop_length``
        Frame i belongs to sample ``i * hop_length``. Unvoiced frames are interpolated, linearly in log F0, and
        the ends held; a signal without a voiced frame gets the geometric middle of the range throughout.
    vuv : ndarray [shape=(T,)], float32, 1 where voiced, else 0

    Raises
    ------
    UserError
        If the signal has a value that is not finite or is shorter than one frame, or there is no such method.

    Source: M. Morise, "Harvest", Interspeech 2017; M. Morise et al., "DIO", AES 35th conference, 2009, and
    StoneMask, all as in pyworld; voicing as in :mod:`espnet2_nhv.feature.voicing`.
    """
    if method not in METHODS:
        raise UserError(f"there is no F0 method {method!r}; there are {', '.join(METHODS)}")
    wav = np.ascontiguousarray(wav, dtype=np.float64)
    if wav.ndim != 1 or len(wav) < spec.hop_length:
        raise UserError(f"F0 needs one channel of at least {spec.hop_length} samples, not an array of {wav.shape}")
    if not np.isfinite(wav).all():
        raise UserError(f"the signal is not finite at sample {int(np.argmin(np.isfinite(wav)))}")
    time = np.arange(len(wav) // spec.hop_length) * spec.hop_length / spec.fs

    # Harvest takes about as long as four DIOs.
    shares = {pyworld.dio: 0.2, pyworld.harvest: 0.8} if method == "harvest" else {pyworld.dio: 1.0}

    def track(tracker):
        report = progress and (lambda share: progress(share * shares[tracker]))
        return _at_frames(track_pitch(tracker, wav, spec, report), spec, time)

    heard, rate = listen(wav, spec.fs)
    f0, found = track(pyworld.dio)
    f0 = _refine(wav, spec.fs, time, f0, found)
    if method == "harvest":
        harvest, harvest_found = track(pyworld.harvest)
        coarse = harvest_found & (harvest > COARSE_ABOVE)
        harvest = _refine(wav, spec.fs, time, harvest, coarse)
        f0 = _agree(harvest, harvest_found, f0, found, time, lambda f0: periodicity(heard, rate, time, f0))
        found |= harvest_found
    vuv = voiced_frames(heard, rate, time, f0, found)
    # A frame that only its neighbours made voiced has no pitch of its own.
    return _continuous(f0, vuv & found, spec), vuv.astype(np.float32)


def _at_frames(track: np.ndarray, spec: FeatureSpec, time: np.ndarray):
    """What a track of :func:`track_pitch` says at given times: F0 in Hz, never 0, and whether it was found there."""
    found = track > 0
    if not found.any():
        return np.full(len(time), np.sqrt(spec.f0_floor * spec.f0_ceil)), np.zeros(len(time), dtype=bool)
    grid = np.arange(len(track)) * STEP_MS / 1000
    f0 = np.exp(np.interp(time, grid[found], np.log(track[found])))
    return f0, found[np.minimum(np.round(time * 1000 / STEP_MS).astype(int), len(track) - 1)]


def track_pitch(
    tracker: Callable, wav: np.ndarray, spec: FeatureSpec, progress: Optional[Callable[[float], None]] = None
) -> np.ndarray:
    """Pitch every millisecond, Hz, 0 where none was found, by ``pyworld.harvest`` or ``pyworld.dio``."""
    search = dict(f0_floor=spec.f0_floor / MARGIN, f0_ceil=spec.f0_ceil * MARGIN, frame_period=STEP_MS)
    second, total = spec.fs, len(wav) / spec.fs
    pieces, start, last = [], 0, False
    while not last:
        # A last bit too short to stand alone stays with the piece before it.
        last = total - start < PIECE_SECONDS + OVERLAP_SECONDS
        begin, end = max(0, start - OVERLAP_SECONDS), start + PIECE_SECONDS
        piece = wav[begin * second : None if last else (end + OVERLAP_SECONDS) * second]
        track, _ = tracker(np.ascontiguousarray(piece), second, **search)
        first, stop = (int((edge - begin) * 1000 / STEP_MS) for edge in (start, end))
        pieces.append(track[first : None if last else stop])
        if progress:
            progress(1 - start / total if last else PIECE_SECONDS / total)
        start = end
    return np.concatenate(pieces)


def _refine(wav: np.ndarray, fs: int, time: np.ndarray, f0: np.ndarray, where: np.ndarray) -> np.ndarray:
    """`f0` with instantaneous frequencies (StoneMask) in its place where wanted and possible."""
    refined = pyworld.stonemask(wav, np.where(where, f0, 0.0), time, fs)
    return np.where(refined > 0, refined, f0)


def _agree(harvest, harvest_found, dio, dio_found, time, periodic: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Harvest's F0, but DIO's in its gaps and where the signal supports DIO for longer than a moment."""
    # Two periods are as periodic as one: of two about equal pitches the higher one is meant.
    doubt = np.where(dio > harvest, -0.1, 0.1)
    apart = np.abs(np.log2(dio / harvest)) > DISAGREE
    better = dio_found & harvest_found & apart & (periodic(dio) > periodic(harvest) + doubt)
    return np.where(smooth(better, time) & dio_found | ~harvest_found, dio, harvest)


def _continuous(f0: np.ndarray, known: np.ndarray, spec: FeatureSpec) -> np.ndarray:
    """F0 that keeps the known frames and is interpolated between them."""
    frame = np.arange(len(f0))
    if known.any():
        f0 = np.exp(np.interp(frame, frame[known], np.log(f0[known])))
    else:
        f0 = np.full(len(f0), np.sqrt(spec.f0_floor * spec.f0_ceil))
    return np.clip(f0, spec.f0_floor, spec.f0_ceil).astype(np.float32)
