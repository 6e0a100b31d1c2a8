"""F0 on the feature contract: continuous, in Hz, one value a frame, with voicing apart."""

from typing import Tuple

import numpy as np
import pyworld

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.feature.voicing import voiced_frames

METHODS = ("harvest", "dio")

# WORLD's own grid. Harvest works on it whatever period it is asked for and then takes the nearest point,
# so asking for the hop would move frames by up to half a millisecond; from the grid we interpolate.
STEP_MS = 1.0
# A pitch at the very end of the range is only found when the search goes a little beyond it.
MARGIN = 2.0 ** (1 / 12)
# Harvest's memory and time grow faster than the length: long songs are tracked in pieces that overlap.
PIECE_SECONDS, OVERLAP_SECONDS = 30, 1


def extract_f0(wav: np.ndarray, spec: FeatureSpec, method: str = "harvest") -> Tuple[np.ndarray, np.ndarray]:
    """Analyse one utterance.

    Parameters
    ----------
    wav : array [shape=(L,)], L >= hop_length
    spec : FeatureSpec, of which fs, hop_length, f0_floor and f0_ceil count
    method : ['harvest', 'dio']
        Harvest, with gaps filled by DIO, hardly ever jumps an octave; DIO alone takes a quarter of the time.

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
    wav = np.ascontiguousarray(wav, dtype=np.float64)
    n_frames = wav.shape[0] // spec.hop_length
    if wav.ndim != 1 or n_frames == 0:
        raise UserError(f"F0 needs one channel of at least {spec.hop_length} samples, not an array of {wav.shape}")
    if not np.isfinite(wav).all():
        raise UserError(f"the signal is not finite at sample {int(np.argmin(np.isfinite(wav)))}")
    time = np.arange(n_frames) * spec.hop_length / spec.fs

    track = pitch_track(wav, spec, method)
    found = track > 0
    if not found.any():
        return _continuous(np.zeros(n_frames), np.zeros(n_frames, dtype=bool), spec), np.zeros(n_frames, np.float32)
    grid = np.arange(len(track)) * STEP_MS / 1000
    log_f0 = np.interp(time, grid[found], np.log(track[found]))
    tracked = found[np.minimum(np.round(time * 1000 / STEP_MS).astype(int), len(track) - 1)]
    vuv = voiced_frames(wav, spec.fs, time, np.exp(log_f0), tracked)
    # A frame that only its neighbours made voiced has no pitch of its own.
    return _continuous(log_f0, vuv & tracked, spec), vuv.astype(np.float32)


def pitch_track(wav: np.ndarray, spec: FeatureSpec, method: str = "harvest") -> np.ndarray:
    """WORLD's pitch every millisecond, Hz, 0 where it found none; parameters as for :func:`extract_f0`."""
    if method not in METHODS:
        raise UserError(f"there is no F0 method {method!r}; there are {', '.join(METHODS)}")
    pieces, total = [], len(wav) / spec.fs
    for start in range(0, max(1, int(np.ceil(total))), PIECE_SECONDS):
        # A last bit too short to stand alone stays with the piece before it.
        last = total - start < PIECE_SECONDS + OVERLAP_SECONDS
        begin = max(0, start - OVERLAP_SECONDS)
        end = total if last else start + PIECE_SECONDS + OVERLAP_SECONDS
        piece = np.ascontiguousarray(wav[begin * spec.fs : int(end * spec.fs)])
        track = _track_piece(piece, spec, method)[int((start - begin) * 1000 / STEP_MS) :]
        pieces.append(track if last else track[: int(PIECE_SECONDS * 1000 / STEP_MS)])
        if last:
            break
    return np.concatenate(pieces)


def _track_piece(wav: np.ndarray, spec: FeatureSpec, method: str) -> np.ndarray:
    search = dict(f0_floor=spec.f0_floor / MARGIN, f0_ceil=spec.f0_ceil * MARGIN, frame_period=STEP_MS)
    dio, time = pyworld.dio(wav, spec.fs, **search)
    if method == "dio":
        return pyworld.stonemask(wav, dio, time, spec.fs)
    # Harvest finds nothing in some steady bright tones above 700 Hz (its bands at its inner 8 kHz are only a few
    # samples long); DIO does, and its octave errors stay out of everything that Harvest found.
    harvest, _ = pyworld.harvest(wav, spec.fs, **search)
    gaps = np.where(harvest > 0, 0.0, dio)
    return np.where(harvest > 0, harvest, pyworld.stonemask(wav, gaps, time, spec.fs))


def _continuous(log_f0: np.ndarray, known: np.ndarray, spec: FeatureSpec) -> np.ndarray:
    """F0 in Hz that keeps the known frames and is interpolated between them."""
    frame = np.arange(len(log_f0))
    if known.any():
        f0 = np.exp(np.interp(frame, frame[known], log_f0[known]))
    else:
        f0 = np.full(len(log_f0), np.sqrt(spec.f0_floor * spec.f0_ceil))
    return np.clip(f0, spec.f0_floor, spec.f0_ceil).astype(np.float32)
