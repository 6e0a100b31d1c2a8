"""What the mel spectrogram already says about the spectral envelope."""

import math
from typing import Optional, Sequence

import numpy as np
import torch
from torch import nn

from espnet2_nhv.feature.mel_scale import mel_filters, mel_frequencies
from espnet2_nhv.feature.spec import FeatureSpec

# A frame whose loudest band is below the first level is silence and stays silent; above the second it sounds in full.
_SILENT_DB, _AUDIBLE_DB = -100.0, -90.0
_SILENCE_GAIN = -20.0  # nepers: more than the range of a filter's log magnitude


class MelPrior(nn.Module):
    """Cepstrum of the spectral envelope that a log-mel frame describes, by fixed linear algebra.

    A mel band is a weighted sum of STFT magnitudes; divided by the sum of the weights and by the gain of the
    analysis window it is the magnitude response that turns white excitation of unit power into that band's level.
    Interpolated over frequency and transformed, the bands become the minimum-phase cepstrum of that response.

    Parameters
    ----------
    spec : FeatureSpec
    quefrencies : sequence of int, those wanted, each once or more; negative ones are zero in a minimum-phase cepstrum
    n_fft : int > 2 * max(quefrencies)
    envelope : bool; without it the cepstrum is that of a flat response, and only silence is told

    Notes
    -----
    Buffers are derived from the spec, so they are not saved.
    """

    def __init__(self, spec: FeatureSpec, quefrencies: Sequence[int], n_fft: int, envelope: bool = True):
        super().__init__()
        level = unit_level(spec)
        to_cepstrum = minimum_phase(quefrencies, n_fft) @ band_interpolation(spec, n_fft)
        # Two excitations of unit power, one envelope: each takes half the power.
        offset = -to_cepstrum @ level * envelope - (np.asarray(quefrencies) == 0) * 0.5 * math.log(2)
        # The floor of the features is silence too, wherever the spec puts it.
        floor = float(np.max(math.log(spec.floor) - level))
        silent = max(_SILENT_DB * math.log(10) / 20, floor + 0.1)
        audible = silent + (_AUDIBLE_DB - _SILENT_DB) * math.log(10) / 20
        slope = -_SILENCE_GAIN / (audible - silent)

        def buffer(name, value):
            self.register_buffer(name, torch.as_tensor(value, dtype=torch.float32), persistent=False)

        buffer("to_cepstrum", to_cepstrum * spec.ln_base * envelope)
        buffer("offset", offset)
        buffer("loudness_slope", slope * spec.ln_base)
        buffer("loudness_offset", -slope * (level + audible))
        self.levels = [i for i, quefrency in enumerate(quefrencies) if quefrency == 0]

    def forward(self, mel: torch.Tensor, smooth: Optional[torch.Tensor] = None) -> torch.Tensor:
        """Cepstra of frames; silence has hardly a level.

        Parameters
        ----------
        mel : Tensor [shape=(B, T, n_mels)], raw log-mel
        smooth : Tensor [shape=(B, T, n_mels)] or None, a log-mel whose envelope is taken in place of that of `mel`

        Returns
        -------
        cepstrum : Tensor [shape=(B, T, len(quefrencies))]
        """
        cepstrum = torch.nn.functional.linear(mel if smooth is None else smooth, self.to_cepstrum, self.offset)
        silence_gain = self.silence_gain(mel)
        for level in self.levels:
            cepstrum[..., level] += silence_gain
        return cepstrum

    def silence_gain(self, mel: torch.Tensor) -> torch.Tensor:
        """Log gain of frames, ``(B, T)``, nepers: 0 where there is sound, far below where there is silence."""
        loudness = torch.addcmul(self.loudness_offset, mel, self.loudness_slope).amax(dim=-1)
        return loudness.clamp(_SILENCE_GAIN, 0.0)


def minimum_phase(quefrencies: Sequence[int], n_fft: int) -> np.ndarray:
    """Matrix ``(len(quefrencies), n_fft / 2 + 1)`` from a log magnitude to its minimum-phase cepstrum."""
    quefrency = np.asarray(quefrencies)[:, None]
    bins = np.arange(n_fft // 2 + 1)[None]
    weight = np.where((bins == 0) | (bins == n_fft // 2), 1.0, 2.0)
    fold = np.select([quefrency == 0, quefrency > 0], [1.0, 2.0], 0.0)  # the causal half carries both
    return fold * weight * np.cos(2 * np.pi * quefrency * bins / n_fft) / n_fft


def mel_bands(spec: FeatureSpec, norm: Optional[str] = "slaney") -> np.ndarray:
    """Weights ``(n_mels, n_fft / 2 + 1)`` of the bins in each mel band, as ESPnet's; None leaves the peaks at one."""
    return mel_filters(spec.fs, spec.n_fft, spec.n_mels, spec.fmin, spec.fmax, spec.mel_scale, norm)


def unit_level(spec: FeatureSpec) -> np.ndarray:
    """Log-mel ``(n_mels,)``, nepers, of white noise of unit power: what a level in a band is measured against."""
    window = getattr(torch, f"{spec.window}_window")(spec.win_length, dtype=torch.float64)
    return np.log(mel_bands(spec).sum(axis=1).clip(min=1e-12)) + 0.5 * math.log(window.square().sum().item())


def band_centres(spec: FeatureSpec) -> np.ndarray:
    """Frequencies ``(n_mels,)``, Hz, at which the bands peak."""
    return mel_frequencies(spec.n_mels + 2, spec.fmin, spec.fmax, spec.mel_scale)[1:-1]


def band_interpolation(spec: FeatureSpec, n_fft: int) -> np.ndarray:
    """Matrix ``(n_fft / 2 + 1, n_mels)`` that interpolates from band centres to bins, holding the outermost bands."""
    bins = np.arange(n_fft // 2 + 1) * spec.fs / n_fft
    return np.stack([np.interp(bins, band_centres(spec), row) for row in np.eye(spec.n_mels)], axis=1)
