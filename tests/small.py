"""Sizes at which vocoders and discriminators are quick to test: arguments by name; who is not here is quick as is."""

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
    "bigvgan": dict(channels=16, resblock_kernel_sizes=[3], resblock_dilations=[[1]]),
    "bigvgan-small": dict(channels=16, resblock_kernel_sizes=[3], resblock_dilations=[[1]]),
    "univnet": dict(channels=4, noise_channels=4, kernel_channels=8),
    "wavehax": dict(channels=4, hidden=8, n_blocks=1),
    "periodnet": dict(periodic_layers=4, periodic_stacks=2, aperiodic_layers=2, residual_channels=8, skip_channels=8),
    "periodnet-series": dict(
        periodic_layers=4, periodic_stacks=2, aperiodic_layers=2, residual_channels=8, skip_channels=8
    ),
    "dspgan": dict(channels=16, dsp_conf=dict(n_harmonics=20, n_layers=1)),
    "refinegan": dict(channels=2, kernel_sizes=[3], dilations=[1]),
    "pc-nsf-hifigan": dict(channels=32),
    "freev": dict(channels=16, hidden=32, n_blocks=1),
    "priorgrad": dict(channels=8, n_layers=4, cycle=2, schedule=[0.01, 0.5]),
    "flow-matching": dict(channels=16, hidden=32, n_blocks=1, n_steps=2),
    "soundstream": dict(filters=2, dimension=4, n_codebooks=2, codebook_size=8, kmeans_iters=2),
    "encodec": dict(filters=2, dimension=4, n_codebooks=2, codebook_size=8, kmeans_iters=2),
    "mcnn": dict(channels=8, n_heads=2),
    "pwg": dict(layers=4, stacks=2, residual_channels=8, skip_channels=8),
}
TRAINABLE = [name for name in VOCODERS if vocoder_class(name).trainable]

_PERIOD = dict(channels=4, max_downsample_channels=16)
SMALL_DISCRIMINATORS = {
    "hifigan_msmpd": dict(
        scales=1, periods=[2], period_discriminator_params=_PERIOD,
        scale_discriminator_params=dict(channels=8, max_downsample_channels=32, max_groups=4),
    ),
    "melgan_msd": dict(scales=1, channels=4, max_downsample_channels=32),
    "pwg": dict(conv_channels=8),
    "style_melgan": dict(repeats=1, discriminator_params=dict(max_downsample_channels=32)),
    "flow-matching": dict(channels=16, hidden=32, n_blocks=1, n_steps=2),
    "soundstream": dict(
        scales=1, scale_discriminator_params=dict(channels=8, max_downsample_channels=32, max_groups=4),
        complexstft_discriminator_params=dict(channels=2),
    ),
    "msstft": dict(filters=2, n_ffts=[512], hop_lengths=[128], win_lengths=[512]),
    "univnet_mrd": dict(channels=4),
    "multi_band_stft": dict(channels=4),
    "framewise": dict(channels=16, n_layers=1),
    "mpd_mrd": dict(period_conf=dict(periods=[2], discriminator_params=_PERIOD), spectral_conf=dict(channels=4)),
}  # fmt: skip
