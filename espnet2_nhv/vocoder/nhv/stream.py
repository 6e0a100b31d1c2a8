"""NHV chunk by chunk: the same signal whatever the chunks, in memory that does not grow."""

import itertools
from typing import Iterator, Optional, Protocol, Tuple

import torch

from espnet2_nhv.dsp.overlap_add import overlap_add
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.knobs import NAMES
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.vocoder.knobs import Knobs
from espnet2_nhv.vocoder.nhv.flat_noise import N_SAMPLES, cut, start_of
from espnet2_nhv.vocoder.nhv.frame_network import FrameNetwork

# Frames at a time, for one CPU core with one or two megabytes of cache: the network's weights fill it and are best
# read rarely, the spectra of more frames than this overflow it, and those of fewer drown in calls.
_NETWORK_BLOCK = 512
_SIGNAL_BLOCK = 256
# glibc hands freed blocks back to the system and then pays for every page anew, until it has seen a block of this size
# freed: those up to it are kept from then on. Never touched, it takes no memory itself.
_LARGEST_KEPT_BYTES = 31 * 2**20
LOWEST_F0 = 5.0  # Hz; what is below counts as that: it is no pitch, and exports count on it


class SourceFilter(Protocol):
    """What a stream needs of the vocoder whose signal it makes; :class:`~.generator.NHV` says what each means."""

    spec: FeatureSpec
    network: FrameNetwork
    n_fft: int
    lead: int
    look_ahead: int
    noise: torch.Tensor

    def check_features(self, mel, f0, mel_f0) -> Tuple[torch.Tensor, torch.Tensor, torch.Tensor]: ...

    def check_knobs(self, knobs, n_frames) -> Optional[torch.Tensor]: ...

    def frames_to_hold(self, n_frames: int) -> int: ...

    def network_input(self, mel: torch.Tensor, mel_f0: torch.Tensor) -> torch.Tensor: ...

    def pulses(self, f0, start) -> Tuple[torch.Tensor, torch.Tensor, torch.Tensor]: ...

    def swelling(self, noise, tangent, numbers) -> torch.Tensor: ...

    def deviations(self, noise: torch.Tensor) -> torch.Tensor: ...

    def filters(self, numbers, mel, f0, mel_f0, deviations, knobs) -> Tuple[torch.Tensor, torch.Tensor]: ...

    def filtered_frames(self, filters, pulses, noise) -> torch.Tensor: ...


