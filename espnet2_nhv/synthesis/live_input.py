"""A voice from a microphone, analysed and sung again as it comes."""

import time
from typing import Optional, Tuple

import numpy as np
import torch

from espnet2_nhv.errors import UserError, in_one_line
from espnet2_nhv.feature.mel import LogMel
from espnet2_nhv.feature.pitch.analysis import analyse_pitch
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.synthesis.live import LiveReport
from espnet2_nhv.vocoder.knobs import Knobs
from espnet2_nhv.vocoder.synthesizer import Synthesizer

_HEARD = 0.15  # s of the past that a tracker is given: six periods of a low voice


class LiveAnalysis:
    """Samples in, frames out: mel and F0 of all frames whose window has been heard.

    Parameters
    ----------
    spec : FeatureSpec
    method : a row of :data:`espnet2_nhv.feature.pitch.registry.TRACKERS`
    """

    def __init__(self, spec: FeatureSpec, method: str):
        self.spec, self.method, self._mel = spec, method, LogMel(spec)
        # Frames are cut out of longer signals so that no edge is near them; the window reaches half of its own length.
        self._margin = -(-spec.n_fft // spec.hop_length)
        self.reach = spec.win_length // 2
        keep = max(round(_HEARD * spec.fs), (2 * self._margin + 2) * spec.hop_length)
        self._keep = -(-keep // spec.hop_length) * spec.hop_length
        self._samples = np.zeros(self._keep, np.float32)  # silence before the first
        self._begin = -self._keep  # which sample the first of those kept is, a multiple of the hop
        self._n_frames = 0
        self._f0 = float(np.sqrt(spec.f0_floor * spec.f0_ceil))

    @property
    def latency_samples(self) -> int:
        """From a sample's arrival to the frame that is centred on it."""
        return self.reach

    def push(self, wav: np.ndarray) -> Tuple[torch.Tensor, torch.Tensor]:
        """Take samples ``(n,)``; returns frames of mel ``(m, n_mels)`` and F0 ``(m,)``, Hz, possibly none."""
        hop = self.spec.hop_length
        self._samples = np.concatenate([self._samples, wav])
        heard = self._begin + len(self._samples)
        ready = max(0, (heard - self.reach - self.spec.first_centre) // hop + 1)
        n_new = ready - self._n_frames
        if n_new <= 0:
            return torch.empty(0, self.spec.n_mels), torch.empty(0)
        mel, f0 = self._frames(n_new), self._pitch(n_new)
        self._n_frames = ready
        drop = max(0, (len(self._samples) - self._keep) // hop * hop)
        self._samples, self._begin = self._samples[drop:], self._begin + drop
        return mel, f0

    def _frames(self, n_new: int) -> torch.Tensor:
        hop, first = self.spec.hop_length, self._n_frames - self._margin
        begin = first * hop - self._begin
        piece = self._samples[begin:]
        # What follows is beyond the windows of these frames, and only has to be there.
        n_needed = (2 * self._margin + n_new) * hop
        piece = np.concatenate([piece, np.zeros(max(0, n_needed - len(piece)), np.float32)])
        with torch.no_grad():
            mel = self._mel(torch.from_numpy(np.ascontiguousarray(piece)))[0].T
        return mel[self._margin : self._margin + n_new]

    def _pitch(self, n_new: int) -> torch.Tensor:
        pitch = analyse_pitch(self._samples, self.spec, self.method)
        frame = (self._n_frames * self.spec.hop_length - self._begin) // self.spec.hop_length
        at = np.arange(frame, frame + n_new).clip(max=len(pitch.f0) - 1)
        f0 = np.empty(n_new, np.float32)
        for i, k in enumerate(at):  # where there is no voice the last pitch is held
            if pitch.vuv[k]:
                self._f0 = float(pitch.f0[k])
            f0[i] = self._f0
        return torch.from_numpy(f0)


class LiveSinger:
    """Blocks of samples in, blocks of samples out, late by :attr:`latency_seconds`.

    Parameters
    ----------
    vocoder : Synthesizer with a ``stream()``
    block : int >= 16, samples
    method : str, pitch tracker
    f0_factor : float > 0, of the pitch
    knobs : dict of names to numbers, or None

    Raises
    ------
    UserError
        If the vocoder cannot stream or the block is too small.
    """

    def __init__(
        self,
        vocoder: Synthesizer,
        block: int,
        method: str,
        f0_factor: float = 1.0,
        knobs: Optional[Knobs] = None,
    ):
        if not hasattr(vocoder, "stream"):
            raise UserError("this vocoder cannot work as a stream: nhv can, and nhv_stream.onnx")
        if block < 16:
            raise UserError(f"a block of {block} samples is too small: give 16 or more")
        vocoder.check_knobs(knobs, 1)
        self.vocoder, self.block, self.f0_factor, self.knobs = vocoder, block, f0_factor, knobs
        self.analysis, self.stream = LiveAnalysis(vocoder.spec, method), vocoder.stream()
        silence = self.analysis.latency_samples + self.stream.latency_frames * vocoder.spec.hop_length
        self._ready = np.zeros(silence, np.float32)
        # A sample waits for its block to be full before all that.
        self.latency_seconds = (silence + block) / vocoder.fs
        self.times, self.late = [], 0

    def push(self, wav: np.ndarray) -> np.ndarray:
        """A block ``(block,)`` heard; returns the block to be played."""
        begin = time.perf_counter()
        mel, f0 = self.analysis.push(np.asarray(wav, np.float32))
        if len(f0):
            knobs = {} if self.knobs is None else dict(knobs=self.knobs)
            made = self.stream.push(mel, f0 * self.f0_factor, **knobs).cpu().numpy()
            self._ready = np.concatenate([self._ready, made])
        played, self._ready = self._ready[: self.block], self._ready[self.block :]
        if len(played) < self.block:
            self.late += 1
            played = np.concatenate([played, np.zeros(self.block - len(played), np.float32)])
        self.times.append(time.perf_counter() - begin)
        return played

    def report(self) -> LiveReport:
        """How it kept up."""
        times, seconds = np.array(self.times), self.block / self.vocoder.fs
        late = self.late + int((times > seconds).sum())
        return LiveReport(seconds, self.latency_seconds, times, np.zeros(len(times)), late)


def sing_along(singer: LiveSinger, device: Optional[str], seconds: Optional[float]) -> LiveReport:
    """From a microphone to the loudspeakers, until so many seconds are over or Ctrl-C is pressed.

    Parameters
    ----------
    singer : LiveSinger
    device : str, as the sounddevice package names it, or None for the default ones
    seconds : float > 0 or None

    Raises
    ------
    UserError
        If sounddevice is not installed, or there is no such device.
    """
    try:
        import sounddevice
    except (ImportError, OSError) as error:
        raise UserError(f"--input needs PortAudio and the package sounddevice ({error}): install them") from None
    fs, block = singer.vocoder.fs, singer.block
    n_blocks = None if seconds is None else max(1, round(seconds * fs / block))
    try:
        with sounddevice.Stream(
            samplerate=fs, blocksize=block, channels=1, dtype="float32", device=device, latency="low"
        ) as stream:
            while n_blocks is None or len(singer.times) < n_blocks:
                heard, lost = stream.read(block)
                singer.late += bool(lost)
                stream.write(np.ascontiguousarray(singer.push(heard[:, 0])[:, None]))
    except KeyboardInterrupt:
        pass
    except (sounddevice.PortAudioError, ValueError) as error:
        raise UserError(f"--input {device or 'default'}: cannot be opened at {fs} Hz ({in_one_line(error)})") from None
    return singer.report()
