"""NHV: a neural homomorphic vocoder for singing."""

from typing import Optional, Sequence, Tuple

import torch

from espnet2_nhv.dsp.cepstrum import cosine_matrix, phased_response, zero_phase_response
from espnet2_nhv.dsp.overlap_add import excitation_spectra, overlap_add, synthesis_window
from espnet2_nhv.dsp.pulse import half_tangent, pulse_train, sample_phase
from espnet2_nhv.dsp.swelling import swelling
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.vocoder.base import AbsVocoder
from espnet2_nhv.vocoder.late_stream import CentredStream, centred_stream
from espnet2_nhv.vocoder.nhv.band_smoothing import BandSmoothing
from espnet2_nhv.vocoder.nhv.flat_noise import cut, flat_noise
from espnet2_nhv.vocoder.nhv.frame_network import FrameNetwork
from espnet2_nhv.vocoder.nhv.jitter import deviations_of, jitter_angles
from espnet2_nhv.vocoder.nhv.knob_filters import KnobFilters
from espnet2_nhv.vocoder.nhv.lifter import PitchLifter
from espnet2_nhv.vocoder.nhv.mel_prior import MelPrior
from espnet2_nhv.vocoder.nhv.stream import NHVStream

# The network reads normalised features; what lies further out than this many deviations tells it nothing more.
_INPUT_RANGE = 6.0
_MIDDLE_F0 = 250.0  # Hz, from which octaves count


