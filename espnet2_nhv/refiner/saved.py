"""Saved refiners: a folder of refiner.yaml (what it is) and refiner.pth (tensors only)."""

from pathlib import Path
from typing import Union

import torch
import yaml

from espnet2_nhv.errors import UserError, in_one_line
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.files import whole_file, write_whole
from espnet2_nhv.refiner.network import MelRefiner
from espnet2_nhv.text import load_yaml

FORMAT = 1


def save_refiner(refiner: MelRefiner, folder: Union[str, Path], licence: str, trained_on: str) -> None:
    """Write a refiner as a folder; what the arguments say is as for :func:`espnet2_nhv.vocoder.saved.save_vocoder`."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    card = dict(
        format=FORMAT,
        arguments=refiner.arguments,
        spec=refiner.spec.to_dict(),
        licence=licence,
        trained_on=trained_on,
    )
    tensors = {name: value.detach().cpu() for name, value in refiner.state_dict().items()}
    # The card last: a folder with a card has its weights.
    with whole_file(folder / "refiner.pth") as part:
        torch.save(tensors, part)
    write_whole(folder / "refiner.yaml", yaml.safe_dump(card, sort_keys=False, allow_unicode=True))


def load_refiner(folder: Union[str, Path]) -> MelRefiner:
    """Read a saved refiner, strictly, ready for use on the CPU.

    Raises
    ------
    UserError
        If the folder is not a saved refiner, or its weights are damaged or do not fit.
    """
    folder = Path(folder)
    path = folder / "refiner.yaml"
    try:
        card = load_yaml(path)
        arguments, spec, version = dict(card["arguments"]), dict(card["spec"]), card["format"]
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"{folder}: not a saved refiner (it has no refiner.yaml)") from None
    except (KeyError, TypeError, ValueError):
        raise UserError(f"{path}: not the card of a saved refiner") from None
    if version != FORMAT:
        raise UserError(f"{path}: written in format {version}, this version reads {FORMAT}: update espnet2_nhv")
    try:
        refiner = MelRefiner(FeatureSpec.from_dict(spec, where=str(path)), **arguments)
        tensors = torch.load(folder / "refiner.pth", map_location="cpu", weights_only=True)
        refiner.load_state_dict(tensors, strict=True)
    except Exception as error:  # damaged bytes fail in as many ways as there are bytes
        reason = in_one_line(error) if str(error) else "it ends too early"
        raise UserError(f"{folder}/refiner.pth: not the weights of this refiner, or damaged ({reason})") from None
    return refiner.eval()
