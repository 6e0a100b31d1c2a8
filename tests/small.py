"""Sizes at which each vocoder is quick to test: arguments under its name; one that is not here is quick as it is."""

from espnet2_nhv.vocoder.registry import VOCODERS, vocoder_class

SMALL = {
    "nhv-direct": dict(n_harmonics=20),
    "hifigan": dict(channels=16),
    "hifigan-v2": dict(channels=16),
    "hifigan-v3": dict(channels=8),
    "uhifigan": dict(channels=4, dropout=0.0),
    "melgan": dict(channels=512, stacks=1),
    "mb-melgan": dict(channels=128, stacks=1),
    "stylemelgan": dict(channels=4, noise_channels=4, noise_upsample_scales=[3, 2, 2, 2]),
    "istftnet": dict(channels=16),
    "vocos": dict(channels=16, hidden=32, n_blocks=1),
    "apnet2": dict(channels=16, hidden=32, n_blocks=1),
    "nsf": dict(channels=8, n_blocks=1, n_layers=3),
    "sawsing": dict(n_harmonics=20, n_layers=1),
    "ddsp": dict(n_harmonics=20, n_layers=1),
    "sifigan": dict(channels=32),
    "mcnn": dict(channels=8, n_heads=2),
    "pwg": dict(layers=4, stacks=2, residual_channels=8, skip_channels=8),
}
TRAINABLE = [name for name in VOCODERS if vocoder_class(name).trainable]
