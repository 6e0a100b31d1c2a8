"""What a score says of each frame: which note, and where in the phoneme and in the note the frame lies."""

from typing import Tuple

import torch

_MIDDLE = 60  # MIDI note of a song that has none


def token_of_frame(durations: torch.Tensor, n_frames: int) -> torch.Tensor:
    """Which token each frame belongs to.

    Parameters
    ----------
    durations : Tensor [shape=(B, N)], int, frames of each token
    n_frames : int

    Returns
    -------
    index : Tensor [shape=(B, n_frames)], int; frames behind the last token count as its own
    """
    ends = durations.cumsum(1).contiguous()
    frames = torch.arange(n_frames, device=durations.device).expand(len(durations), -1).contiguous()
    last = (durations > 0).long() * torch.arange(durations.shape[1], device=durations.device)
    return torch.minimum(torch.searchsorted(ends, frames, right=True), last.amax(1, keepdim=True))


def fill_rests(notes: torch.Tensor) -> torch.Tensor:
    """MIDI notes ``(B, N)`` without rests (0): the note before goes on, before the first note the first is held."""
    place = torch.arange(notes.shape[1], device=notes.device).expand_as(notes)
    sung = notes > 0
    before = torch.where(sung, place, torch.full_like(place, -1)).cummax(1).values
    first = torch.where(sung, place, torch.full_like(place, notes.shape[1])).amin(1, keepdim=True)
    first = first.clamp(max=notes.shape[1] - 1)
    filled = notes.gather(1, torch.where(before < 0, first.expand_as(before), before))
    return torch.where(sung.any(1, keepdim=True), filled, torch.full_like(filled, _MIDDLE))


def note_contour(notes: torch.Tensor, width: int) -> torch.Tensor:
    """Notes of frames ``(B, T)`` as a curve in semitones, a step of which takes `width` frames (a Hann window's)."""
    window = torch.hann_window(width + 2, periodic=False, device=notes.device)[1:-1]
    curve = notes.float()[:, None]
    padded = torch.nn.functional.pad(curve, ((width - 1) // 2, width // 2), mode="replicate")
    return torch.nn.functional.conv1d(padded, (window / window.sum())[None, None])[:, 0]


def positions(durations: torch.Tensor, index: torch.Tensor, notes: torch.Tensor) -> torch.Tensor:
    """Where frames lie in their phonemes and notes.

    Parameters
    ----------
    durations : Tensor [shape=(B, N)], int, frames of each phoneme
    index : Tensor [shape=(B, T)], of :func:`token_of_frame`
    notes : Tensor [shape=(B, T)], MIDI note of each frame, without rests

    Returns
    -------
    positions : Tensor [shape=(B, T, 9)], each about 0 to 1 or -1 to 1: in the phoneme the share that is over, the
        logarithms of frames since its beginning, until its end and of its length; in the note the same two
        logarithms, the steps from the note before and to the next (octaves), and whether the notes end here
    """
    frames = torch.arange(index.shape[1], device=index.device).expand_as(index)
    length = durations.gather(1, index)
    since = frames - (durations.cumsum(1) - durations).gather(1, index)
    begins, next_begins = _changes(notes, frames)
    before = notes.gather(1, (begins - 1).clamp(min=0))
    after = notes.gather(1, next_begins.clamp(max=notes.shape[1] - 1))
    values = (
        (since + 0.5) / length.clamp(min=1), _log(since), _log(length - 1 - since), _log(length), _log(frames - begins),
        _log(next_begins - frames), (before - notes).clamp(-12, 12) / 12, (after - notes).clamp(-12, 12) / 12,
        next_begins >= notes.shape[1],
    )  # fmt: skip
    return torch.stack([value.float() for value in values], dim=-1)


def _changes(notes: torch.Tensor, frames: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
    """The frame at which each frame's note begins, and that at which the next one does (T where there is none)."""
    changed = torch.ones_like(notes, dtype=torch.bool)
    changed[:, 1:] = notes[:, 1:] != notes[:, :-1]
    begins = torch.where(changed, frames, torch.zeros_like(frames)).cummax(1).values
    ahead = torch.where(changed, frames, torch.full_like(frames, notes.shape[1]))
    ahead = torch.cat([ahead[:, 1:], torch.full_like(ahead[:, :1], notes.shape[1])], dim=1)
    return begins, ahead.flip(1).cummin(1).values.flip(1)


def _log(frames: torch.Tensor) -> torch.Tensor:
    return torch.log2(1.0 + frames.clamp(min=0).float()) / 8.0