class NHV(AbsVocoder):
    """A pulse train and noise, each through a linear filter that changes from frame to frame.

    A causal network at the frame rate reads log-mel and writes two cepstra a frame, as differences from the
    envelope that the mel itself describes: one of a minimum- or mixed-phase filter for the pulse train, one of a
    zero-phase filter for the noise. Filters are made and applied as spectra; frames overlap by half.

    A mel of a voice holds the pitch that it was sung at, and a filter that repeats it sings two pitches at once. So the
    envelope is averaged over the F0 of the mel (`smooth`), and the harmonic filter keeps no quefrency that could tell
    one harmonic from the next (`lifter`): what is left is the timbre, at any F0.

    Parameters
    ----------
    spec : FeatureSpec
    channels, hidden, n_blocks, kernel_size : int, size of the network (:class:`FrameNetwork`)
    look_ahead : int >= 0, frames of mel the network sees ahead, at least
    stride : int >= 1, frames of mel the network reads at a step, for all of which it answers once
    n_fft : int, multiple of hop_length, >= 2.5 hop_length, of the filters; None takes 5 hop_length
    order : int >= 1, highest quefrency of the harmonic filter
    noise_order : int >= 1, <= order, highest quefrency of the noise filter
    anticausal_order : int >= 0, quefrencies below zero; 0 makes the harmonic filter minimum-phase
    window : ['hann', 'rectangular']
    prior : bool, start from the envelope that the mel describes
    smooth : bool, average the mel's power over the F0 at which it was sung (:class:`BandSmoothing`)
    lifter : (float, float), periods of F0, or None: where the harmonic filter's quefrencies fade (:class:`PitchLifter`)
    reads_f0 : bool, the network reads F0 beside the mel, which tells it which ripples are harmonics
    jitter : float >= 0, s, standard deviation of the time by which a frame's pulses come early or late, as heard
        above `jitter_above`: no voice repeats itself exactly
    jitter_above : float >= 0, Hz; harmonics far below keep time
    modulated_noise : bool, noise swells and fades with the period, as much and at the phase that the network says

    Source: Z. Liu et al., "Neural Homomorphic Vocoder", Interspeech 2020, but for the closed-form pulse train, weighted
    overlap-add and the envelope prior.
    """

    needs_f0, takes_knobs = True, True
    before = dict(
        smooth=False, lifter=None, reads_f0=False, jitter=0.0, jitter_above=0.0, modulated_noise=False,
    )  # fmt: skip

    def __init__(
        self,
        spec: FeatureSpec,
        channels: int = 256,
        hidden: int = 512,
        n_blocks: int = 2,
        kernel_size: int = 7,
        look_ahead: int = 0,
        stride: int = 3,
        n_fft: Optional[int] = None,
        order: int = 222,
        noise_order: int = 80,
        anticausal_order: int = 64,
        window: str = "hann",
        prior: bool = True,
        smooth: bool = True,
        lifter: Optional[Sequence[float]] = (0.40, 0.50),
        reads_f0: bool = True,
        jitter: float = 18e-6,
        jitter_above: float = 4000.0,
        modulated_noise: bool = True,
    ):
        super().__init__(spec)
        hop_length = spec.hop_length
        self.n_fft = 5 * hop_length if n_fft is None else n_fft
        self.lead = hop_length // 2
        if self.n_fft % hop_length or self.n_fft < 2 * hop_length + self.lead:
            raise UserError(f"nhv: n_fft {self.n_fft} is not a multiple of the hop {hop_length} of 3 or more")
        if not 0 < noise_order <= order or not 0 <= anticausal_order < self.n_fft // 2 - order:
            raise UserError(
                f"nhv: orders {order}, {noise_order} (noise) and {anticausal_order} (anticausal) "
                f"do not fit n_fft {self.n_fft}"
            )
        self.jitter, self.reads_f0, self.modulated_noise = jitter, reads_f0, modulated_noise
        # What the network writes: quefrencies -anticausal_order..order of one filter, 0..noise_order of the other, and
        # how the noise swells with the cosine and with the sine of the phase.
        quefrencies = [*range(-anticausal_order, order + 1), *range(noise_order + 1)]
        self.sizes = (anticausal_order + 1 + order, noise_order + 1)
        self.anticausal_order = anticausal_order
        n_in = spec.n_mels + reads_f0
        self.network = FrameNetwork(
            n_in, len(quefrencies) + 2 * modulated_noise, channels, hidden, n_blocks, kernel_size,
            delay=look_ahead, stride=stride,
        )  # fmt: skip
        self.mel_prior = MelPrior(spec, quefrencies, self.n_fft, envelope=prior)
        self.smoothing = BandSmoothing(spec) if smooth and prior else None
        self.lifter = None if lifter is None else PitchLifter(quefrencies[: self.sizes[0]], spec.fs, *lifter)

        self.knob_filters = KnobFilters(spec, self.n_fft, anticausal_order, order, noise_order)

        def constant(name, value):
            self.register_buffer(name, value, persistent=False)

        # Cepstra of voices fall off as one over quefrency; so scaled, the network's numbers are of one size.
        constant("quefrency_scale", 1.0 / torch.tensor(quefrencies).abs().clamp(min=1).float())
        constant("window", synthesis_window(window, hop_length))
        constant("noise", flat_noise(spec).clone())
        constant("cosines", cosine_matrix(noise_order, self.n_fft))
        constant("jitter_angles", jitter_angles(jitter, jitter_above, self.fs, self.n_fft))

    def forward(
        self,
        mel: torch.Tensor,
        f0: Optional[torch.Tensor] = None,
        mel_f0: Optional[torch.Tensor] = None,
        knobs: Optional[torch.Tensor] = None,
    ) -> torch.Tensor:
        """See :meth:`AbsVocoder.forward`; phase and noise are random, frames before the first count as unknown.

        `mel_f0` ``(B, 1, T)``, Hz, is the F0 at which the mel was sung, where it may be another than `f0`; `knobs`
        ``(B, len(KNOBS), T)`` is in the order of :data:`espnet2_nhv.feature.knobs.KNOBS`. For memory that does not grow
        with length use :meth:`inference` or :meth:`stream`.
        """
        return self._excited(*self._numbers_of_batch(mel, f0, mel_f0, knobs))

    def forward_twice(
        self, mel: torch.Tensor, f0: Optional[torch.Tensor] = None, mel_f0: Optional[torch.Tensor] = None
    ) -> Tuple[torch.Tensor, torch.Tensor]:
        """See :meth:`AbsVocoder.forward_twice`: one pair of filters, two excitations."""
        given = self._numbers_of_batch(mel, f0, mel_f0)
        with torch.no_grad():
            another = self._excited(*given)
        return self._excited(*given), another

    def _numbers_of_batch(self, mel, f0, mel_f0, knobs=None):
        """The network's numbers of a batch's frames and of one more, the cepstra they give, and F0 ``(B, T + 2)``."""
        if f0 is None:
            raise UserError("nhv needs F0 beside the mel: give f0 of shape (B, 1, T) in Hz")
        batch, _, n_frames = mel.shape
        sung = f0 if mel_f0 is None else mel_f0
        held = self.frames_to_hold(n_frames)
        mel = mel.transpose(1, 2)
        mel = torch.cat([mel, mel[:, -1:].expand(-1, held, -1)], dim=1)
        f0 = torch.cat([f0[:, 0], f0[:, 0, -1:].expand(-1, 2)], dim=1).float()
        sung = torch.cat([sung[:, 0], sung[:, 0, -1:].expand(-1, held)], dim=1).float()
        if knobs is not None:
            knobs = knobs.transpose(1, 2)
            knobs = torch.cat([knobs, knobs[:, -1:]], dim=1).float()
        numbers, _ = self.network(self.network_input(mel, sung), self.network.initial_state(batch))
        with torch.autocast(mel.device.type, enabled=False):
            numbers = numbers[:, self.look_ahead : self.look_ahead + n_frames + 1]
            numbers, mel = numbers.float(), mel[:, : n_frames + 1].float()
            return numbers, self.cepstra(numbers, mel, f0[:, :-1], sung[:, : n_frames + 1], knobs), f0

    def _excited(self, numbers, cepstra, f0):
        """A waveform ``(B, 1, T * hop_length)`` of a batch's cepstra, at random phase and of random noise."""
        batch, hop_length, n_frames = len(f0), self.spec.hop_length, f0.shape[1] - 2
        start = torch.rand(batch, dtype=torch.float64, device=f0.device)
        with torch.autocast(f0.device.type, enabled=False):
            first = torch.randint(len(self.noise), (batch,), device=f0.device)
            noise = cut(self.noise, first, (n_frames + 1) * hop_length)
            filters = self.responses(*cepstra, self.deviations(noise))
            pulses, tangent, _ = self.pulses(f0, start)
            noise = self.swelling(noise, tangent, numbers)
            excitation = [torch.nn.functional.pad(x, (hop_length, 0)) for x in (pulses, noise)]
            wav = overlap_add(self.filtered_frames(filters, *excitation), hop_length)
        begin = hop_length + self.lead
        return wav[:, None, begin : begin + n_frames * hop_length]

    @property
    def takes_mel_f0(self) -> bool:
        """Whether it makes a difference at which F0 the mel was sung."""
        return self.smoothing is not None or self.lifter is not None or self.reads_f0

    @property
    def look_ahead(self) -> int:
        """Frames of mel the network sees ahead, at least."""
        return self.network.delay

    def frames_to_hold(self, n_frames: int) -> int:
        """How often the last of `n_frames` is repeated for the network to write of one frame more than those."""
        needed = n_frames + 1 + self.look_ahead
        return needed + -needed % self.network.stride - n_frames

    def network_input(self, mel: torch.Tensor, mel_f0: torch.Tensor) -> torch.Tensor:
        """Normalised mel ``(B, T, n_mels)``, within the range that means something, and its F0, in octaves."""
        mean, std = self.mel_mean[:, 0], self.mel_std[:, 0]
        mel = ((mel - mean) / std).clamp(-_INPUT_RANGE, _INPUT_RANGE)
        if not self.reads_f0:
            return mel
        octaves = torch.log2(mel_f0.clamp(min=1.0) / _MIDDLE_F0).clamp(-_INPUT_RANGE, _INPUT_RANGE)
        return torch.cat([mel, octaves[..., None].to(mel.dtype)], dim=-1)

    def pulses(self, f0: torch.Tensor, start: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Pulses for F0 ``(B, T + 1)`` from a phase ``(B,)``, their :func:`half_tangent`, and the phase after them.

        The first two are ``(B, T * hop_length)``, phases in cycles.
        """
        phase, f0_samples, end = sample_phase(f0, self.spec.hop_length, self.fs, start)
        tangent = half_tangent(phase)
        return pulse_train(phase, f0_samples, self.fs, tangent), tangent, end

    def swelling(self, noise: torch.Tensor, tangent: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
        """Noise ``(B, T * hop_length)`` as it comes and goes with the pulses, of the same power.

        `tangent` is that of :meth:`pulses`; the last two of the network's `numbers` ``(B, T, n)`` say how.
        """
        return swelling(noise, tangent, torch.tanh(numbers[..., -2:])) if self.modulated_noise else noise

    def deviations(self, noise: torch.Tensor) -> torch.Tensor:
        """How far the pulses of each frame of `noise` ``(B, T * hop_length)`` stray, see :func:`deviations_of`."""
        return deviations_of(noise, self.spec.hop_length)

    def cepstra(
        self,
        numbers: torch.Tensor,
        mel: torch.Tensor,
        f0: torch.Tensor,
        mel_f0: torch.Tensor,
        knobs: Optional[torch.Tensor] = None,
    ) -> Tuple[torch.Tensor, torch.Tensor]:
        """Cepstra of both filters, ``(B, T, sizes[0])`` and ``(B, T, sizes[1])``; see :meth:`filters`."""
        smooth = None if self.smoothing is None else self.smoothing(mel, mel_f0)
        numbers = numbers[..., : len(self.quefrency_scale)]
        both = torch.addcmul(self.mel_prior(mel, smooth), numbers, self.quefrency_scale)
        harmonic, noise = both.split(self.sizes, dim=-1)
        if self.lifter is not None:
            harmonic = harmonic * self.lifter(torch.maximum(f0, mel_f0))
        return (harmonic, noise) if knobs is None else self.knob_filters(harmonic, noise, knobs)

    def filters(
        self,
        numbers: torch.Tensor,
        mel: torch.Tensor,
        f0: torch.Tensor,
        mel_f0: torch.Tensor,
        deviations: Optional[torch.Tensor] = None,
        knobs: Optional[torch.Tensor] = None,
    ) -> Tuple[torch.Tensor, torch.Tensor]:
        """Frequency responses of both filters.

        Parameters
        ----------
        numbers : Tensor [shape=(B, T, n)], what the network wrote of these frames
        mel : Tensor [shape=(B, T, n_mels)], raw log-mel of these frames
        f0 : Tensor [shape=(B, T)], Hz, to be sung
        mel_f0 : Tensor [shape=(B, T)], Hz, at which the mel was sung, as far as is known; else `f0`
        deviations : Tensor [shape=(B, T)] or None, see :meth:`deviations`; None: pulses keep time
        knobs : Tensor [shape=(B, T, len(KNOBS))] or None

        Returns
        -------
        harmonic : Tensor [shape=(B, T, n_fft / 2 + 1), dtype=complex64]
        noise : Tensor [shape=(B, T, n_fft / 2 + 1)]
        """
        return self.responses(*self.cepstra(numbers, mel, f0, mel_f0, knobs), deviations)

    def responses(
        self, harmonic: torch.Tensor, noise: torch.Tensor, deviations: Optional[torch.Tensor] = None
    ) -> Tuple[torch.Tensor, torch.Tensor]:
        """Frequency responses of filters whose cepstra are ``(..., sizes[0])`` and ``(..., sizes[1])``."""
        turn = deviations[..., None] * self.jitter_angles if self.jitter and deviations is not None else None
        response = phased_response(harmonic, self.n_fft, self.anticausal_order, turn)
        return response, zero_phase_response(noise, self.cosines)

    def filtered_frames(
        self, filters: Tuple[torch.Tensor, torch.Tensor], pulses: torch.Tensor, noise: torch.Tensor
    ) -> torch.Tensor:
        """Pulses and noise, both ``(B, (T + 1) * hop_length)``, through their filters; frames ``(B, T, n_fft)``."""
        spectra = excitation_spectra(noise, self.window, self.lead, self.n_fft).mul_(filters[1])
        spectra.addcmul_(excitation_spectra(pulses, self.window, self.lead, self.n_fft), filters[0])
        return torch.fft.irfft(spectra, n=self.n_fft)

    def stream(self, seed: int = 0, start_phase: float = 0.0, frame_centre: Optional[float] = None) -> CentredStream:
        """A synthesiser that takes frames of `spec` as they come, or of another centre; see :class:`NHVStream`."""
        return centred_stream(NHVStream(self, seed=seed, start_phase=start_phase), frame_centre)

    def synthesize(
        self,
        mel: torch.Tensor,
        f0: torch.Tensor,
        mel_f0: Optional[torch.Tensor] = None,
        knobs: Optional[torch.Tensor] = None,
    ) -> torch.Tensor:
        """One utterance in blocks of frames: memory does not grow beyond input and output."""
        return NHVStream(self).whole(mel, f0, mel_f0, knobs)
