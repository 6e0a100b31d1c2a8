"""A stream whose frames are centred half a hop later than the grid of the vocoder."""

from typing import Optional, Protocol, Union

import torch

from espnet2_nhv.vocoder.synthesizer import Synthesizer


class GridStream(Protocol):
    """A stream whose frame i is at sample ``i * hop_length``; :class:`~.nhv.stream.NHVStream` says what each means."""

    vocoder: Synthesizer
    latency_frames: int
    latency_seconds: float

    def push(self, mel, f0, mel_f0=None, knobs=None) -> torch.Tensor: ...

    def flush(self) -> torch.Tensor: ...


def centred_stream(stream: "GridStream", frame_centre: Optional[float] = None) -> "CentredStream":
    """A stream of the grid as one for frames of that centre, in hops; None is that of its vocoder's spec."""
    centre = stream.vocoder.spec.frame_centre if frame_centre is None else frame_centre
    return LateStream(stream) if centre else stream


class LateStream:
    """Takes frames, returns samples, as the stream inside it does, half a hop later: joined chunks equal the whole.

    Parameters
    ----------
    stream : GridStream
    """

    def __init__(self, stream: "GridStream"):
        self._stream, self.vocoder = stream, stream.vocoder
        self._hop_length = stream.vocoder.spec.hop_length
        self._n_frames, self._n_sent = 0, -(self._hop_length // 2)

    @property
    def latency_frames(self) -> int:
        """Frames that must have come, at most, before the first sample goes out."""
        return self._stream.latency_frames

    @property
    def latency_seconds(self) -> float:
        """`latency_frames` in seconds of audio."""
        return self._stream.latency_seconds

    def push(self, mel, f0, mel_f0=None, knobs=None) -> torch.Tensor:
        """Feed raw frames ``(n, n_mels)`` and ``(n,)``; returns what can be finished by now, possibly nothing."""
        frames = self.vocoder.check_features(mel, f0, mel_f0)
        n_frames = len(frames[0])
        frames = *frames, self.vocoder.check_knobs(knobs, n_frames)
        if self._n_frames == 0:  # the first frame is held before it
            frames = (x if x is None else torch.cat([x[:1], x]) for x in frames)
        wav = self._stream.push(*frames)
        self._n_frames += n_frames
        return self._cut(wav)

    def flush(self) -> torch.Tensor:
        """The rest of the signal, the last frame held; the total is then frames times hop_length."""
        return self._cut(self._stream.flush(), self._n_frames * self._hop_length)

    def _cut(self, wav: torch.Tensor, end: Optional[int] = None) -> torch.Tensor:
        begin = self._n_sent
        self._n_sent += len(wav)
        return wav[max(0, -begin) : None if end is None else max(0, end - begin)]


CentredStream = Union[GridStream, LateStream]
