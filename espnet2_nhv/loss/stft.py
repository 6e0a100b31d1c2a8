"""Multi-resolution STFT loss."""

from typing import List, Optional, Sequence, Tuple

import torch

from espnet2_nhv.dsp.short_time import add_power_gradient, power, short_time_spectra, signals_a_block
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
    n_drawn : int >= 1 or None, in training mode so many of the resolutions are drawn anew at each call, which costs as
        much less and is the same in the mean; None takes all

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
        n_drawn: Optional[int] = None,
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
        if n_drawn is not None and not 1 <= n_drawn <= len(self.resolutions):
            raise UserError(f"STFT loss: n_drawn is {n_drawn}, but there are {len(self.resolutions)} resolutions")
        self.n_drawn = n_drawn
        self.linear_weight, self.log_weight, self.convergence_weight = weights
        self.floor = floor
        for index, (_, _, win_length) in enumerate(self.resolutions):
            window = torch.hann_window(win_length, dtype=torch.float64)
            self.register_buffer(f"window{index}", (window / window.norm()).float(), persistent=False)

    def forward(self, wav_hat: torch.Tensor, wav: torch.Tensor) -> torch.Tensor:
        """The loss of `wav_hat` against the reference `wav`.

        Parameters
        ----------
        wav_hat, wav : Tensor [shape=(..., N)], any floating type

        Returns
        -------
        loss : Tensor [shape=(), dtype=float32], >= 0; its gradient reaches `wav_hat` alone
        """
        return self._weighted(wav_hat, (wav,), (1.0,))[0]

    def energy_distance(
        self, wav_hat: torch.Tensor, wav: torch.Tensor, another: torch.Tensor, attraction: float, repulsion: float
    ) -> Tuple[torch.Tensor, torch.Tensor]:
        """Attracted by the reference `wav`, repelled by `another` draw of the same generator.

        A distance to the recording alone prefers a buzz, which is the same every time, to noise, which never is that of
        the recording; with both at one weight the sum is an energy distance, least when noise is noise.

        Parameters
        ----------
        wav_hat, wav, another : Tensor [shape=(..., N)], any floating type; `another` counts as a constant
        attraction, repulsion : float >= 0, weights

        Returns
        -------
        loss : Tensor [shape=(), dtype=float32], ``attraction * d(wav_hat, wav) - repulsion * d(wav_hat, another) / 2``.
            The gradient of the second term is whole, not half: that of the other draw is as large and not computed
        distances : Tensor [shape=(2,)], both d, without gradient; linear terms are relative to `wav`

        Source: A. Gritsenko et al., "A Spectral Energy Distance for Parallel Speech Synthesis", NeurIPS 2020.
        """
        loss, distances = self._weighted(wav_hat, (wav, another), (attraction, -repulsion))
        return loss + 0.5 * repulsion * distances[1], distances

    def _weighted(self, wav_hat, wavs, weights):
        wanted = wav_hat.requires_grad and torch.is_grad_enabled()
        return _OneBlockAtATime.apply(wav_hat, wavs, weights, self, wanted)

    def indices(self) -> List[int]:
        """Which resolutions count in this call."""
        if self.n_drawn is None or not self.training:
            return list(range(len(self.resolutions)))
        return torch.randperm(len(self.resolutions))[: self.n_drawn].tolist()

    def transform(self, index: int) -> Tuple[torch.Tensor, int, int]:
        """Window, n_fft and hop_length of one of the resolutions."""
        n_fft, hop_length, _ = self.resolutions[index]
        return getattr(self, f"window{index}"), n_fft, hop_length

    def floored(self, spectra: torch.Tensor) -> torch.Tensor:
        """Magnitudes of complex spectra, never below the floor."""
        # The square of the least floors is no float32.
        return power(spectra).add_(max(self.floor**2, torch.finfo(torch.float32).tiny)).sqrt_()

    def _distance(
        self, magnitude: torch.Tensor, target: torch.Tensor, level: torch.Tensor, wanted: bool
    ) -> Tuple[torch.Tensor, Optional[torch.Tensor]]:
        """Distance at one resolution and, if `wanted`, its derivative with respect to `magnitude`."""
        difference = magnitude - target
        value, slope = difference.new_zeros(()), None
        if self.linear_weight or self.log_weight:
            # Magnitude and its logarithm differ from the target in the same direction.
            sign, linear_weight = difference.sign(), self.linear_weight / level
            value = value + linear_weight * _mean_product(sign, difference)
            if self.log_weight:
                value = value + self.log_weight * _mean_product(sign, (magnitude / target).log_())
            if wanted:
                slope = magnitude.new_tensor(self.log_weight / sign.numel()) / magnitude
                slope = slope.add_(linear_weight / sign.numel()).mul_(sign)
        if self.convergence_weight:
            norms, target_norms = difference.flatten(1).norm(dim=1), target.flatten(1).norm(dim=1)
            value = value + self.convergence_weight * (norms / target_norms).mean()
            if wanted:
                scale = self.convergence_weight / (norms * target_norms * len(norms)).clamp(min=1e-30)
                convergence_slope = difference.mul_(scale[:, None, None])
                slope = convergence_slope if slope is None else slope.add_(convergence_slope)
        return value, slope


