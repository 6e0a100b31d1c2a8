"""What is to be different from a recording, and its features so changed."""

import dataclasses
import math
from typing import Dict, Iterable, Iterator, Optional

import numpy as np
import torch

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.knobs import NAMES, KnobSource
from espnet2_nhv.feature.pitch.note_moves import NoteMoves
from espnet2_nhv.feature.stretch import RANGE, at_positions, pitch_at_positions, stretch_positions
from espnet2_nhv.feature.warp import between_harmonics, shift_formants
from espnet2_nhv.vocoder.synthesizer import Synthesizer


@dataclasses.dataclass(frozen=True)
class Change:
    """What is to be different from the recording.

    Attributes
    ----------
    key_shift : float, semitones up; the formants stay
    f0_scale : float > 0, factor of F0, on top of it
    formant_shift : float in [0.25, 4], factor of the formants' frequencies; the pitch stays
    stretch : float in [0.25, 4], factor of the length; consonants hardly change theirs
    """

    key_shift: float = 0.0
    f0_scale: float = 1.0
    formant_shift: float = 1.0
    stretch: float = 1.0

    def __post_init__(self):
        if not 0 < self.f0_scale < float("inf"):
            raise UserError(f"f0_scale is {self.f0_scale:g}: give a factor above 0 (1 leaves the pitch)")
        if not abs(self.key_shift) <= 60:
            raise UserError(f"key_shift is {self.key_shift:g}: give semitones from -60 to 60")
        if not 0.25 <= self.formant_shift <= 4:
            raise UserError(f"formant_shift is {self.formant_shift:g}: give a factor from 0.25 to 4")
        if not RANGE[0] <= self.stretch <= RANGE[1]:
            raise UserError(f"stretch is {self.stretch:g}: give a factor from {RANGE[0]:g} to {RANGE[1]:g}")

    @property
    def f0_factor(self) -> float:
        """By which F0 is multiplied."""
        return self.f0_scale * 2 ** (self.key_shift / 12)


class ChangedFeatures:
    """Features of a recording as they are to be sung.

    Parameters
    ----------
    vocoder : Synthesizer that is to sing them
    change : Change
    knobs : KnobSource, moves : NoteMoves; both in the time of the recording
    f0, vuv : array [shape=(T,)], Hz and voicing, or None where the vocoder reads no F0
    n_frames : int, T
    recording : str, its name

    Attributes
    ----------
    n_frames : int, of what is sung
    curves : dict of `f0`, and of `mel_f0` and `knobs` where the vocoder is to be told, to Tensors, a value a frame

    Raises
    ------
    UserError
        If the vocoder cannot do what is asked for, or F0 would be where nobody sings.
    """

    def __init__(
        self,
        vocoder: Synthesizer,
        change: Change,
        knobs: KnobSource,
        moves: NoteMoves,
        f0: Optional[np.ndarray],
        vuv: Optional[np.ndarray],
        n_frames: int,
        recording: str,
    ):
        semitones = moves.at_frames(vocoder.spec, n_frames, recording)
        if vocoder.needs_wav and (change != Change() or semitones is not None):
            raise UserError(
                "this vocoder analyses recordings itself: to change pitch, formants or length use one of features"
            )
        self._spec, self._f0 = vocoder.spec, f0
        turned = _turned(vocoder, change, knobs, n_frames, recording)
        sung = _moved(f0, change.f0_factor, semitones, vocoder.fs)
        moves_formants = turned is not None and bool(turned[:, NAMES.index("gender")].any())
        # Where formants are not moved by the vocoder but in the mel, its harmonics move along.
        self._in_mel = 1.0 if vocoder.takes_knobs else change.formant_shift
        changes_filter = sung is not f0 or self._in_mel != 1.0 or moves_formants
        is_told = vocoder.takes_mel_f0 and changes_filter
        self._is_smoothed = f0 is not None and changes_filter and not is_told

        curves: Dict[str, Optional[np.ndarray]] = {"f0": sung}
        if is_told:
            curves["mel_f0"] = f0 * np.float32(self._in_mel)
        self._positions = None
        if change.stretch != 1.0:
            voiced = np.ones(n_frames) if vuv is None else vuv
            self._positions = stretch_positions(voiced, change.stretch, vocoder.spec)
            curves = {key: x if x is None else pitch_at_positions(x, self._positions) for key, x in curves.items()}
            if turned is not None:
                turned = torch.from_numpy(at_positions(turned.cpu().numpy(), self._positions))
        self.n_frames = n_frames if self._positions is None else len(self._positions)
        self.curves = {key: torch.from_numpy(x) for key, x in curves.items() if x is not None}
        if turned is not None:
            self.curves["knobs"] = turned

    def blocks(self, mels: Iterable[torch.Tensor]) -> Iterator[torch.Tensor]:
        """Of the recording's mel, block by block, that of what is sung."""
        changed = self._changed(mels)
        return changed if self._positions is None else self._stretched(changed)

    def _changed(self, mels: Iterable[torch.Tensor]) -> Iterator[torch.Tensor]:
        begin = 0
        for mel in mels:
            end = begin + len(mel)
            if self._is_smoothed:
                mel = between_harmonics(mel, self._f0[begin:end], self._spec)
            if self._in_mel != 1.0:
                mel = shift_formants(mel, self._spec, self._in_mel)
            yield mel
            begin = end

    def _stretched(self, mels: Iterable[torch.Tensor]) -> Iterator[torch.Tensor]:
        frames, first, done = np.zeros((0, self._spec.n_mels), np.float32), 0, 0
        for mel in mels:
            frames = np.concatenate([frames, mel.numpy()])
            # Between the last two frames that are there, but for the last one of all, there may be more to come.
            ready = int(np.searchsorted(self._positions, first + len(frames) - 1))
            if ready > done:
                yield torch.from_numpy(at_positions(frames, self._positions[done:ready] - first))
            first, frames, done = first + len(frames) - 1, frames[-1:], max(ready, done)
        if done < len(self._positions):
            yield torch.from_numpy(at_positions(frames, self._positions[done:] - first))


def _turned(vocoder, change: Change, knobs: KnobSource, n_frames: int, recording: str) -> Optional[torch.Tensor]:
    """Knobs ``(n_frames, len(KNOBS))`` of a recording, its formant shift among them if the vocoder has knobs."""
    turned = knobs.at_frames(vocoder.spec, n_frames, recording) or {}
    if vocoder.takes_knobs and change.formant_shift != 1.0:
        turned["gender"] = turned.get("gender", 0.0) + 12 * math.log2(change.formant_shift)
    return vocoder.check_knobs(turned, n_frames)


def _moved(f0: Optional[np.ndarray], factor: float, semitones: Optional[np.ndarray], fs: int) -> Optional[np.ndarray]:
    """F0 times a factor and moved note by note; itself if that changes nothing."""
    if factor == 1.0 and semitones is None:
        return f0
    if f0 is None:
        raise UserError(
            "this vocoder makes its pitch from the mel alone: key_shift, f0_scale and notes need one with F0"
        )
    moved = f0 * np.float32(factor)
    if semitones is not None:
        moved = moved * np.exp2(semitones / np.float32(12))
    if moved.max() >= fs / 4 or moved.min() < 5:
        raise UserError(
            f"F0 times {factor:.4g} reaches from {moved.min():.1f} to {moved.max():.0f} Hz: use a smaller shift"
        )
    return moved
