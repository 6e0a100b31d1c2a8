"""NHV from chunk to chunk in real arithmetic: what every export is made of."""

from typing import List, Tuple

import torch

from espnet2_nhv.dsp.cepstrum import LOG_MAGNITUDE_RANGE
from espnet2_nhv.export.fourier import RealFourierTransform
from espnet2_nhv.feature.knobs import NAMES
from espnet2_nhv.vocoder.nhv.generator import NHV
from espnet2_nhv.vocoder.nhv.knob_filters import GENDER, turn_knobs
from espnet2_nhv.vocoder.nhv.stream import LOWEST_F0

_OWN_STATE = ("frame", "phase", "f0", "mel_f0", "mel", "knobs", "numbers", "pulses", "white", "harmonic", "noise")


# Scripted, lest tracing forgets that nothing is computed for formants that stay.
_turn_knobs = torch.jit.script(turn_knobs)
# Of the harmonic filter and of the noise filter.
Cepstra = Tuple[torch.Tensor, torch.Tensor]


class NHVStep(torch.nn.Module):
    """Takes some frames and a state, returns as many frames' samples and the next state.

    Samples come late by a fixed delay, :attr:`delay_samples`: what comes before is silence. A step makes the signal of
    the frames `delay_frames` before those it takes, for which look-ahead and the F0 of the next frame are then known.

    Parameters
    ----------
    vocoder : NHV, in eval mode
    """

    def __init__(self, vocoder: NHV):
        super().__init__()
        self.vocoder = vocoder
        hop_length, n_fft = vocoder.spec.hop_length, vocoder.n_fft
        self.hop_length = hop_length
        self.delay_frames = max(vocoder.look_ahead, 1)
        self.delay_samples = (self.delay_frames + 1) * hop_length + vocoder.lead
        self.n_hops = n_fft // hop_length
        self.fourier = RealFourierTransform(n_fft, hop_length, 2 * hop_length, vocoder.lead)

        def constant(name, value):
            self.register_buffer(name, value.float().contiguous(), persistent=False)

        # Log magnitude and phase of a cepstrum's filter at the bins, as the transform has them.
        n_harmonic, n_noise = vocoder.sizes
        bins = self.fourier.bins.double()[:, None] * (2 * torch.pi / n_fft)
        quefrency = torch.arange(n_harmonic, dtype=torch.float64)[:, None] - vocoder.anticausal_order
        constant("to_log_magnitude", torch.cos(quefrency * bins))
        constant("to_angle", -torch.sin(quefrency * bins))
        # The upper half of all bins is the lower one's mirror image.
        angles = torch.cat([vocoder.jitter_angles, -vocoder.jitter_angles[1:-1].flip(0)])
        constant("jitter_angles", angles[self.fourier.bins][:, None])
        constant("to_log_gain", torch.cos(torch.arange(n_noise)[:, None] * bins))

    @property
    def stride(self) -> int:
        """The number of frames a step takes must be a multiple of this."""
        return self.vocoder.network.stride

    def state_names(self) -> List[str]:
        """Names of the tensors of a state, in their order."""
        n_network = len(self.vocoder.network.initial_state(1))
        return [f"state_{name}" for name in (*_OWN_STATE, *(f"network{i}" for i in range(n_network)))]

    def initial_state(self, batch: int, start_phase: float = 0.0) -> List[torch.Tensor]:
        """The state before the first frame: frames taken, phase of the pulses in cycles, and what is yet to be used."""
        hop_length, late = self.hop_length, self.delay_frames
        return [
            torch.zeros((), dtype=torch.int64),
            torch.full((batch,), start_phase, dtype=torch.float64),
            *(torch.zeros(batch, late) for _ in range(2)),
            torch.zeros(batch, late, self.vocoder.spec.n_mels),
            torch.zeros(batch, late, len(NAMES)),
            torch.zeros(batch, late - self.vocoder.look_ahead, self.vocoder.network.n_out),
            *(torch.zeros(batch, hop_length) for _ in range(2)),
            *(torch.zeros(batch, (self.n_hops - 1) * hop_length) for _ in range(2)),
            *self.vocoder.network.initial_state(batch),
        ]

    def forward(
        self,
        mel: torch.Tensor,
        f0: torch.Tensor,
        mel_f0: torch.Tensor,
        knobs: torch.Tensor,
        white: torch.Tensor,
        end: torch.Tensor,
        state: List[torch.Tensor],
    ) -> Tuple[torch.Tensor, torch.Tensor, List[torch.Tensor]]:
        """Take frames.

        Parameters
        ----------
        mel : Tensor [shape=(B, n, n_mels)], raw log-mel, n >= delay_frames, a multiple of `stride`
        f0 : Tensor [shape=(B, n)], Hz
        mel_f0 : Tensor [shape=(B, n)], Hz, at which the mel was sung, or `f0` again
        knobs : Tensor [shape=(B, n, len(KNOBS))], 0 where nothing is turned
        white : Tensor [shape=(B, n * hop_length)], white noise of unit power, of the samples that this step makes
        end : Tensor [shape=(), dtype=int64], number of frames of the utterance, where known, else a large one; after
            them, held ones are to follow
        state : list of Tensor, :meth:`initial_state` or of the step before

        Returns
        -------
        harmonic, noise : Tensor [shape=(B, n * hop_length)], the parts of the signal, unbounded
        state : list of Tensor
        """
        vocoder, late = self.vocoder, self.delay_frames
        own, network_state = state[: len(_OWN_STATE)], state[len(_OWN_STATE) :]
        frame, phase, old_f0, old_mel_f0, old_mel, old_knobs, old_numbers, old_pulses, old_white, *tails = own
        position = frame - late + torch.arange(mel.shape[1])

        # Before the first frame its F0 is held, and the phase so set back that the frame begins with that asked for.
        # Lest a bad value fills everything after it with what is not a number.
        f0, mel_f0 = (x.clamp(LOWEST_F0, vocoder.fs / 2 - 1) for x in (f0, mel_f0))
        numbers, network_state = vocoder.network(vocoder.network_input(mel, mel_f0), network_state)
        first = frame == 0
        phase = torch.where(first, phase - f0[:, 0].double() * (late * self.hop_length / vocoder.fs), phase)
        f0 = torch.cat([torch.where(first, f0[:, :1].expand_as(old_f0), old_f0), f0], dim=1)
        mel, mel_f0 = torch.cat([old_mel, mel], dim=1), torch.cat([old_mel_f0, mel_f0], dim=1)
        numbers, knobs = torch.cat([old_numbers, numbers], dim=1), torch.cat([old_knobs, knobs], dim=1)
        # What is needed of them is counted from the end: the exporter must see that sizes are n and n + 1.
        read = _without_last(numbers, late - vocoder.look_ahead)
        pulses, tangent, phase = vocoder.pulses(_without_last(f0, late - 1), phase)
        deviations, white = vocoder.deviations(white), vocoder.swelling(white, tangent, read)
        pulses, white = torch.cat([old_pulses, pulses], dim=1), torch.cat([old_white, white], dim=1)
        cepstra = vocoder.cepstra(read, *(_without_last(x, late) for x in (mel, f0, mel_f0)))
        turned = _without_last(knobs, late)
        cepstra = _turn_knobs(*cepstra, turned, turned[:, :, GENDER], vocoder.knob_filters.matrices())

        harmonic, noise = self._filtered(pulses, white, self._window(position, end), cepstra, deviations)
        harmonic, harmonic_tail = self.overlap_add(harmonic, tails[0])
        noise, noise_tail = self.overlap_add(noise, tails[1])
        new_state = [
            frame + mel.shape[1] - late,
            phase,
            f0[:, -late:],
            mel_f0[:, -late:],
            mel[:, -late:],
            knobs[:, -late:],
            numbers[:, numbers.shape[1] - (late - vocoder.look_ahead) :],
            pulses[:, -self.hop_length :],
            white[:, -self.hop_length :],
            harmonic_tail,
            noise_tail,
            *network_state,
        ]
        return harmonic, noise, new_state

    def _window(self, position: torch.Tensor, end: torch.Tensor) -> torch.Tensor:
        """Windows of frames ``(2 * hop_length / N2, n, N2)``: zero before the first sample, and after `end`."""
        halves = torch.stack([position >= 1, position >= 0]) & (position <= end)
        window = self.vocoder.window.view(2, -1, 1, self.fourier.n_columns) * halves[:, None, :, None]
        return window.flatten(0, 1)

    def _filtered(
        self,
        pulses: torch.Tensor,
        white: torch.Tensor,
        window: torch.Tensor,
        cepstra: Cepstra,
        deviations: torch.Tensor,
    ) -> Tuple[torch.Tensor, torch.Tensor]:
        """Both excitations ``(B, (n + 1) * hop_length)`` through their filters, frames ``(n_fft / N2, B * n, N2)``."""
        pulses_real, pulses_imag = self.fourier(self._frames(pulses, window))
        white_real, white_imag = self.fourier(self._frames(white, window))
        real, imag, gain = self._responses(cepstra, deviations)
        harmonic = self.fourier.inverse(
            pulses_real * real - pulses_imag * imag,
            pulses_real * imag + pulses_imag * real,
        )
        return harmonic, self.fourier.inverse(white_real * gain, white_imag * gain)

    def filtered_sum(
        self,
        pulses: torch.Tensor,
        white: torch.Tensor,
        window: torch.Tensor,
        cepstra: Cepstra,
        deviations: torch.Tensor,
    ) -> torch.Tensor:
        """As :meth:`_filtered`, but the sum of both."""
        pulses_real, pulses_imag = self.fourier(self._frames(pulses, window))
        white_real, white_imag = self.fourier(self._frames(white, window))
        real, imag, gain = self._responses(cepstra, deviations)
        return self.fourier.inverse(
            pulses_real * real - pulses_imag * imag + white_real * gain,
            pulses_real * imag + pulses_imag * real + white_imag * gain,
        )

    def _frames(self, excitation: torch.Tensor, window: torch.Tensor) -> torch.Tensor:
        """Excitation ``(B, (n + 1) * hop_length)`` as windowed frames ``(2 * hop_length / N2, B * n, N2)``."""
        rows = self.hop_length // self.fourier.n_columns
        hops = excitation.view(excitation.shape[0], -1, rows, self.fourier.n_columns).permute(2, 0, 1, 3)
        frames = torch.cat([hops[:, :, :-1], hops[:, :, 1:]]) * window[:, None]
        return frames.flatten(1, 2)

    def _responses(self, cepstra: Cepstra, deviations: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Real and imaginary part of the harmonic filter's response and the noise filter's gain."""
        harmonic, noise = (x.flatten(0, 1) for x in cepstra)
        magnitude = torch.matmul(harmonic, self.to_log_magnitude).clamp(*LOG_MAGNITUDE_RANGE).exp()
        angle = torch.matmul(harmonic, self.to_angle)
        if self.vocoder.jitter:
            angle = angle + deviations.flatten()[:, None] * self.jitter_angles
        gain = torch.matmul(noise, self.to_log_gain).clamp(*LOG_MAGNITUDE_RANGE).exp()
        return magnitude * torch.cos(angle), magnitude * torch.sin(angle), gain

    def overlap_add(self, frames: torch.Tensor, tail: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
        """Frames ``(n_fft / N2, B * n, N2)`` a hop apart and the tail before, added up; the signal and its new tail."""
        n_tail = self.n_hops - 1
        rows, n_columns, batch = self.hop_length // self.fourier.n_columns, self.fourier.n_columns, tail.shape[0]
        hops = frames.view(self.n_hops, rows, batch, -1, n_columns)
        tail = tail.view(batch, n_tail, rows, n_columns).permute(2, 0, 1, 3)
        signal = torch.cat([tail, torch.zeros_like(hops[0])], dim=2)
        for k in range(self.n_hops):
            signal = signal + torch.nn.functional.pad(hops[k], (0, 0, k, n_tail - k))
        signal = signal.permute(1, 2, 0, 3).flatten(1)
        return signal[:, : -n_tail * self.hop_length], signal[:, -n_tail * self.hop_length :]


class ComplexNHVStep(NHVStep):
    """The same with PyTorch's own Fourier transforms, for where there is PyTorch."""

    def _filtered(
        self,
        pulses: torch.Tensor,
        white: torch.Tensor,
        window: torch.Tensor,
        cepstra: Cepstra,
        deviations: torch.Tensor,
    ) -> Tuple[torch.Tensor, torch.Tensor]:
        n_fft, vocoder = self.vocoder.n_fft, self.vocoder
        responses = vocoder.responses(*(x.flatten(0, 1) for x in cepstra), deviations.flatten())
        filtered = []
        for excitation, response in zip((pulses, white), responses):
            frames = self._frames(excitation, window).transpose(0, 1).flatten(1)
            frames = torch.nn.functional.pad(frames, (vocoder.lead, n_fft - vocoder.lead - frames.shape[1]))
            signal = torch.fft.irfft(torch.fft.rfft(frames) * response, n=n_fft)
            filtered.append(signal.view(signal.shape[0], -1, self.fourier.n_columns).transpose(0, 1))
        return filtered[0], filtered[1]


class FlatStep(torch.nn.Module):
    """A step whose inputs and outputs are tensors one after the other, as tracing wants them."""

    def __init__(self, step: NHVStep):
        super().__init__()
        self.step = step

    def forward(self, mel, f0, mel_f0, knobs, white, end, *state):
        """As :meth:`NHVStep.forward`; returns harmonic, noise and the tensors of the next state."""
        harmonic, noise, new_state = self.step(mel, f0, mel_f0, knobs, white, end, list(state))
        return (harmonic, noise, *new_state)


def _without_last(x: torch.Tensor, n: int) -> torch.Tensor:
    return x[:, :-n] if n else x
