"""Vocos, of its authors' own package, on our contract."""

from typing import Optional

import torch
from vocos.heads import ISTFTHead
from vocos.models import VocosBackbone

from espnet2_nhv.dsp.inverse_stft import one_frame_more
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.vocoder.base import AbsVocoder


class Vocos(AbsVocoder):
    """ConvNeXt blocks at the frame rate, then an inverse STFT.

    The package bounds magnitudes at 100, which a sine of amplitude ``400 / n_fft`` reaches.

    Parameters
    ----------
    spec : FeatureSpec
    channels, hidden, n_blocks : int >= 1
    n_fft : int, at least 2 hop_length; None takes 4 hop_length

    Source: H. Siuzdak, "Vocos", ICLR 2024, through the package of that name.
    """

    def __init__(
        self,
        spec: FeatureSpec,
        channels: int = 512,
        hidden: int = 1536,
        n_blocks: int = 8,
        n_fft: Optional[int] = None,
    ):
        super().__init__(spec)
        n_fft = 4 * spec.hop_length if n_fft is None else n_fft
        self.backbone = VocosBackbone(spec.n_mels, channels, hidden, n_blocks)
        # Centred, for the package's other kind of padding puts frame i half a hop later than our features have it.
        self.head = ISTFTHead(channels, n_fft, spec.hop_length, padding="center")

    def forward(self, mel: torch.Tensor, f0: Optional[torch.Tensor] = None) -> torch.Tensor:
        numbers = self.backbone(one_frame_more(self.normalize(mel)))
        # Half precision has no complex numbers worth the name.
        with torch.autocast(mel.device.type, enabled=False):
            return self.head(numbers.float())[:, None]
