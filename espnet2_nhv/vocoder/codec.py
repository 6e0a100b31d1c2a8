"""ESPnet's neural codecs on the contract: a recording made numbers and sound again, trained here as vocoders are."""

import math
from typing import Dict, Optional, Sequence, Tuple

import torch
from espnet2.gan_codec.soundstream.soundstream import SoundStreamGenerator

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.vocoder.base import AbsVocoder


class SoundStream(AbsVocoder):
    """SoundStream, as ESPnet has it: 11.0 kbit/s at 44.1 kHz, a bound to compare with that no acoustic model drives.

    The losses of its own are ``commitment``, how far the encoder is from the codebooks (ESPnet's commitment and
    quantisation losses), and ``waveform``, the mean absolute difference of samples.

    Parameters
    ----------
    spec : FeatureSpec; of it, the sampling rate
    filters, dimension : int >= 1, of encoder and decoder, and of what is quantised
    ratios : sequence of int, whose product is how many samples a code stands for
    n_codebooks : int >= 1
    codebook_size : int >= 2
    kmeans_iters : int >= 1, of starting the codebooks, on the first batch

    Attributes
    ----------
    bitrate : float, bit/s

    Source: N. Zeghidour et al., "SoundStream", IEEE/ACM TASLP 2022, as ESPnet's ``gan_codec/soundstream`` has it.
    """

    needs_wav = True
    own_losses = ("commitment", "waveform")

    def __init__(
        self,
        spec: FeatureSpec,
        filters: int = 32,
        dimension: int = 128,
        ratios: Sequence[int] = (8, 5, 4, 2),
        n_codebooks: int = 8,
        codebook_size: int = 1024,
        kmeans_iters: int = 10,
    ):
        super().__init__(spec)
        self.stride = math.prod(ratios)
        self.bitrate = spec.fs / self.stride * n_codebooks * math.log2(codebook_size)
        self.generator = SoundStreamGenerator(
            sample_rate=spec.fs,
            hidden_dim=dimension,
            encdec_n_filters=filters,
            encdec_ratios=list(ratios),
            quantizer_n_q=n_codebooks,
            quantizer_bins=codebook_size,
            quantizer_kmeans_iters=kmeans_iters,
        )

    def forward(self, mel: torch.Tensor, f0: Optional[torch.Tensor] = None) -> torch.Tensor:
        raise UserError("a codec reads a recording: features alone do not drive it")

    def forward_with_losses(
        self, mel: torch.Tensor, f0: Optional[torch.Tensor], wav: torch.Tensor
    ) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
        made, hidden, quantised, commitment = self._through(wav)
        target = quantised.detach()
        distance = (hidden - target).abs().mean() + (hidden - target).square().mean()
        return made, dict(commitment=commitment.mean() + distance, waveform=(made - wav).abs().mean())

    def resynthesize(self, wav: Optional[torch.Tensor], n_samples: int) -> torch.Tensor:
        if wav is None:
            raise UserError(
                "a codec reads a recording: features alone do not drive it; decoding a set that has a wav.scp does"
            )
        wav = torch.as_tensor(wav, dtype=torch.float32, device=self.device)
        wav = torch.nn.functional.pad(wav, (0, max(0, n_samples - len(wav))))[:n_samples]
        return self._through(wav[None, None])[0][0, 0]

    def _through(self, wav: torch.Tensor):
        """What comes out of ``(B, 1, N)``, as long as it; what was quantised, to what, and the losses of that."""
        n_samples = wav.shape[-1]
        # Whole codes, and more of them than the encoder mirrors at its ends.
        whole = max(-(-n_samples // self.stride), 4) * self.stride
        with torch.autocast(wav.device.type, enabled=False):
            hidden = self.generator.encoder(torch.nn.functional.pad(wav.float(), (0, whole - n_samples)))
            quantised, _, commitment = self.generator.quantizer.vq(hidden)
            made = self.generator.decoder(quantised)[..., :n_samples]
        return made, hidden, quantised, commitment


class EnCodec(SoundStream):
    """EnCodec, as ESPnet has it: SoundStream's network at 11.0 kbit/s under another discriminator.

    Source: A. Défossez et al., "High Fidelity Neural Audio Compression", TMLR 2023, as ESPnet's ``gan_codec/encodec``
    has it.
    """
