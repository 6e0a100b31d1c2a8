"""Score a vocoder on recordings as they are, with no recipe around them: to choose between trainings."""

import logging
from pathlib import Path
from typing import Dict, Iterable, Optional, Sequence, Union

import numpy as np
import torch
from tqdm import tqdm

from espnet2_nhv.errors import UserError
from espnet2_nhv.export.load import load_vocoder
from espnet2_nhv.feature.audio import BadAudio, load_audio
from espnet2_nhv.feature.finding import AUDIO
from espnet2_nhv.feature.mel import log_mel_of_long
from espnet2_nhv.score.cache import cached_f0
from espnet2_nhv.score.evaluate import Outcome, summarise
from espnet2_nhv.score.metrics import measure
from espnet2_nhv.score.optional import available, measure_optional
from espnet2_nhv.score.tracker import heard_f0
from espnet2_nhv.synthesis.inputs import LISTS, input_files
from espnet2_nhv.vocoder.registry import VOCODERS, build_vocoder
from espnet2_nhv.vocoder.synthesizer import Synthesizer


def find_recordings(sources: Iterable[Union[str, Path]]) -> Dict[str, str]:
    """Audio files, those of folders, and those named in lists; dict of a name to a path.

    Raises
    ------
    UserError
        If a folder or list has none.
    """
    files: Dict[str, str] = {}
    for source in map(Path, sources):
        if source.is_dir() or source.suffix.lower() in LISTS:
            files.update({path: path for path in input_files(source, AUDIO).values()})
        else:
            files[str(source)] = str(source)
    return files


def find_vocoder(name: Union[str, Path]) -> Synthesizer:
    """A saved or exported vocoder, or by its name one that needs no training ("world", "griffinlim").

    Raises
    ------
    UserError
        As :func:`espnet2_nhv.export.load.load_vocoder`.
    """
    if not Path(name).exists() and str(name) in VOCODERS:
        vocoder = build_vocoder(str(name))
        if vocoder.trainable:
            raise UserError(
                f"{name}: has to be trained first; give the folder of a saved vocoder, e.g. exp/{name}/vocoder"
            )
        return vocoder.eval()
    return load_vocoder(name)


def score_recordings(
    vocoder: Synthesizer,
    files: Dict[str, str],
    seconds: Optional[float] = None,
    cache: Optional[Union[str, Path]] = None,
    optional: Sequence[str] = (),
    name: str = "",
) -> dict:
    """Copy synthesis of recordings, and every metric of it.

    Parameters
    ----------
    vocoder : Synthesizer
    files : dict of a name to a path
    seconds : float > 0, or None; of each recording's middle that are taken, all of it if None
    cache : folder where the recordings' F0 is kept
    optional : keys of :data:`espnet2_nhv.score.optional.OPTIONAL`
    name : str, shown beside the progress bar

    Returns
    -------
    scores : dict, as of :func:`espnet2_nhv.score.evaluate.summarise`, and `skipped`, as in scores.json

    Raises
    ------
    UserError
        If no recording could be scored; single ones are in `missing`.
    """
    if seconds is not None and not seconds > 0:
        raise UserError(f"{seconds:g} seconds of each recording: give more than 0")
    extras, skipped = available(optional)
    outcomes: Dict[str, Outcome] = {}
    for key, path in tqdm(files.items(), f"score {name}".strip(), dynamic_ncols=True, disable=None):
        try:
            outcomes[key] = _score_one(vocoder, key, path, seconds, cache, extras), None
        except (UserError, BadAudio) as error:
            outcomes[key] = None, str(error)
            logging.warning("left out: %s: %s", path, error)
    scores = summarise(outcomes, extras)
    if not scores["n_scored"]:
        path, reason = next(iter(scores["missing"].items()))
        raise UserError(f"no recording could be scored ({path}: {reason})")
    return dict(scores, skipped=skipped)


def _score_one(vocoder: Synthesizer, name: str, path: str, seconds, cache, extras: Sequence[str]) -> dict:
    spec = vocoder.spec
    wav, _ = load_audio(path, spec.fs, allow_upsampling=True, strict=False)
    if seconds is not None and len(wav) > seconds * spec.fs:
        first = int((len(wav) - seconds * spec.fs) / 2)
        wav = wav[first : first + int(seconds * spec.fs)]
    if len(wav) < spec.hop_length:
        raise UserError(f"{seconds:g} s are less than a frame")
    f0 = heard_f0(wav, spec) if cache is None else cached_f0(wav, spec, Path(cache), name)
    sung = f0[0] if spec.frame_centre == 0 else heard_f0(wav, spec, spec.frame_centre)[0]
    torch.manual_seed(0)  # phases and noise alike from run to run
    options = {"wav": torch.from_numpy(wav)} if vocoder.needs_wav else {}
    synthesised = vocoder.inference(
        log_mel_of_long(wav, spec), torch.from_numpy(sung) if vocoder.needs_f0 else None, **options
    )
    pair = wav.astype(np.float64), synthesised.cpu().double().numpy()
    scores = measure(*pair, spec, f0)
    for key in extras:
        scores.update(measure_optional(key, *pair, spec))
    return scores