class NHVStream:
    """Takes frames, returns samples; joined chunks equal the whole.

    After `n` frames have come, at least ``(n - latency_frames) * hop_length + hop_length / 2`` samples have been
    returned: the first come with frame ``latency_frames`` at the latest, the last with :meth:`flush`.

    Parameters
    ----------
    vocoder : SourceFilter, in eval mode
    seed : int, of the noise
    start_phase : float, cycles, of the pulse train
    """

    def __init__(self, vocoder: SourceFilter, seed: int = 0, start_phase: float = 0.0):
        torch.empty(_LARGEST_KEPT_BYTES, dtype=torch.uint8)
        self.vocoder = vocoder
        self.device = vocoder.noise.device
        hop_length = vocoder.spec.hop_length
        self._network_state = vocoder.network.initial_state(batch=1)
        # Frames of which no signal has been made; the network has read the first `_n_read` of them.
        self._mel = torch.empty(1, 0, vocoder.spec.n_mels, device=self.device)
        self._n_read = 0
        self._numbers = torch.empty(1, 0, vocoder.network.n_out, device=self.device)
        # F0 to be sung, and F0 of the mel.
        self._f0, self._mel_f0 = (torch.empty(1, 0, device=self.device) for _ in range(2))
        # Knobs from the first time that one is turned on; before, nothing is computed for them.
        self._knobs: Optional[torch.Tensor] = None
        self._n_frames = 0
        self._unanswered = vocoder.look_ahead  # outputs the network still owes to frames before the first
        self._phase = torch.full((1,), float(start_phase), dtype=torch.float64, device=self.device)
        self._noise_at = int(start_of(torch.tensor(seed % N_SAMPLES), batch=1))
        # The last hop of pulses and of noise.
        self._pulses = torch.zeros(1, hop_length, device=self.device)
        self._noise = torch.zeros(1, hop_length, device=self.device)
        self._tail = torch.zeros(1, vocoder.n_fft - hop_length, device=self.device)
        # The first frame begins before sample 0.
        self._early = hop_length + vocoder.lead
        self._flushed = False

    @property
    def latency_frames(self) -> int:
        """Frames that must have come, at most, before the first sample goes out."""
        return max(self.vocoder.look_ahead + self.vocoder.network.stride - 1, 1) + 2

    @property
    def latency_seconds(self) -> float:
        """`latency_frames` in seconds of audio."""
        return self.latency_frames * self.vocoder.spec.hop_length / self.vocoder.spec.fs

    @torch.no_grad()
    def push(
        self,
        mel: torch.Tensor,
        f0: torch.Tensor,
        mel_f0: Optional[torch.Tensor] = None,
        knobs: Optional[Knobs] = None,
    ) -> torch.Tensor:
        """Feed frames.

        Parameters
        ----------
        mel : Tensor [shape=(n, n_mels)], raw log-mel, n >= 1
        f0 : Tensor [shape=(n,)], Hz, > 0
        mel_f0 : Tensor [shape=(n,)], Hz, > 0, at which the mel was sung, where it may be another than `f0`
        knobs : dict of a name to a number or to an array [shape=(n,)], or None, of these frames

        Returns
        -------
        wav : Tensor [shape=(m,)], within [-1, 1]; what can be finished by now, possibly nothing

        Raises
        ------
        UserError
            For features that cannot be used, or after :meth:`flush`; the stream is then as before.
        """
        if self._flushed:
            raise UserError("the stream has been flushed: start another one for new frames")
        mel, f0, mel_f0 = self.vocoder.check_features(mel, f0, mel_f0)
        knobs = self.vocoder.check_knobs(knobs, len(mel))
        # A copy: what is kept for later must not change when the caller uses his memory again.
        return self._joined(self._advance(mel.clone(), f0, mel_f0, knobs))

    @torch.no_grad()
    def flush(self) -> torch.Tensor:
        """The rest of the signal, the last frame held; the total is then frames times hop_length."""
        return self._joined(self._remainder())

    def whole(
        self,
        mel: torch.Tensor,
        f0: torch.Tensor,
        mel_f0: Optional[torch.Tensor] = None,
        knobs: Optional[torch.Tensor] = None,
    ) -> torch.Tensor:
        """All of an utterance's checked frames, written into one output; ``(T * hop_length,)``."""
        wav = torch.empty(len(mel) * self.vocoder.spec.hop_length, device=self.device)
        written = 0
        for part in itertools.chain(self._advance(mel, f0, mel_f0, knobs), self._remainder()):
            wav[written : written + len(part)] = part
            written += len(part)
        return wav

    def _remainder(self) -> Iterator[torch.Tensor]:
        self._flushed = True
        if self._n_frames == 0:
            return
        # The last frame held, until the frame after it has its filter; that one's excitation reaches to yet another.
        n_held = self.vocoder.frames_to_hold(self._n_frames)
        f0, mel_f0 = self._f0[0, -1].expand(2), self._mel_f0[0, -1].expand(n_held)
        knobs = None if self._knobs is None else self._knobs[0, -1].expand(n_held, -1)
        yield from self._advance(self._mel[0, -1].expand(n_held, -1), f0, mel_f0, knobs)
        yield self._tail[0, : self.vocoder.lead].clamp(-1.0, 1.0)

    def _joined(self, parts: Iterator[torch.Tensor]) -> torch.Tensor:
        return torch.cat([torch.empty(0, device=self.device), *parts])

    def _advance(
        self,
        mel: torch.Tensor,
        f0: torch.Tensor,
        mel_f0: Optional[torch.Tensor],
        knobs: Optional[torch.Tensor],
    ) -> Iterator[torch.Tensor]:
        """Take in checked frames and yield the samples they complete."""
        self._n_frames += len(mel)
        highest = self.vocoder.spec.fs / 2 - 1
        f0, mel_f0 = (None if x is None else x.clamp(LOWEST_F0, highest) for x in (f0, mel_f0))
        self._f0 = torch.cat([self._f0, f0[None]], dim=1)
        frames = [mel, f0 if mel_f0 is None else mel_f0]
        if knobs is not None or self._knobs is not None:
            frames.append(mel.new_zeros(len(mel), len(NAMES)) if knobs is None else knobs)
        if knobs is not None and self._knobs is None:
            self._knobs = mel.new_zeros(1, self._mel.shape[1], len(NAMES))
        for block, sung, *turned in zip(*(x[None].split(_NETWORK_BLOCK, dim=1) for x in frames)):
            if turned:
                self._knobs = _append(self._knobs, turned[0])
            self._mel, self._mel_f0 = _append(self._mel, block), _append(self._mel_f0, sung)
            self._read()
            # A frame's excitation reaches to the next frame, so that frame's F0 must be known.
            ready = min(self._numbers.shape[1], self._f0.shape[1] - 1)
            for begin in range(0, ready, _SIGNAL_BLOCK):
                yield self._signal(begin, min(begin + _SIGNAL_BLOCK, ready))
            if ready > 0:
                waiting = self._numbers, self._mel, self._f0, self._mel_f0
                self._numbers, self._mel, self._f0, self._mel_f0 = (x[:, ready:] for x in waiting)
                if self._knobs is not None:
                    self._knobs = self._knobs[:, ready:]
                self._n_read -= ready

    @torch.inference_mode()  # cheaper than no_grad; what leaves this object is copied out of it
    def _read(self) -> None:
        """Let the network read as many whole steps as there are."""
        network = self.vocoder.network
        n_new = self._mel.shape[1] - self._n_read
        n_new -= n_new % network.stride
        if n_new == 0:
            return
        new = slice(self._n_read, self._n_read + n_new)
        read = self.vocoder.network_input(self._mel[:, new], self._mel_f0[:, new])
        numbers, self._network_state = network(read, self._network_state)
        self._n_read += n_new
        owed = min(self._unanswered, n_new)
        self._unanswered -= owed
        self._numbers = _append(self._numbers, numbers[:, owed:])

    @torch.inference_mode()
    def _signal(self, begin: int, end: int) -> torch.Tensor:
        """Samples completed by waiting frames `begin` to `end`, of which the network has written."""
        vocoder, hop_length = self.vocoder, self.vocoder.spec.hop_length
        done = (end - begin) * hop_length
        white = self._white(done)
        pulses, tangent, self._phase = vocoder.pulses(self._f0[:, begin : end + 1], self._phase)
        pulses = torch.cat([self._pulses, pulses], dim=1)
        noise = torch.cat([self._noise, vocoder.swelling(white, tangent, self._numbers[:, begin:end])], dim=1)
        self._pulses, self._noise = pulses[:, done:], noise[:, done:]

        frames = (x[:, begin:end] for x in (self._numbers, self._mel, self._f0, self._mel_f0))
        knobs = None if self._knobs is None else self._knobs[:, begin:end]
        filters = vocoder.filters(*frames, vocoder.deviations(white), knobs)
        frames = vocoder.filtered_frames(filters, pulses, noise)
        signal = overlap_add(frames, hop_length)
        signal[:, : self._tail.shape[1]] += self._tail
        self._tail = signal[:, done:].clone()
        early = min(self._early, done)
        self._early -= early
        return signal[0, early:done].clamp(-1.0, 1.0)

    def _white(self, n_samples: int) -> torch.Tensor:
        """The next samples of the noise, ``(1, n_samples)``."""
        white, begin = self.vocoder.noise, self._noise_at
        self._noise_at = (begin + n_samples) % len(white)
        if begin + n_samples > len(white):
            return cut(white, torch.tensor([begin]), n_samples)
        return white[None, begin : begin + n_samples]


def _append(frames: torch.Tensor, more: torch.Tensor) -> torch.Tensor:
    return torch.cat([frames, more], dim=1) if frames.shape[1] else more


def stream_noise(vocoder: SourceFilter, seed: int, n_samples: int) -> torch.Tensor:
    """The first samples ``(1, n_samples)`` of the noise that a stream of this seed shapes."""
    return cut(vocoder.noise, start_of(torch.tensor(seed % N_SAMPLES), batch=1), n_samples)
