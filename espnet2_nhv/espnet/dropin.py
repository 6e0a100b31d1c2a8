"""A saved vocoder of ours behind an acoustic model of ESPnet, in its inference programs."""

from pathlib import Path
from typing import Any, Callable, Dict, Optional, Union

import torch

from espnet2_nhv.errors import UserError
from espnet2_nhv.espnet.features import spec_of
from espnet2_nhv.espnet.listener import AcousticListener
from espnet2_nhv.feature.spec import FeatureSpec, check_compatible
from espnet2_nhv.refiner.refined import RefinedVocoder
from espnet2_nhv.refiner.saved import load_refiner
from espnet2_nhv.text import load_yaml
from espnet2_nhv.vocoder.knobs import Knobs
from espnet2_nhv.vocoder.saved import load_vocoder
from espnet2_nhv.vocoder.synthesizer import Synthesizer

_OPTIONS = ("f0_source", "spec", "refiner")


class DropInVocoder:
    """What ``SingingGenerate`` and ``Text2Speech`` call with mel.

    It hears F0 from the acoustic model, or reads it off the score, and undoes a normalisation that was left on.

    Parameters
    ----------
    vocoder : Synthesizer
    model : ESPnet's singing or speech model
    spec : FeatureSpec of the acoustic model's raw features
    f0_source : ['auto', 'model', 'score']; auto is the model where it has F0, else the score

    Attributes
    ----------
    f0 : Tensor [shape=(T,)], Hz, of the last call; None where the vocoder needs none
    knobs : function of a FeatureSpec and a number of its frames, which makes the knobs of the next call

    Raises
    ------
    UserError
        If the features do not fit, or the vocoder needs F0 and there is none.
    """

    def __init__(self, vocoder: Synthesizer, model: torch.nn.Module, spec: FeatureSpec, f0_source: str = "auto"):
        if vocoder.needs_wav:
            raise UserError(
                f"{type(vocoder).__name__} analyses a recording, and an acoustic model has none: take another vocoder"
            )
        check_compatible(spec, vocoder.spec, what="features of the acoustic model")
        self.vocoder, self.spec, self.f0_source = vocoder, spec, f0_source
        self.fs = vocoder.fs
        self.f0: Optional[torch.Tensor] = None
        self.knobs: Callable[[FeatureSpec, int], Optional[Knobs]] = lambda spec, n_frames: None
        sings = hasattr(model, "svs")
        network = model.svs if sings else model.tts
        self.normalize = model.normalize
        # Joint models, and models built while we are registered, have a listener already.
        self.listener = getattr(network, "listener", None)
        if self.listener is None:
            self.listener = AcousticListener(network, model.pitch_extract, model.pitch_normalize)
        if vocoder.needs_f0:
            self.listener.check_source(f0_source, sings)

    def __call__(self, feats: torch.Tensor, pitch: Optional[torch.Tensor] = None) -> torch.Tensor:
        """Mel ``(T, n_mels)`` to a waveform ``(T * hop_length,)``; `pitch`, where ESPnet has it, was heard already."""
        output = self.listener.output
        made = output.get("feat_gen") if isinstance(output, dict) else None
        if made is not None and feats.data_ptr() == made.data_ptr() and self.normalize is not None:
            feats = self.normalize.inverse(feats.clone()[None])[0][0]  # prefer_normalized_feats
        self.f0 = None
        if self.vocoder.needs_f0:
            self.f0 = self.listener.f0(self.f0_source, len(feats), self.vocoder.spec)[0]
        return self.vocoder.inference(feats, self.f0, spec=self.spec, knobs=self.knobs(self.spec, len(feats)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({type(self.vocoder).__name__}, f0_source={self.f0_source!r})"


def build_dropin(
    config: Union[Path, str, None], folder: Union[Path, str], model: torch.nn.Module, device: str = "cpu"
) -> DropInVocoder:
    """A saved vocoder for ESPnet's ``--vocoder_file`` (speech) and ``--vocoder_checkpoint`` (singing).

    Parameters
    ----------
    config : ``--vocoder_config``, a YAML file with `f0_source`, `spec` (a file as in conf/feature) and `refiner` (the
        folder of a saved refiner that mels pass first), each optional
    folder : the saved vocoder
    model : ESPnet's singing or speech model
    device : where to compute

    Raises
    ------
    UserError
        See :class:`DropInVocoder`; and if the files cannot be read.
    """
    options = _load_options(config)
    vocoder = load_vocoder(folder).to(device)
    if "refiner" in options:
        vocoder = RefinedVocoder(vocoder, load_refiner(options["refiner"]))
    spec = FeatureSpec.load(options["spec"]) if "spec" in options else spec_of(model.feats_extract)
    return DropInVocoder(vocoder, model, spec, options.get("f0_source", "auto"))


def _load_options(path: Union[Path, str, None]) -> Dict[str, Any]:
    if path is None:
        return {}
    try:
        options = load_yaml(path) or {}
    except FileNotFoundError:
        raise UserError(f"--vocoder_config {path}: there is no such file") from None
    unknown = sorted(set(options) - set(_OPTIONS)) if isinstance(options, dict) else [str(options)]
    if unknown:
        raise UserError(f"--vocoder_config {path}: there is no option {unknown[0]!r}; there are {', '.join(_OPTIONS)}")
    return options
