"""White noise whose level in every mel band hardly wavers."""

from functools import lru_cache

import torch

from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.vocoder.nhv.mel_prior import band_interpolation, mel_bands

N_SAMPLES = 2**18  # six seconds at 44.1 kHz, after which it repeats: too long to be heard as a loop
_ROUNDS = 5  # more changes hardly anything
# So that neighbouring seeds and rows begin hundreds of samples apart.
SEED_STEP, ROW_STEP = 0x9E3779B1, 0x789A2829
_QUIETEST = 1e-4  # of unit power; keeps a band that happens to be empty from being blown up


@lru_cache(maxsize=4)
@torch.inference_mode(False)  # what is made once may be needed in training
@torch.no_grad()
def flat_noise(spec: FeatureSpec) -> torch.Tensor:
    """White noise of unit power that has been evened out, to be read in a circle.

    A mel says how loud each band was in each frame, wavering of the recording's own noise included. Noise that wavers
    too would add its own: in a band of 300 Hz two draws of one noise are 2 dB apart in 46 ms. This one keeps
    the level that it is given. Its samples are Gaussian; its bins waver less than those of Gaussian noise, least in the
    narrowest bands.

    Parameters
    ----------
    spec : FeatureSpec, of the bands and of the window in which it is even

    Returns
    -------
    noise : Tensor [shape=(N_SAMPLES,)], float32, the same for the same spec

    Notes
    -----
    Every round divides the short-time spectrum by the root of the power in its band, and resynthesises.
    """
    bands = mel_bands(spec, norm=None)
    bands = torch.from_numpy(bands / bands.sum(axis=1, keepdims=True).clip(min=1e-12))
    in_bands, has_bins = bands.sum(dim=0) > 0, bands.sum(dim=1, keepdim=True) > 0
    to_bins = torch.from_numpy(band_interpolation(spec, spec.n_fft)).float() * in_bands[:, None]
    window = getattr(torch, f"{spec.window}_window")(spec.win_length, device="cpu")
    window = window / window.norm()
    # Frames of its own: those of the spec may lie too far apart to be put together again.
    hop_length = max(1, spec.win_length // 4)
    sizes = dict(n_fft=spec.n_fft, hop_length=hop_length, win_length=spec.win_length, window=window)

    noise = torch.randn(N_SAMPLES, generator=torch.Generator("cpu").manual_seed(0), device="cpu")
    for _ in range(_ROUNDS):
        around = torch.cat([noise[-spec.n_fft :], noise, noise[: spec.n_fft]])
        spectrum = torch.stft(around, **sizes, return_complex=True)
        power = (bands @ spectrum.abs().square()).clamp(min=_QUIETEST).where(has_bins, 1.0)
        around = torch.istft(spectrum * torch.exp(to_bins @ (-0.5 * power.log())), **sizes, length=len(around))
        noise = around[spec.n_fft : -spec.n_fft]
        noise = noise / noise.square().mean().sqrt()
    return noise.contiguous()


def start_of(seed: torch.Tensor, batch: int) -> torch.Tensor:
    """Where in the noise each row of a batch begins, ``(batch,)``, for a seed, an int64 without dimensions."""
    rows = torch.arange(batch, device=seed.device) * ROW_STEP
    return (seed % N_SAMPLES * SEED_STEP + rows) % N_SAMPLES


def cut(noise: torch.Tensor, start: torch.Tensor, n_samples: int) -> torch.Tensor:
    """`n_samples` of the noise from each of the places `start` ``(B,)`` on, round and round; ``(B, n_samples)``."""
    place = start[:, None] + torch.arange(n_samples, device=start.device)
    return noise[place.to(noise.device) % len(noise)]
