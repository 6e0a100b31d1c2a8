"""Griffin-Lim: the phase that agrees best with the mel's magnitudes."""

from typing import Optional

import torch
from torchaudio.functional import griffinlim

from espnet2_nhv.feature.mel_scale import mel_filters
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.vocoder.base import AbsVocoder


class GriffinLim(AbsVocoder):
    """Magnitudes by the mel filters' pseudo-inverse, phases by torchaudio's fast Griffin-Lim. Nothing is trained.

    Parameters
    ----------
    spec : FeatureSpec
    n_iter : int >= 1
    momentum : float in [0, 1)

    Source: N. Perraudin et al., "A Fast Griffin-Lim Algorithm", WASPAA 2013.
    """

    trainable = False

    def __init__(self, spec: FeatureSpec, n_iter: int = 32, momentum: float = 0.99):
        super().__init__(spec)
        self.n_iter, self.momentum = n_iter, momentum
        bands = mel_filters(spec.fs, spec.n_fft, spec.n_mels, spec.fmin, spec.fmax, spec.mel_scale)
        # Derived from the spec, so not saved.
        self.register_buffer("inverse_mel", torch.linalg.pinv(torch.from_numpy(bands)), persistent=False)
        window = getattr(torch, f"{spec.window}_window")(spec.win_length)
        self.register_buffer("window", window, persistent=False)

    def forward(self, mel: torch.Tensor, f0: Optional[torch.Tensor] = None) -> torch.Tensor:
        spec, n_frames = self.spec, mel.shape[-1]
        # The frame after the last, which features leave out and an STFT has.
        mel = torch.cat([mel, mel[..., -1:]], dim=-1)
        magnitude = (self.inverse_mel @ torch.exp(mel * spec.ln_base)).clamp(min=0.0)
        # Padding mirrors the signal, which has to be as long as half a transform.
        shortest = spec.n_fft // 2 // spec.hop_length + 2
        missing = max(0, shortest - magnitude.shape[-1])
        magnitude = torch.cat([magnitude, torch.zeros_like(magnitude[..., :1]).expand(-1, -1, missing)], dim=-1)
        wav = griffinlim(
            magnitude,
            window=self.window,
            n_fft=spec.n_fft,
            hop_length=spec.hop_length,
            win_length=spec.win_length,
            power=1.0,
            n_iter=self.n_iter,
            momentum=self.momentum,
            length=(magnitude.shape[-1] - 1) * spec.hop_length,
            rand_init=True,
        )
        return wav[:, None, : n_frames * spec.hop_length]
