"""How loud a frame is, by its mel."""

import torch
from torch import nn

from espnet2_nhv.feature.mel_scale import mel_filters
from espnet2_nhv.feature.spec import FeatureSpec

# Deviations by which the loudest frames of the training features lie above their mean.
_LOUD = 2.0


class MelLevel(nn.Module):
    """Root mean square of the samples around each frame, as far as the mel says.

    Amplitudes count as equal within a band: right within a decibel for noise, less so for a lone harmonic.

    Parameters
    ----------
    spec : FeatureSpec
    """

    def __init__(self, spec: FeatureSpec):
        super().__init__()
        self.ln_base = spec.ln_base
        bands = mel_filters(spec.fs, spec.n_fft, spec.n_mels, spec.fmin, spec.fmax, spec.mel_scale)
        bands = torch.from_numpy(bands).double()
        total = bands.sum(dim=1).clamp(min=1e-12)
        window = getattr(torch, f"{spec.window}_window")(spec.win_length, dtype=torch.float64, device="cpu")
        # Of every bin, its share in each band; a bin and its mirror image count twice.
        bins = (bands / bands.sum(dim=0).clamp(min=1e-12)).sum(dim=1)
        weights = 2 * bins / total.square() / (spec.n_fft * window.square().sum())
        self.register_buffer("log_weights", weights.log().float()[:, None], persistent=False)

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """Raw log-mel ``(B, n_mels, T)`` of the spec to levels ``(B, 1, T)``."""
        return (torch.logsumexp(2 * mel.float() * self.ln_base + self.log_weights, dim=1, keepdim=True) / 2).exp()

    def loudest(self, mean: torch.Tensor, std: torch.Tensor) -> torch.Tensor:
        """Level ``(1, 1, 1)`` of the loudest frames, by mean and deviation of features, each ``(n_mels, 1)``."""
        return self((mean + _LOUD * std)[None])
