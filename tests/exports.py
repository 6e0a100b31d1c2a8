"""A small NHV with something to say, and its exports; shared by the tests of exports."""

import numpy as np
import torch

from espnet2_nhv.export.export import export
from espnet2_nhv.vocoder import build_vocoder, load_vocoder, save_vocoder
from espnet2_nhv.vocoder.nhv.stream import stream_noise

LICENCE, TRAINED_ON = "CC0-1.0", "nothing but chance — そう"


def save_small(folder, spec=None, **arguments):
    """Save an NHV whose filters are not the prior's."""
    torch.manual_seed(5)  # of which harmonics and noise are both heard, and neither is too loud
    vocoder = build_vocoder("nhv", spec, **{**dict(channels=24, hidden=32, n_blocks=1), **arguments})
    torch.nn.init.normal_(vocoder.network.head.weight, std=0.1)
    torch.nn.init.normal_(vocoder.network.head.bias, std=0.1)
    torch.nn.init.normal_(vocoder.network.skip.weight, std=0.02)
    save_vocoder(vocoder, folder, LICENCE, TRAINED_ON)
    return folder


def saved_and_exported(folder, form, **options):
    """The vocoder in PyTorch and the paths of its exports."""
    saved = save_small(folder / "saved", **options)
    paths, _ = export(saved, form, folder / form)
    return load_vocoder(saved), paths


def song(vocoder, seconds, seed=0):
    """Mel ``(T, n_mels)`` and F0 ``(T,)`` of ordinary loudness, from 80 to 800 Hz."""
    rng = np.random.default_rng(seed)
    spec, n_frames = vocoder.spec, max(1, int(seconds * vocoder.spec.frame_rate))
    level = -5.0 + 0.7 * rng.standard_normal((n_frames, spec.n_mels)) + np.linspace(1, -2, spec.n_mels)
    f0 = 250 * 2 ** (1.6 * np.sin(np.arange(n_frames) / 40) + 0.05 * rng.standard_normal(n_frames))
    return (level / spec.ln_base).astype(np.float32), f0.astype(np.float32)


def noise_of_seed(vocoder, seed, batch, n_frames):
    """The noise that a seed stands for, ``(batch, n_frames * hop_length)``, by its formula in Python's integers."""
    noise, n_samples = vocoder.noise.numpy(), n_frames * vocoder.spec.hop_length
    starts = [(seed * 0x9E3779B1 + row * 0x789A2829) % len(noise) for row in range(batch)]
    return np.stack([np.take(noise, np.arange(start, start + n_samples), mode="wrap") for start in starts])


def noise_of_inference(vocoder, n_frames):
    """The noise that PyTorch's inference shapes, to give it to others."""
    return stream_noise(vocoder, 0, (n_frames + 3) * vocoder.spec.hop_length).numpy()


def turned(n_frames):
    """Curves of all knobs, so many values each."""
    phase = np.arange(n_frames) / 30
    reach = dict(breathiness=12, voicing=9, tension=4, gender=5, loudness=6)
    return {name: (size * np.sin(phase + i)).astype(np.float32) for i, (name, size) in enumerate(reach.items())}
