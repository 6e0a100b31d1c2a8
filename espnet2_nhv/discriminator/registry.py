"""Which discriminators there are. A new one is a row here."""

import copy
import importlib
import inspect
from typing import Optional

import torch

from espnet2_nhv.arguments import WRONG_ARGUMENTS, check_types
from espnet2_nhv.errors import UserError, in_one_line

# name: "module:class"; called with waveforms (B, 1, N), it returns for each of its parts the list of the outputs of
# all layers, the verdict last (pwg and style_melgan: the verdicts alone, which leave nothing to match features of).
DISCRIMINATORS = {
    "hifigan_msmpd": "espnet2.gan_tts.hifigan:HiFiGANMultiScaleMultiPeriodDiscriminator",
    "melgan_msd": "espnet2.gan_tts.melgan:MelGANMultiScaleDiscriminator",
    "pwg": "espnet2.gan_tts.parallel_wavegan:ParallelWaveGANDiscriminator",
    "style_melgan": "espnet2.gan_tts.style_melgan:StyleMelGANDiscriminator",
    "soundstream": "espnet2.gan_codec.soundstream.soundstream:SoundStreamDiscriminator",
    "msstft": "espnet2.gan_codec.shared.discriminator.msstft_discriminator:MultiScaleSTFTDiscriminator",
    "univnet_mrd": "espnet2_nhv.discriminator.spectral:MultiResolutionDiscriminator",
    "multi_band_stft": "espnet2_nhv.discriminator.spectral:MultiBandSTFTDiscriminator",
    "framewise": "espnet2_nhv.discriminator.framewise:FramewiseDiscriminator",
    "mpd_mrd": "espnet2_nhv.discriminator.combined:PeriodAndSpectrum",
}


def build_discriminator(name: str, **overrides) -> Optional[torch.nn.Module]:
    """A discriminator with random weights; 'none' gives None.

    Parameters
    ----------
    name : a row of DISCRIMINATORS, or 'none'
    **overrides : arguments of the class; those that are mappings are merged into the class's own defaults

    Raises
    ------
    UserError
        If there is no such discriminator, or it does not take the arguments.
    """
    if name == "none":
        return None
    if name not in DISCRIMINATORS:
        raise UserError(f"there is no discriminator {name!r}; there are {', '.join(sorted(DISCRIMINATORS))} and none")
    module, attribute = DISCRIMINATORS[name].split(":")
    cls = getattr(importlib.import_module(module), attribute)
    arguments = {}
    for key, parameter in inspect.signature(cls).parameters.items():
        if parameter.default is not parameter.empty:
            # A copy: ESPnet writes into its dictionaries of defaults.
            arguments[key] = copy.deepcopy(parameter.default)
    for key, value in overrides.items():
        both = isinstance(value, dict) and isinstance(arguments.get(key), dict)
        arguments[key] = {**arguments[key], **value} if both else value
    try:
        check_types(cls.__init__, arguments, f"discriminator {name}")
        return cls(**arguments)
    except WRONG_ARGUMENTS as error:
        raise UserError(f"discriminator {name}: {in_one_line(error)}") from error
