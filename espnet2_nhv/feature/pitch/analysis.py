"""F0 on the feature contract: continuous, in Hz, one value a frame, with voicing apart."""

import dataclasses
from typing import Callable, Iterator, Optional, Tuple

import numpy as np

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.pitch.base import AbsTracker, Piece, Track
from espnet2_nhv.feature.pitch.curve import Curve
from espnet2_nhv.feature.pitch.registry import DEFAULT, build_tracker
from espnet2_nhv.feature.pitch.voicing import Evidence, decide, evidence
from espnet2_nhv.feature.spec import FeatureSpec

FIELDS = tuple(field.name for field in dataclasses.fields(Track))
LOUD = 25.0  # dB under the loudest that is sung: what is louder is not rumble


@dataclasses.dataclass(frozen=True)
class Pitch:
    """F0 of a recording.

    Attributes
    ----------
    f0 : ndarray [shape=(T,)], float32, Hz
    vuv : ndarray [shape=(T,)], float32, 1 where voiced, else 0
    beyond : float in [0, 1], share of the loud periodic frames whose pitch lies beyond the range of the search
    """

    f0: np.ndarray
    vuv: np.ndarray
    beyond: float = 0.0


def extract_f0(wav: np.ndarray, spec: FeatureSpec, method: str = DEFAULT, **options) -> Tuple[np.ndarray, np.ndarray]:
    """F0 and voicing, both ``(T,)``, as :func:`analyse_pitch` finds them."""
    pitch = analyse_pitch(wav, spec, method, **options)
    return pitch.f0, pitch.vuv


def analyse_pitch(
    wav: np.ndarray,
    spec: FeatureSpec,
    method: str = DEFAULT,
    progress: Optional[Callable[[float], None]] = None,
    curve: Optional[Curve] = None,
    watch: bool = False,
) -> Pitch:
    """Analyse one utterance or recording, in pieces, so that memory hardly grows with its length.

    Parameters
    ----------
    wav : array [shape=(L,)], L >= hop_length, or what gives one when it is sliced
    spec : FeatureSpec, of which fs, hop_length, frame_centre, f0_floor and f0_ceil count
    method : a row of :data:`espnet2_nhv.feature.pitch.registry.TRACKERS`
    curve : Curve, which the method `file` takes F0 and voicing from
    watch : bool, whether to listen for pitches beyond the range too, where the tracker does not do so by itself
    progress : called with the share of the work, in (0, 1], that has just been done; it may raise to stop

    Returns
    -------
    pitch : Pitch of ``T = L // hop_length`` frames; F0 is in [f0_floor, f0_ceil], with `file` in the curve's range
        Frame i belongs to sample ``(i + frame_centre) * hop_length``. Unvoiced frames are interpolated, linearly in
        log F0, and the ends held; a signal without a voiced frame gets the geometric middle of the range throughout.

    Raises
    ------
    UserError
        If the signal has a value that is not finite or is shorter than one frame, or there is no such method.

    Source: the tracker's; voicing as in :mod:`espnet2_nhv.feature.pitch.voicing`.
    """
    tracker = build_tracker(method, spec, **({} if curve is None else dict(curve=curve)))
    if len(np.shape(wav)) != 1 or len(wav) < spec.hop_length:
        raise UserError(f"F0 needs one channel of at least {spec.hop_length} samples, not an array of {np.shape(wav)}")
    tracker.check(len(wav))
    watch = watch and method != "file"
    heard = [_piece(tracker, wav, *span, progress, watch) for span in _pieces(tracker, len(wav), spec)]
    track = Track(*(_joined([track for track, _ in heard], name) for name in FIELDS))
    sound = Evidence(*(_joined([sound for _, sound in heard], name) for name in ("periodicity", "level")))
    vuv = decide(track, sound, frame_seconds=spec.hop_length / spec.fs)
    # A frame that only its neighbours made voiced has no pitch of its own.
    f0 = _continuous(track.f0, vuv & track.found, tracker.spec)
    return Pitch(f0, vuv.astype(np.float32), _share_beyond(track, sound, vuv))


def _share_beyond(track: Track, sound: Evidence, vuv: np.ndarray) -> float:
    if track.beyond is None or not track.beyond.any():
        return 0.0
    sung = vuv | track.beyond
    loud = sung & (sound.level > np.percentile(sound.level[sung], 95) - LOUD)
    return float((track.beyond & loud).sum() / loud.sum())


def _pieces(tracker: AbsTracker, n_samples: int, spec: FeatureSpec) -> Iterator[Tuple[int, int, int, int]]:
    """First and last sample of each piece, and first and last frame that it answers for; the lasts excluded."""
    hop, n_frames = spec.hop_length, n_samples // spec.hop_length
    length, overlap = tracker.piece_seconds * spec.fs, round(tracker.overlap_seconds * spec.fs)
    start, first, last = 0, 0, False
    while not last:
        # A last bit too short to stand alone stays with the piece before it.
        last = n_samples - start < length + overlap
        end = n_samples if last else start + length
        stop = n_frames if last else min(n_frames, max(first, -(-end // hop)))
        yield max(0, start - overlap), min(n_samples, end + overlap), first, stop
        start, first = end, stop


def _piece(
    tracker: AbsTracker, wav, begin: int, end: int, first: int, stop: int, progress, watch: bool
) -> Tuple[Track, Evidence]:
    """What was heard in the frames from `first` to `stop`, of the samples from `begin` to `end`."""
    spec = tracker.spec
    samples = np.ascontiguousarray(wav[begin:end], dtype=np.float64)
    if not np.isfinite(samples).all():
        raise UserError(f"the signal is not finite at sample {begin + int(np.argmin(np.isfinite(samples)))}")
    # The frames of the overlap too, so that what looks at neighbours finds them.
    before = -(-begin // spec.hop_length)
    after = min(len(wav), end) // spec.hop_length
    time = (np.arange(before, max(after, stop)) * spec.hop_length + spec.first_centre) / spec.fs - begin / spec.fs
    sound = Piece(samples, spec.fs, time, spec.hop_length / spec.fs, begin / spec.fs, tracker.quick)
    track = tracker.track(sound)
    if watch and track.beyond is None:
        from espnet2_nhv.feature.pitch.swift import Swift

        track = dataclasses.replace(track, beyond=Swift(spec).track(sound).beyond)
    facts = evidence(sound, track.f0)
    if progress:
        progress((stop - first) / (len(wav) // spec.hop_length))
    inside = slice(first - before, stop - before)
    return Track(**_cut(track, inside)), Evidence(**_cut(facts, inside))


def _cut(of, inside: slice) -> dict:
    return {name: None if values is None else values[inside] for name, values in vars(of).items()}


def _joined(parts: list, name: str) -> Optional[np.ndarray]:
    values = [getattr(part, name) for part in parts]
    return None if values[0] is None else np.concatenate(values)


def _continuous(f0: np.ndarray, known: np.ndarray, spec: FeatureSpec) -> np.ndarray:
    """F0 that keeps the known frames and is interpolated between them."""
    frame = np.arange(len(f0))
    if known.any():
        f0 = np.exp(np.interp(frame, frame[known], np.log(f0[known])))
    else:
        f0 = np.full(len(f0), np.sqrt(spec.f0_floor * spec.f0_ceil))
    return np.clip(f0, spec.f0_floor, spec.f0_ceil).astype(np.float32)
