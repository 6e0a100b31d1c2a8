"""DDSP singing vocoders: harmonics and noise, steered by a small network; no adversary, one loss of spectra."""

from typing import Optional, Sequence, Tuple

import torch

from espnet2_nhv.dsp.fir import filter_frames, fir_matrix, n_fft_for
from espnet2_nhv.dsp.harmonics import sum_of_harmonics
from espnet2_nhv.dsp.inverse_stft import one_frame_more
from espnet2_nhv.dsp.overlap_add import synthesis_window
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.vocoder.base import AbsVocoder
from espnet2_nhv.vocoder.control_network import ControlNetwork, positive
from espnet2_nhv.vocoder.excitation import phase_of_samples
from espnet2_nhv.vocoder.weight_norm import remove_weight_norm

# The lowest voice whose harmonics reach the Nyquist frequency: where the paper's number of them comes from.
_LOWEST_F0 = 80
_SAWTOOTH_LEVEL = 0.4
# The noise starts 90 dB below full scale, as in the library that came with the DDSP paper. Where it starts louder than
# the harmonics, a spectral loss does not see them, and training may silence them for good.
_NOISE_START = -5.0


class _HarmonicsPlusNoise(AbsVocoder):
    """What both have in common: the control network, the sum of harmonics and filtered noise.

    Frames' filters overlap by half and levels are linear between frames, where the paper's code has blocks that do not
    overlap; F0 is given, where the paper's network also predicts it.
    """

    needs_f0 = True

    def __init__(self, spec: FeatureSpec, n_harmonics: Optional[int], sizes: Sequence[Optional[int]], conf: dict):
        super().__init__(spec)
        self.n_harmonics = spec.fs // 2 // _LOWEST_F0 if n_harmonics is None else n_harmonics
        # A size that is None is that of the harmonics.
        sizes = [self.n_harmonics if size is None else size for size in sizes]
        self.network = ControlNetwork(spec.n_mels, sizes, **conf)
        with torch.no_grad():
            self.network.head.bias[-sizes[-1] :] = _NOISE_START
        self.register_buffer("window", synthesis_window("hann", spec.hop_length), persistent=False)

    def fuse(self) -> "_HarmonicsPlusNoise":
        remove_weight_norm(self)
        return self

    def controls(self, mel: torch.Tensor) -> Tuple[torch.Tensor, ...]:
        """Positive controls of frames 0..T, each ``(B, T + 1, size)``."""
        numbers = self.network(self.normalize(mel))
        return tuple(positive(one_frame_more(x.float().transpose(1, 2)).transpose(1, 2)) for x in numbers)

    def add_fir(self, name: str, n_magnitudes: int) -> None:
        """Register the matrix of a filter given by so many magnitudes."""
        matrix = fir_matrix(n_magnitudes, n_fft_for(n_magnitudes, self.spec.hop_length))
        self.register_buffer(name, matrix, persistent=False)

    def harmonics(self, phase: torch.Tensor, f0_samples: torch.Tensor, amplitudes: torch.Tensor) -> torch.Tensor:
        return sum_of_harmonics(phase, f0_samples, amplitudes, self.spec.hop_length, self.fs)


class SawSing(_HarmonicsPlusNoise):
    """SawSing: a sawtooth through one filter that changes from frame to frame, and noise through another.

    Parameters
    ----------
    spec : FeatureSpec
    n_magnitudes : int >= 2, of the sawtooth's filter
    n_noise_magnitudes : int >= 2, of the noise's filter
    n_harmonics : int >= 1, of the sawtooth; None takes as many as reach the Nyquist frequency at 80 Hz
    **network_conf : further arguments of :class:`ControlNetwork`

    Source: D.-Y. Wu et al., "DDSP-based Singing Vocoders", ISMIR 2022.
    """

    def __init__(
        self,
        spec: FeatureSpec,
        n_magnitudes: int = 256,
        n_noise_magnitudes: int = 80,
        n_harmonics: Optional[int] = None,
        **network_conf,
    ):
        super().__init__(spec, n_harmonics, (n_magnitudes, n_noise_magnitudes), network_conf)
        self.add_fir("fir", n_magnitudes)
        self.add_fir("noise_fir", n_noise_magnitudes)
        levels = _SAWTOOTH_LEVEL / torch.arange(1, self.n_harmonics + 1)
        self.register_buffer("levels", levels, persistent=False)

    def forward(self, mel: torch.Tensor, f0: Optional[torch.Tensor] = None) -> torch.Tensor:
        phase, f0_samples = phase_of_samples("sawsing", f0, self.spec.hop_length, self.fs)
        magnitudes, noise_magnitudes = self.controls(mel)
        with torch.autocast(mel.device.type, enabled=False):
            sawtooth = self.harmonics(phase, f0_samples, self.levels.expand(*magnitudes.shape[:2], -1))
            noise = 2.0 * torch.rand_like(sawtooth) - 1.0
            wav = filter_frames(sawtooth, magnitudes, self.fir, self.window)
            return (wav + filter_frames(noise, noise_magnitudes, self.noise_fir, self.window))[:, None]


class DDSPSines(_HarmonicsPlusNoise):
    """The additive DDSP vocoder: a sine for every harmonic, its level from the network, and filtered noise.

    Parameters
    ----------
    spec : FeatureSpec
    n_noise_magnitudes : int >= 2, of the noise's filter
    n_harmonics : int >= 1; None takes as many as reach the Nyquist frequency at 80 Hz
    **network_conf : further arguments of :class:`ControlNetwork`

    Source: J. Engel et al., "DDSP", ICLR 2020, as D.-Y. Wu et al., "DDSP-based Singing Vocoders", ISMIR 2022, have it.
    """

    def __init__(
        self, spec: FeatureSpec, n_noise_magnitudes: int = 80, n_harmonics: Optional[int] = None, **network_conf
    ):
        super().__init__(spec, n_harmonics, (1, None, n_noise_magnitudes), network_conf)
        self.add_fir("noise_fir", n_noise_magnitudes)

    def forward(self, mel: torch.Tensor, f0: Optional[torch.Tensor] = None) -> torch.Tensor:
        phase, f0_samples = phase_of_samples("ddsp", f0, self.spec.hop_length, self.fs)
        level, shares, noise_magnitudes = self.controls(mel)
        with torch.autocast(mel.device.type, enabled=False):
            amplitudes = level * shares / shares.sum(dim=-1, keepdim=True)
            wav = self.harmonics(phase, f0_samples, amplitudes)
            noise = 2.0 * torch.rand_like(wav) - 1.0
            return (wav + filter_frames(noise, noise_magnitudes, self.noise_fir, self.window))[:, None]
