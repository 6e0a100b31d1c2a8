"""FreeV: APNet2 whose amplitude is for the most part the mel's pseudo-inverse."""

from typing import Optional, Tuple

import torch

from espnet2_nhv.dsp.inverse_stft import one_frame_more
from espnet2_nhv.feature.mel_scale import mel_filters
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.vocoder.apnet2 import APNet2, ConvNeXtV2Block

_FLOOR = 1e-5


class FreeV(APNet2):
    """APNet2 whose amplitude network is one block over what the mel itself says of the amplitude.

    The losses of its own are APNet2's.

    Parameters
    ----------
    spec : FeatureSpec
    channels, n_blocks : int >= 1, of the phase network
    hidden : int >= 1, of both
    n_fft : int, at least 2 hop_length; None takes 4 hop_length

    Source: Y. Lv et al., "FreeV: Free Lunch For Vocoders Through Pseudo Inversed Mel Filter", Interspeech 2024.
    """

    def __init__(
        self,
        spec: FeatureSpec,
        channels: int = 512,
        hidden: int = 1536,
        n_blocks: int = 8,
        n_fft: Optional[int] = None,
    ):
        super().__init__(spec, channels, hidden, n_blocks, n_fft)
        n_fft = len(self.window)
        self.amplitude = ConvNeXtV2Block(n_fft // 2 + 1, hidden)
        for layer in (self.amplitude.mix, self.amplitude.widen, self.amplitude.narrow):
            torch.nn.init.trunc_normal_(layer.weight, std=0.02)
            torch.nn.init.zeros_(layer.bias)
        self.register_buffer("inverse_mel", _inverse_mel(spec, n_fft), persistent=False)

    def spectra(self, mel: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
        mel = one_frame_more(mel)
        real, imaginary = self.phase(self.normalize(mel)).chunk(2, dim=1)
        return self.amplitude(self.mel_amplitude(mel)), torch.atan2(imaginary, real)

    def mel_amplitude(self, mel: torch.Tensor) -> torch.Tensor:
        """Log amplitude ``(B, n_fft / 2 + 1, T)`` that the mel stands for at least, by least squares."""
        return (self.inverse_mel @ torch.exp(mel * self.spec.ln_base)).abs().clamp(min=_FLOOR).log()


def _inverse_mel(spec: FeatureSpec, n_fft: int) -> torch.Tensor:
    """From mel amplitudes to those of a Hann-windowed transform of `n_fft`; ``(n_fft / 2 + 1, n_mels)``."""
    bands = mel_filters(spec.fs, n_fft, spec.n_mels, spec.fmin, spec.fmax, spec.mel_scale)
    inverse = torch.linalg.pinv(torch.from_numpy(bands).double())
    # The spec's transform has more bins in a band or fewer, and a longer window or a shorter one.
    window = getattr(torch, f"{spec.window}_window")(spec.win_length, device="cpu")
    level = torch.hann_window(n_fft, device="cpu").norm() / window.norm()
    return (inverse * (n_fft / spec.n_fft * level)).float()