def _mean_product(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return torch.dot(a.flatten(), b.flatten()) / a.numel()


class _OneBlockAtATime(torch.autograd.Function):
    """Weighted sum of the mean distances over resolutions to each of several signals, with its gradient.

    Spectra at all resolutions together take more memory than all else in a generator's training step. The gradient
    being made while the spectra are at hand, those of one resolution are held at a time, on a CPU those of so few
    signals that they stay in its cache. The gradient is written out (``dM / d|S|^2 = 1 / 2M`` for a floored magnitude
    M of a spectrum S), which takes fewer passes over the spectra than autograd, and one inverse transform whatever
    the number of signals.
    """

    @staticmethod
    def forward(ctx, wav_hat, wavs, weights, loss, wanted):
        # Spectra span more decades than half precision has.
        with torch.autocast(wav_hat.device.type, enabled=False):
            hat, *others = (wav.reshape(-1, wav.shape[-1]).float() for wav in (wav_hat, *wavs))
            distances, gradient = hat.new_zeros(len(others)), torch.zeros_like(hat)
            indices = loss.indices()
            for index in indices:
                transform = _, n_fft, hop_length = loss.transform(index)
                size = signals_a_block(hat.shape[1] * n_fft // hop_length, hat.device)
                targets = [
                    [loss.floored(short_time_spectra(block, *transform)) for block in wav.split(size)] for wav in others
                ]
                level = sum(target.mean() * len(target) for target in targets[0]) / len(hat)
                for block, block_gradient, *block_targets in zip(hat.split(size), gradient.split(size), *targets):
                    share = len(block) / len(hat) / len(indices)
                    spectra = short_time_spectra(block, *transform)
                    magnitude = loss.floored(spectra)
                    total = None
                    for k, (target, weight) in enumerate(zip(block_targets, weights)):
                        value, slope = loss._distance(magnitude, target, level, wanted)
                        distances[k] += share * value
                        if wanted:
                            total = slope.mul_(weight) if total is None else total.add_(slope, alpha=weight)
                    if wanted:
                        add_power_gradient(block_gradient, share / 2, total.div_(magnitude), spectra, *transform)
        if wanted:
            ctx.save_for_backward(gradient.view_as(wav_hat))
            ctx.dtype = wav_hat.dtype
        ctx.mark_non_differentiable(distances)
        return (distances * distances.new_tensor(weights)).sum(), distances

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad_output, _):
        # In half precision only then: a scaled gradient may be too large for it before.
        return (grad_output * ctx.saved_tensors[0]).to(ctx.dtype), None, None, None, None
