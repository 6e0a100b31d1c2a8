"""Losses of predicted amplitude and phase spectra."""

import math
from typing import Dict

import torch

from espnet2_nhv.dsp.inverse_stft import magnitude

_FLOOR = 1e-5


class AmplitudePhaseLoss(torch.nn.Module):
    """How far amplitude and phase spectra are from those of the recording, and from being spectra of any signal.

    - ``amplitude``: mean square difference of log amplitudes
    - ``phase``: mean difference of phases, of their differences from bin to bin (group delay) and from frame to frame
      (frequency), each taken to the nearest whole turn
    - ``consistency``: mean square difference of the spectra and the STFT of the waveform that was made of them
    - ``real_imaginary``: mean absolute difference of real parts, plus that of imaginary parts

    Parameters
    ----------
    n_fft, hop_length : int >= 1, samples, of the spectra

    Source: Y. Ai and Z.-H. Ling, "APNet", IEEE/ACM TASLP 2023; the same in H.-P. Du et al., "APNet2", NCMMSC 2023.
    """

    names = ("amplitude", "phase", "consistency", "real_imaginary")

    def __init__(self, n_fft: int, hop_length: int):
        super().__init__()
        self.n_fft, self.hop_length = n_fft, hop_length
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)

    def forward(
        self, log_amplitude: torch.Tensor, phase: torch.Tensor, wav_hat: torch.Tensor, wav: torch.Tensor
    ) -> Dict[str, torch.Tensor]:
        """The four losses.

        Parameters
        ----------
        log_amplitude : Tensor [shape=(B, n_fft / 2 + 1, T + 1)], nepers, predicted
        phase : Tensor [shape=(B, n_fft / 2 + 1, T + 1)], radian, predicted
        wav_hat : Tensor [shape=(B, 1, T * hop_length)], made of the two
        wav : Tensor [shape=(B, 1, T * hop_length)], the recording
        """
        with torch.autocast(wav.device.type, enabled=False):
            log_amplitude, phase = log_amplitude.float(), phase.float()
            target, again = self.stft(wav), self.stft(wav_hat)
            spectrum = torch.polar(magnitude(log_amplitude), phase)
            target_phase = torch.angle(target)
            error = phase - target_phase
            turns = [error, error.diff(dim=1), error.diff(dim=2)]
            difference, inconsistency = spectrum - target, spectrum - again
            return dict(
                amplitude=(log_amplitude - target.abs().clamp(min=_FLOOR).log()).square().mean(),
                phase=sum(_from_whole_turns(turn).mean() for turn in turns),
                consistency=(inconsistency.real.square() + inconsistency.imag.square()).mean(),
                real_imaginary=difference.real.abs().mean() + difference.imag.abs().mean(),
            )

    def stft(self, wav: torch.Tensor) -> torch.Tensor:
        """Spectra ``(B, n_fft / 2 + 1, T + 1)`` of ``(B, 1, T * hop_length)``, frame i around ``i * hop_length``."""
        return torch.stft(
            wav[:, 0].float(), self.n_fft, self.hop_length, window=self.window, pad_mode="constant", return_complex=True
        )


def _from_whole_turns(angle: torch.Tensor) -> torch.Tensor:
    """Distance of an angle, radian, from the nearest multiple of a whole turn."""
    return (angle - 2 * math.pi * torch.round(angle / (2 * math.pi))).abs()
