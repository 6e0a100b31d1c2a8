"""Which vocoders there are. A new one is a row here, a file beside this one and a YAML in conf/train."""

import importlib
from typing import Optional

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.vocoder.base import AbsVocoder

# name: "module:class"; imported when asked for, so that listing is quick and optional packages stay optional.
VOCODERS = {
    "nhv": "espnet2_nhv.vocoder.nhv:NHV",
    "nhv-direct": "espnet2_nhv.vocoder.nhv_direct:NHVDirect",
    "hifigan": "espnet2_nhv.vocoder.hifigan:HiFiGAN",
}


def vocoder_class(name: str) -> type:
    """The class registered as `name`; an unknown name is an error that lists those there are."""
    if name not in VOCODERS:
        raise UserError(f"there is no vocoder {name!r}; there are {', '.join(sorted(VOCODERS))}")
    module, attribute = VOCODERS[name].split(":")
    return getattr(importlib.import_module(module), attribute)


def build_vocoder(name: str, spec: Optional[FeatureSpec] = None, **overrides) -> AbsVocoder:
    """A vocoder with random weights.

    Parameters
    ----------
    name : a row of VOCODERS
    spec : FeatureSpec, by default the 44.1 kHz one
    **overrides : the class's own arguments

    Returns
    -------
    vocoder : AbsVocoder, with `name` and `arguments` kept on it for saving
    """
    cls = vocoder_class(name)
    try:
        vocoder = cls(spec or FeatureSpec(), **overrides)
    except TypeError as error:
        raise UserError(f"vocoder {name}: {error}") from error
    vocoder.name, vocoder.arguments = name, dict(overrides)
    return vocoder
