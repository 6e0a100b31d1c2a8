"""A vocoder of our registry as the decoder of VISinger."""

from typing import Any, Dict, Optional

import torch
from espnet2.gan_svs.vits.generator import VISingerGenerator

from espnet2_nhv.errors import UserError
from espnet2_nhv.espnet.pitch import continuous_f0
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.vocoder.registry import VOCODERS, build_vocoder

# What ESPnet has by itself.
_STOCK = ("uhifigan", "hifigan", "avocodo", "visinger2")


def uses_ours(name: Optional[str], arguments: Optional[Dict[str, Any]]) -> bool:
    """Whether `vocoder_generator_type` means our vocoder: where ESPnet has one of that name, only with arguments."""
    return name in VOCODERS and (name not in _STOCK or arguments is not None)


class LatentDecoder(torch.nn.Module):
    """Latent features and F0 to a waveform, called as VISinger calls its U-HiFi-GAN.

    A convolution turns latent features into log-mel of the vocoder's spec: of whatever size they are in training, it
    begins at the level of quiet singing. What the vocoder makes of mel stays as it is.

    Parameters
    ----------
    hidden_channels : int, of the latent features
    global_channels : int, of the speaker's embedding; <= 0 for none
    vocoder : AbsVocoder
    """

    def __init__(self, hidden_channels: int, global_channels: int, vocoder: torch.nn.Module):
        super().__init__()
        self.vocoder = vocoder
        self.to_mel = torch.nn.Conv1d(hidden_channels, vocoder.spec.n_mels, 7, padding=3)
        torch.nn.init.constant_(self.to_mel.bias, -2.0 * 2.302585 / vocoder.spec.ln_base)
        self.global_conv = torch.nn.Conv1d(global_channels, vocoder.spec.n_mels, 1) if global_channels > 0 else None

    def forward(self, c: torch.Tensor, excitation: torch.Tensor, g: Optional[torch.Tensor] = None) -> torch.Tensor:
        """``(B, hidden_channels, T)`` and F0 in Hz ``(B, 1, T * hop_length)`` to ``(B, 1, T * hop_length)``."""
        mel = self.to_mel(c)
        if g is not None and self.global_conv is not None:
            mel = mel + self.global_conv(g)
        if not self.vocoder.needs_f0:
            return self.vocoder(mel)
        f0 = excitation[:, 0, :: self.vocoder.spec.hop_length][:, : c.shape[-1]]
        f0 = continuous_f0(f0, f0 > 16.0, self.vocoder.spec)
        return self.vocoder(mel, f0[:, None])


class _F0AsItIs(torch.nn.Module):
    """Stands where VISinger makes a sine of F0: the vocoder makes its own excitation."""

    def forward(self, f0: torch.Tensor):
        return f0, None, None


class VISinger(VISingerGenerator):
    """ESPnet's VISinger (and VISinger 2), whose `vocoder_generator_type` may also be a row of our registry.

    Parameters
    ----------
    vocoder_generator_type : ESPnet's names or a row of our registry
    vocoder_arguments : dict, of our vocoder's class, and `spec`
    **arguments : of ESPnet's class

    Raises
    ------
    UserError
        If there is no such vocoder, or it does not make hop_length samples a frame.
    """

    def __init__(
        self, *, vocoder_generator_type: str = "hifigan", vocoder_arguments: Optional[Dict[str, Any]] = None,
        **arguments,
    ):  # fmt: skip
        if not uses_ours(vocoder_generator_type, vocoder_arguments):
            if vocoder_generator_type not in _STOCK:
                raise UserError(
                    f"vocoder_generator_type: there is no vocoder {vocoder_generator_type!r}; there are "
                    f"{', '.join(sorted({*_STOCK, *VOCODERS}))}"
                )
            super().__init__(vocoder_generator_type=vocoder_generator_type, **arguments)
            return
        # ESPnet insists on building a decoder of its own first: the smallest there is.
        small = dict(decoder_channels=16, decoder_upsample_scales=[1], decoder_upsample_kernel_sizes=[2])
        super().__init__(vocoder_generator_type="hifigan", **{**arguments, **small})
        options = dict(vocoder_arguments or {})
        vocoder = build_vocoder(vocoder_generator_type, FeatureSpec.from_dict(options.pop("spec")), **options)
        if vocoder.upsample_factor != self.hop_length:
            raise UserError(
                f"vocoder_generator_type {vocoder_generator_type} makes {vocoder.upsample_factor} samples a frame, but "
                f"hop_length in mel_loss_params is {self.hop_length}"
            )
        self.decoder = LatentDecoder(self.hidden_channels, arguments.get("global_channels", -1), vocoder)
        self.vocoder_arguments = vocoder_arguments
        self.upsample_factor = vocoder.upsample_factor
        self.sine_generator = _F0AsItIs()
        self.vocoder_generator_type = "uhifigan"  # the one decoder ESPnet gives F0
        self.expand_f0_method = "repeat"
