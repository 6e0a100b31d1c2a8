"""Multi-resolution STFT loss."""

from typing import Optional, Sequence, Tuple

import torch

from espnet2_nhv.errors import UserError

# From 3 ms, which sees single pulses, to 93 ms, which sees single harmonics of a low voice (at 44.1 kHz).
DEFAULT_RESOLUTIONS = (
    (128, 32, 128),
    (256, 64, 256),
    (512, 128, 512),
    (1024, 256, 1024),
    (2048, 512, 2048),
    (4096, 1024, 4096),
)


class MultiResolutionSTFTLoss(torch.nn.Module):
    """How far two signals' magnitude spectra are apart, averaged over resolutions.

    With ``M = sqrt(|STFT|^2 + floor^2)`` of both signals, M' that of the reference, at each resolution it is the sum of

    - ``linear_weight * mean|M - M'| / mean(M')``, means over the batch
    - ``log_weight * mean|ln M - ln M'|``, means over the batch
    - ``convergence_weight * ||M - M'|| / ||M'||``, norms over each signal, then their mean

    The window has unit power: a magnitude means the same at every resolution (white noise of deviation s has
    magnitudes about s). So does the floor, which keeps silence from counting and the gradient finite where a magnitude
    is zero; the default is the level of 16-bit quantisation noise.

    Parameters
    ----------
    resolutions : sequence of (n_fft, hop_length, win_length), samples, 0 < hop_length and 0 < win_length <= n_fft
    linear_weight, log_weight, convergence_weight : float >= 0, not all 0
    floor : float > 0, magnitude

    Raises
    ------
    UserError
        If a parameter is outside its range.

    Source: R. Yamamoto et al., "Parallel WaveGAN", ICASSP 2020, https://arxiv.org/abs/1910.11480 (the sum over
    resolutions and both kinds of terms); S. Ö. Arik et al., "Fast Spectrogram Inversion using Multi-head
    Convolutional Neural Networks", 2018, https://arxiv.org/abs/1808.06719 (spectral convergence, log magnitude).
    """

    def __init__(
        self,
        resolutions: Sequence[Tuple[int, int, int]] = DEFAULT_RESOLUTIONS,
        linear_weight: float = 1.0,
        log_weight: float = 1.0,
        convergence_weight: float = 0.0,
        floor: float = 1e-5,
    ):
        super().__init__()
        self.resolutions = [tuple(int(value) for value in resolution) for resolution in resolutions]
        for resolution in self.resolutions:
            if len(resolution) != 3 or min(resolution) < 1 or resolution[2] > resolution[0]:
                raise UserError(
                    f"STFT loss: resolution {list(resolution)} is not [n_fft, hop_length, win_length] "
                    "with win_length <= n_fft"
                )
        weights = linear_weight, log_weight, convergence_weight
        if not self.resolutions or min(weights) < 0 or max(weights) == 0 or not floor > 0:
            raise UserError("STFT loss: give a resolution, weights of 0 or more (one above 0) and a floor above 0")
        self.linear_weight, self.log_weight, self.convergence_weight = weights
        self.floor = floor
        for index, (_, _, win_length) in enumerate(self.resolutions):
            window = torch.hann_window(win_length, dtype=torch.float64)
            self.register_buffer(f"window{index}", (window / window.norm()).float(), persistent=False)

    def forward(
        self, wav_hat: torch.Tensor, wav: torch.Tensor, relative_to: Optional[torch.Tensor] = None
    ) -> torch.Tensor:
        """The loss of `wav_hat` against the reference `wav`.

        Parameters
        ----------
        wav_hat, wav : Tensor [shape=(..., N)], any floating type
        relative_to : Tensor [shape=(..., N)], the M' of the linear term's divisor, where it is not that of `wav`

        Returns
        -------
        loss : Tensor [shape=(), dtype=float32], >= 0
        """
        return _OneResolutionAtATime.apply(wav_hat, wav, wav if relative_to is None else relative_to, self)

    def distance(self, wav_hat: torch.Tensor, wav: torch.Tensor, relative_to: torch.Tensor, index: int) -> torch.Tensor:
        """The loss at one resolution; parameters as for :meth:`forward`."""
        with torch.no_grad():
            target = self.magnitude(wav, index)
            level = (target if relative_to is wav else self.magnitude(relative_to, index)).mean()
        return self._distance(self.magnitude(wav_hat, index), target, level)

    def magnitude(self, wav: torch.Tensor, index: int) -> torch.Tensor:
        """Floored magnitudes ``(B, n_fft / 2 + 1, frames)`` of signals ``(..., N)`` at one of the resolutions."""
        n_fft, hop_length, win_length = self.resolutions[index]
        spectrum = torch.stft(
            wav.reshape(-1, wav.shape[-1]).float(),
            n_fft,
            hop_length,
            win_length,
            window=getattr(self, f"window{index}"),
            pad_mode="constant",  # reflection would refuse signals shorter than half a window
            return_complex=True,
        )
        return torch.hypot(spectrum.abs(), spectrum.real.new_tensor(self.floor))

    def _distance(self, magnitude: torch.Tensor, target: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
        difference = magnitude - target
        loss = magnitude.new_zeros(())
        if self.linear_weight:
            loss = loss + self.linear_weight * difference.abs().mean() / level
        if self.log_weight:
            loss = loss + self.log_weight * (magnitude.log() - target.log()).abs().mean()
        if self.convergence_weight:
            norms = difference.flatten(1).norm(dim=1) / target.flatten(1).norm(dim=1)
            loss = loss + self.convergence_weight * norms.mean()
        return loss


class _OneResolutionAtATime(torch.autograd.Function):
    """Mean of the distances over resolutions, its gradient made along with it.

    Spectra at all resolutions together take more memory than all else in a generator's training step. Each gradient
    being made while its spectra are at hand, those of one resolution are held at a time, and nothing is computed twice.
    """

    @staticmethod
    def forward(ctx, wav_hat, wav, relative_to, loss):
        wanted = ctx.needs_input_grad[0]
        total, gradient = 0.0, torch.zeros_like(wav_hat, dtype=torch.float32)
        # Spectra span more decades than half precision has.
        with torch.autocast(wav.device.type, enabled=False), torch.set_grad_enabled(wanted):
            for index in range(len(loss.resolutions)):
                leaf = wav_hat.detach().float().requires_grad_(wanted)
                distance = loss.distance(leaf, wav, relative_to, index) / len(loss.resolutions)
                total = total + distance.detach()
                if wanted:
                    gradient += torch.autograd.grad(distance, leaf)[0]
        ctx.save_for_backward(gradient.to(wav_hat.dtype))
        return total

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad_output):
        return grad_output * ctx.saved_tensors[0], None, None, None
