"""DSPGAN: a HiFi-GAN that reads the mel of what a synthesiser of harmonics and noise has made, and sines beside it."""

import dataclasses
from typing import Any, Dict, Optional, Sequence, Tuple

import torch
from torch import nn

from espnet2_nhv.feature.mel import LogMel
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.loss.stft import MultiResolutionSTFTLoss
from espnet2_nhv.vocoder.base import AbsVocoder
from espnet2_nhv.vocoder.ddsp import SawSing
from espnet2_nhv.vocoder.excitation import phase_of_samples, sine
from espnet2_nhv.vocoder.source_hifigan import SourceHiFiGAN
from espnet2_nhv.vocoder.unsaved import unsaved
from espnet2_nhv.vocoder.upsampling import check_scales
from espnet2_nhv.vocoder.weight_norm import remove_weight_norm

_SINE_LEVEL, _NOISE_LEVEL = 0.1, 0.003


class DSPGAN(AbsVocoder):
    """Source-filter synthesis first, then HiFi-GAN with the mel of its result and a source of sines.

    What the network reads is always the mel of a waveform, in training and from an acoustic model: both come out of the
    same synthesiser. The loss of its own, ``dsp``, is the STFT loss of that synthesiser, which no other loss reaches;
    the authors train it beforehand. It is SawSing's here, the project's own of that kind.

    Parameters
    ----------
    spec : FeatureSpec
    channels : int, multiple of 2 to the number of scales, of the network's first layer
    upsample_scales : sequence of int whose product is `spec.hop_length`, or None for what follows from it
    n_overtones : int >= 0, sines above F0 in the source
    dsp_conf : dict, arguments of :class:`~espnet2_nhv.vocoder.ddsp.SawSing`

    Source: K. Song et al., "DSPGAN: a GAN-based universal vocoder for high-fidelity TTS by time-frequency domain
    supervision from DSP", ICASSP 2023.
    """

    needs_f0 = True
    own_losses = ("dsp",)

    def __init__(
        self,
        spec: FeatureSpec,
        channels: int = 512,
        upsample_scales: Optional[Sequence[int]] = None,
        n_overtones: int = 7,
        dsp_conf: Optional[Dict[str, Any]] = None,
    ):
        super().__init__(spec)
        scales = check_scales("dspgan", upsample_scales, spec.hop_length, count=4)
        self.n_overtones = n_overtones
        self.dsp = SawSing(spec, **(dsp_conf or {}))
        self.merge = nn.Linear(n_overtones + 1, 1)
        self.generator = SourceHiFiGAN(
            "dspgan", spec.n_mels, channels, scales, range(len(scales)), source_rate=spec.hop_length
        )
        self.log_mel = unsaved(LogMel(dataclasses.replace(spec, frame_centre=0.0)))
        self.dsp_loss = MultiResolutionSTFTLoss()

    def set_stats(self, mean: torch.Tensor, std: torch.Tensor) -> None:
        super().set_stats(mean, std)
        self.dsp.set_stats(mean, std)

    def forward(self, mel: torch.Tensor, f0: Optional[torch.Tensor] = None) -> torch.Tensor:
        return self._refined(self.dsp(mel, f0), f0)

    def forward_with_losses(
        self, mel: torch.Tensor, f0: Optional[torch.Tensor], wav: torch.Tensor
    ) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
        rough = self.dsp(mel, f0)
        return self._refined(rough, f0), dict(dsp=self.dsp_loss(rough, wav))

    def _refined(self, rough: torch.Tensor, f0: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            mel = self.log_mel(rough[:, 0])
        phase, _ = phase_of_samples("dspgan", f0, self.spec.hop_length, self.fs)
        sines = torch.stack([sine(phase, k) for k in range(1, self.n_overtones + 2)], dim=-1)
        sines = _SINE_LEVEL * sines + _NOISE_LEVEL * torch.randn_like(sines)
        source = torch.tanh(self.merge(sines)).transpose(1, 2)
        return self.generator(self.normalize(mel), source)

    def fuse(self) -> "DSPGAN":
        remove_weight_norm(self)
        return self
