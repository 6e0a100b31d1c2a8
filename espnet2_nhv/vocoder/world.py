"""WORLD: what classical analysis-synthesis can do at best, for it sees the recording itself."""

from typing import Optional

import numpy as np
import pyworld
import torch

from espnet2_nhv.errors import UserError
from espnet2_nhv.vocoder.base import AbsVocoder


class World(AbsVocoder):
    """Harvest, CheapTrick and D4C take a recording apart, WORLD's synthesis puts it together. Nothing is trained.

    It keeps 1025 numbers of envelope and as many of aperiodicity every 5 ms, which no mel spectrogram has: a bound to
    compare with, not a vocoder that an acoustic model could drive.

    Source: M. Morise et al., "WORLD", IEICE Transactions 2016, as in pyworld.
    """

    trainable = False
    needs_wav = True

    def forward(self, mel: torch.Tensor, f0: Optional[torch.Tensor] = None) -> torch.Tensor:
        raise UserError("world analyses a recording: features alone do not drive it")

    def resynthesize(self, wav: Optional[torch.Tensor], n_samples: int) -> torch.Tensor:
        if wav is None:
            raise UserError(
                "world analyses a recording: features alone do not drive it; decoding a set that has a wav.scp does"
            )
        samples = np.ascontiguousarray(torch.as_tensor(wav).double().cpu().numpy())
        f0, times = pyworld.harvest(samples, self.fs, f0_floor=self.spec.f0_floor, f0_ceil=self.spec.f0_ceil)
        envelope = pyworld.cheaptrick(samples, f0, times, self.fs, f0_floor=self.spec.f0_floor)
        aperiodicity = pyworld.d4c(samples, f0, times, self.fs, fft_size=2 * (envelope.shape[1] - 1))
        made = torch.from_numpy(pyworld.synthesize(f0, envelope, aperiodicity, self.fs)).float()
        return torch.nn.functional.pad(made, (0, max(0, n_samples - len(made))))[:n_samples].to(self.mel_mean.device)
