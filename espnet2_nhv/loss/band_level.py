"""Loss on how loud mel bands are."""

from typing import Optional

import torch

from espnet2_nhv.dsp.short_time import add_power_gradient, power, short_time_spectra
from espnet2_nhv.feature.mel_scale import mel_filters
from espnet2_nhv.feature.spec import FeatureSpec

# Power in a band, of a window of unit power and weights that sum up to one; below it there is silence.
_FLOOR = 1e-12


class BandLevelLoss(torch.nn.Module):
    """Mean absolute difference of the levels of mel bands, half the logarithm of the power in each, in nepers.

    An STFT loss compares single bins, in which noise never agrees; what is left of a wrong level is a small part of it.
    Here the bins of a band are added up first, as power, and what remains is the level.

    Levels of noise waver, and a harmonic that is the same every time is nearer to all of them than another draw of that
    noise is: with `another` draw to be repelled by, the loss is an energy distance, least where noise wavers as much.
    But whatever else of the levels the generator cannot know, noise pays for then: with less than the whole repulsion
    there is less of it between low harmonics.

    Parameters
    ----------
    spec : FeatureSpec, of the bands and frames
    balance : float >= 0, weight of how far the mean of each band over the whole batch is off: a band a little too loud
        in all frames alike hides in the scatter of single frames, but not in their mean
    repulsion : float >= 0, weight of the distance to `another` draw; 1 makes an energy distance
    """

    def __init__(self, spec: FeatureSpec, balance: float = 0.0, repulsion: float = 1.0):
        super().__init__()
        self.balance, self.repulsion = balance, repulsion
        self.n_fft, self.hop_length = spec.n_fft, spec.hop_length
        bands = mel_filters(spec.fs, spec.n_fft, spec.n_mels, spec.fmin, spec.fmax, spec.mel_scale, None)
        bands = torch.from_numpy(bands / bands.sum(axis=1, keepdims=True).clip(min=1e-12))
        window = getattr(torch, f"{spec.window}_window")(spec.win_length)
        self.register_buffer("bands", bands.T.contiguous(), persistent=False)
        self.register_buffer("window", window / window.norm(), persistent=False)

    def forward(self, wav_hat: torch.Tensor, wav: torch.Tensor, another: Optional[torch.Tensor] = None) -> torch.Tensor:
        """The loss of `wav_hat` against the reference `wav`.

        Parameters
        ----------
        wav_hat, wav : Tensor [shape=(B, 1, L)], any floating type
        another : Tensor [shape=(B, 1, L)] or None, another draw of the same generator, which counts as a constant

        Returns
        -------
        loss : Tensor [shape=(), dtype=float32], >= 0 without `another`; its gradient reaches `wav_hat` alone
        """
        return _BandLevelDistance.apply(wav_hat[:, 0], wav[:, 0], None if another is None else another[:, 0], self)


class _BandLevelDistance(torch.autograd.Function):
    """The distance, with its gradient written out while the spectra are at hand: a third of what autograd takes."""

    @staticmethod
    def forward(ctx, wav_hat, wav, another, loss):
        # Half precision loses the quiet bands.
        with torch.autocast(wav.device.type, enabled=False):
            transform = loss.window, loss.n_fft, loss.hop_length
            spectra = short_time_spectra(wav_hat.float(), *transform)
            level = torch.matmul(power(spectra), loss.bands) + _FLOOR
            distance, slope = 0.0, 0.0
            # The value of the second is half of what its gradient is of: that of the other draw is as large.
            for other, weight in ((wav, 1.0), (another, -loss.repulsion)):
                if other is not None:
                    target = torch.matmul(power(short_time_spectra(other.float(), *transform)), loss.bands) + _FLOOR
                    difference = 0.5 * (level / target).log_()
                    if other is wav and loss.balance:
                        mean = difference.mean(dim=(0, 1))
                        distance = loss.balance * mean.abs().mean()
                        slope = loss.balance * mean.sign()
                    share = weight if other is wav else 0.5 * weight
                    distance = distance + share * difference.abs().mean()
                    slope = slope + weight * difference.sign_()
            if ctx.needs_input_grad[0]:
                slope = torch.matmul((0.5 / slope.numel()) * slope / level, loss.bands.T)
                gradient = torch.zeros_like(wav_hat, dtype=torch.float32)
                add_power_gradient(gradient, 1.0, slope, spectra, *transform)
                ctx.save_for_backward(gradient)
                ctx.dtype = wav_hat.dtype
            return distance

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad_output):
        return (grad_output * ctx.saved_tensors[0]).to(ctx.dtype), None, None, None
