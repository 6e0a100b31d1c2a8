"""Loss on how loud mel bands are."""

import dataclasses

import torch

from espnet2_nhv.feature.mel import LogMel
from espnet2_nhv.feature.spec import FeatureSpec


class BandLevelLoss(torch.nn.Module):
    """Mean absolute difference of the levels of mel bands, half the logarithm of the power in each, in nepers.

    An STFT loss compares single bins, in which noise never agrees; what is left of a wrong level is a small part of it.
    Here the bins of a band are added up first, as power, and what remains is the level.

    Parameters
    ----------
    spec : FeatureSpec, of the bands and frames
    """

    def __init__(self, spec: FeatureSpec):
        super().__init__()
        # What ESPnet's front-end is made of; the constants in which its bands differ from means cancel.
        self.fbank = LogMel(dataclasses.replace(spec, log_base=None)).fbank
        self.shortest = spec.n_fft // 2 + 1  # that can be mirrored at its ends

    def forward(self, wav_hat: torch.Tensor, wav: torch.Tensor) -> torch.Tensor:
        """The loss of `wav_hat` against the reference `wav`.

        Parameters
        ----------
        wav_hat, wav : Tensor [shape=(B, 1, L)], any floating type

        Returns
        -------
        loss : Tensor [shape=(), dtype=float32], >= 0
        """
        with torch.no_grad():
            target = self._levels(wav[:, 0])
        return torch.nn.functional.l1_loss(self._levels(wav_hat[:, 0]), target)

    def _levels(self, wav: torch.Tensor) -> torch.Tensor:
        # Half precision loses the quiet bands.
        with torch.autocast(wav.device.type, enabled=False):
            wav = torch.nn.functional.pad(wav.float(), (0, max(0, self.shortest - wav.shape[-1])))
            spectrum, _ = self.fbank.stft(wav)
            log_power, _ = self.fbank.logmel(spectrum.square().sum(dim=-1))
        return 0.5 * log_power
