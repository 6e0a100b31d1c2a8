"""From a training's checkpoints to a saved vocoder."""

import logging
from pathlib import Path
from typing import Sequence, Union

import torch
import yaml

from espnet2_nhv.errors import UserError, in_one_line
from espnet2_nhv.feature.licence import UNKNOWN, Source
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.files import write_whole
from espnet2_nhv.train.checkpoint import trained_so_far
from espnet2_nhv.vocoder.registry import build_vocoder
from espnet2_nhv.vocoder.saved import save_vocoder

BEST = "valid.generator_loss.best.pth"
_PREFIX = "generator."


def finish(
    expdir: Union[str, Path],
    inference_model: str = BEST,
    licence: str = UNKNOWN,
    trained_on: str = UNKNOWN,
    sources: Sequence[Source] = (),
) -> Path:
    """Save the vocoder of a training, finished or still going on, as ``expdir/vocoder``.

    Parameters
    ----------
    expdir : path, ESPnet's output folder
    inference_model : str, name of a checkpoint in it; by default the one best in validation
    licence, trained_on, sources : see :func:`save_vocoder`

    Returns
    -------
    folder : Path, of the saved vocoder

    Raises
    ------
    UserError
        If there is no such checkpoint, or it does not fit the folder's config.yaml.
    """
    expdir = Path(expdir)
    path = expdir / inference_model
    try:
        config = yaml.safe_load((expdir / "config.yaml").read_text(encoding="utf-8"))
        states = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except FileNotFoundError as error:
        there = sorted(p.name for p in expdir.glob("*.pth")) if expdir.is_dir() else []
        raise UserError(
            f"{error.filename or path}: not there; {expdir} has {', '.join(there) or 'no checkpoint'}"
        ) from None
    except Exception as error:  # damaged bytes fail in as many ways as there are bytes
        raise UserError(f"{path}: not a readable checkpoint ({in_one_line(error)})") from None
    vocoder = build_vocoder(config["vocoder"], FeatureSpec.from_dict(config["spec"]), **config["vocoder_conf"])
    weights = {name[len(_PREFIX) :]: value for name, value in states.items() if name.startswith(_PREFIX)}
    try:
        vocoder.load_state_dict(weights, strict=True)
    except RuntimeError as error:
        reason = in_one_line(error)
        raise UserError(f"{path}: does not hold the {config['vocoder']} of {expdir}/config.yaml ({reason})") from None
    folder = expdir / "vocoder"
    save_vocoder(vocoder, folder, licence=licence, trained_on=trained_on, sources=sources)
    so_far = trained_so_far(expdir)
    facts = dict(checkpoint=path.resolve().name, steps=int(states["steps"]), seconds=int(states["milliseconds"]) / 1000)
    if ".ave" in path.resolve().name:
        # Averaging weights, ESPnet adds up whole numbers: these are of the training as a whole.
        facts.update(steps=so_far["steps"], seconds=so_far["seconds"])
    write_whole(folder / "training.yaml", yaml.safe_dump(dict(**facts, total=so_far), sort_keys=False))
    logging.info("saved %s of step %d in %s", path.resolve().name, facts["steps"], folder)
    return folder
