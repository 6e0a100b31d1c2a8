"""Which vocoders there are. A new one is a row here, a file beside this one and a YAML in conf/train."""

import importlib
import inspect
from typing import Any, Dict, Optional

from espnet2_nhv.arguments import WRONG_ARGUMENTS, check_types
from espnet2_nhv.errors import UserError, in_one_line
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.vocoder.base import AbsVocoder

# name: "module:class"; imported when asked for, so that listing is quick and optional packages stay optional.
VOCODERS = {
    "nhv": "espnet2_nhv.vocoder.nhv.generator:NHV",
    "nhv-direct": "espnet2_nhv.vocoder.nhv_direct:NHVDirect",
    "hifigan": "espnet2_nhv.vocoder.hifigan:HiFiGAN",
    "hifigan-v2": "espnet2_nhv.vocoder.hifigan:HiFiGANV2",
    "hifigan-v3": "espnet2_nhv.vocoder.hifigan:HiFiGANV3",
    "uhifigan": "espnet2_nhv.vocoder.uhifigan:UHiFiGAN",
    "melgan": "espnet2_nhv.vocoder.melgan:MelGAN",
    "mb-melgan": "espnet2_nhv.vocoder.melgan:MultiBandMelGAN",
    "stylemelgan": "espnet2_nhv.vocoder.stylemelgan:StyleMelGAN",
    "pwg": "espnet2_nhv.vocoder.pwg:ParallelWaveGAN",
    "istftnet": "espnet2_nhv.vocoder.istftnet:ISTFTNet",
    "vocos": "espnet2_nhv.vocoder.vocos:Vocos",
    "apnet2": "espnet2_nhv.vocoder.apnet2:APNet2",
    "nsf": "espnet2_nhv.vocoder.nsf:HnSincNSF",
    "sawsing": "espnet2_nhv.vocoder.ddsp:SawSing",
    "ddsp": "espnet2_nhv.vocoder.ddsp:DDSPSines",
    "sifigan": "espnet2_nhv.vocoder.sifigan:SiFiGAN",
    "mcnn": "espnet2_nhv.vocoder.mcnn:MultiHeadCNN",
    "bigvgan": "espnet2_nhv.vocoder.bigvgan:BigVGAN",
    "bigvgan-small": "espnet2_nhv.vocoder.bigvgan:BigVGANSmall",
    "univnet": "espnet2_nhv.vocoder.univnet:UnivNet",
    "wavehax": "espnet2_nhv.vocoder.wavehax:Wavehax",
    "periodnet": "espnet2_nhv.vocoder.periodnet:PeriodNet",
    "periodnet-series": "espnet2_nhv.vocoder.periodnet:PeriodNetSeries",
    "dspgan": "espnet2_nhv.vocoder.dspgan:DSPGAN",
    "refinegan": "espnet2_nhv.vocoder.refinegan:RefineGAN",
    "pc-nsf-hifigan": "espnet2_nhv.vocoder.pc_nsf_hifigan:PCNSFHiFiGAN",
    "freev": "espnet2_nhv.vocoder.freev:FreeV",
    "priorgrad": "espnet2_nhv.vocoder.priorgrad:PriorGrad",
    "flow-matching": "espnet2_nhv.vocoder.flow_matching:FlowMatching",
    "soundstream": "espnet2_nhv.vocoder.codec:SoundStream",
    "encodec": "espnet2_nhv.vocoder.codec:EnCodec",
    "griffinlim": "espnet2_nhv.vocoder.griffinlim:GriffinLim",
    "world": "espnet2_nhv.vocoder.world:World",
}


def vocoder_class(name: str) -> type:
    """The class registered as `name`; an unknown name is an error that lists those there are."""
    if not isinstance(name, str) or name not in VOCODERS:
        raise UserError(f"there is no vocoder {name!r}; there are {', '.join(sorted(VOCODERS))}")
    module, attribute = VOCODERS[name].split(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in ("espnet2_nhv", ""):
            raise
        raise UserError(f"vocoder {name} needs the package {package}: install it, or leave {name} out") from None


def full_arguments(name: str, **overrides) -> Dict[str, Any]:
    """All arguments of the class registered as `name`, defaults written out: a saved vocoder outlives new defaults."""
    bound = inspect.signature(vocoder_class(name)).bind(None, **overrides)
    bound.apply_defaults()
    arguments = {key: value for key, value in bound.arguments.items() if key != "spec"}
    for parameter in inspect.signature(vocoder_class(name)).parameters.values():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            arguments.update(arguments.pop(parameter.name, {}))
    return {key: list(value) if isinstance(value, tuple) else value for key, value in arguments.items()}


def build_vocoder(name: str, spec: Optional[FeatureSpec] = None, **overrides) -> AbsVocoder:
    """A vocoder with random weights.

    Parameters
    ----------
    name : a row of VOCODERS
    spec : FeatureSpec, by default the 44.1 kHz one
    **overrides : the class's own arguments

    Returns
    -------
    vocoder : AbsVocoder, with `name` and all its `arguments` kept on it for saving
    """
    cls = vocoder_class(name)
    try:
        arguments = full_arguments(name, **overrides)
        check_types(cls.__init__, arguments, f"vocoder {name}")
        vocoder = cls(spec or FeatureSpec(), **arguments)
    except WRONG_ARGUMENTS as error:
        raise UserError(f"vocoder {name}: {in_one_line(error)}") from error
    vocoder.name, vocoder.arguments = name, arguments
    return vocoder
