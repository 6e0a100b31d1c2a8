"""Saved vocoders: a folder of vocoder.yaml (what it is) and vocoder.pth (tensors only)."""

from pathlib import Path
from typing import List, Optional, Sequence, Union

import torch
import yaml

from espnet2_nhv.errors import UserError, in_one_line
from espnet2_nhv.feature.licence import UNKNOWN, Source, dump_sources, parse_sources
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.files import digest, whole_file, write_whole
from espnet2_nhv.text import load_yaml
from espnet2_nhv.vocoder.base import AbsVocoder
from espnet2_nhv.vocoder.registry import build_vocoder, vocoder_class

FORMAT = 1


def save_vocoder(
    vocoder: AbsVocoder, folder: Union[str, Path], licence: str, trained_on: str, sources: Sequence[Source] = ()
) -> None:
    """Write `vocoder`, built by :func:`build_vocoder`, as a folder.

    Parameters
    ----------
    vocoder : AbsVocoder
    folder : path, made where missing
    licence : str, under which the weights may be used
    trained_on : str, the corpus and its own licence
    sources : the voices it was trained on, where the corpus has several, with what is to be said of each
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    card = dict(
        format=FORMAT,
        vocoder=vocoder.name,
        arguments=vocoder.arguments,
        spec=vocoder.spec.to_dict(),
        licence=licence,
        trained_on=trained_on,
    )
    if sources:
        card["sources"] = dump_sources(sources)
    tensors = {name: value.detach().cpu() for name, value in vocoder.state_dict().items()}
    # The card last: a folder with a card has its weights.
    with whole_file(folder / "vocoder.pth") as part:
        torch.save(tensors, part)
    write_whole(folder / "vocoder.yaml", yaml.safe_dump(card, sort_keys=False, allow_unicode=True))


def load_card(folder: Union[str, Path]) -> dict:
    """The facts in vocoder.yaml, checked: format, vocoder, arguments, spec (a dict), licence, trained_on, sources."""
    path = Path(folder) / "vocoder.yaml"
    try:
        card = load_yaml(path)
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"{folder}: not a saved vocoder (it has no vocoder.yaml)") from None
    missing = [
        name for name in ("format", "vocoder", "arguments", "spec") if not isinstance(card, dict) or name not in card
    ]
    if missing:
        raise UserError(f"{path}: not the card of a saved vocoder ({missing[0]!r} is missing)")
    for name in ("arguments", "spec"):
        if not isinstance(card[name], dict):
            raise UserError(f"{path}: not the card of a saved vocoder ({name!r} is not a mapping)")
    if card["format"] != FORMAT:
        raise UserError(f"{path}: written in format {card['format']}, this version reads {FORMAT}: update espnet2_nhv")
    if "sources" in card:
        parse_sources(card["sources"], path)
    return card


def card_sources(card: dict) -> List[Source]:
    """The sources of a card; of one without a list the only source is what it was trained on."""
    if "sources" in card:
        return parse_sources(card["sources"], "vocoder.yaml")
    trained_on = str(card.get("trained_on", UNKNOWN))
    return [Source(trained_on, str(card.get("licence", UNKNOWN)), trained_on)]


def load_vocoder(folder: Union[str, Path], fuse: bool = True) -> AbsVocoder:
    """Read a saved vocoder, strictly, ready for inference on the CPU.

    Parameters
    ----------
    folder : path
    fuse : bool, fold what only training needs into the weights; give False to go on training

    Raises
    ------
    UserError
        If the folder is not a saved vocoder, or its weights are damaged or do not fit.
    """
    card = load_card(folder)
    arguments = {**vocoder_class(card["vocoder"]).before, **card["arguments"]}
    vocoder = build_vocoder(
        card["vocoder"], FeatureSpec.from_dict(card["spec"], where=f"{folder}/vocoder.yaml"), **arguments
    )
    path = Path(folder) / "vocoder.pth"
    try:
        tensors = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UserError(f"{path}: the weights are missing") from None
    except Exception as error:  # damaged bytes fail in as many ways as there are bytes
        reason = in_one_line(error) if str(error) else "it ends too early"
        raise UserError(f"{path}: not the weights of this vocoder, or damaged ({reason})") from None
    try:
        vocoder.load_state_dict(tensors, strict=True)
    except Exception as error:  # they may be anything
        reason = in_one_line(error)
        raise UserError(
            f"{path}: not the weights of this vocoder, or of another version of {card['vocoder']} ({reason}): "
            "train it again, or use the version that made it"
        ) from None
    return vocoder.eval().fuse() if fuse else vocoder


def digest_of(path: Union[str, Path]) -> str:
    """Sixteen digits that tell a vocoder from others, as files made with it note them.

    Parameters
    ----------
    path : of a saved vocoder (a folder) or an exported one (a file)
    """
    path = Path(path)
    return digest(path / "vocoder.yaml", path / "vocoder.pth") if path.is_dir() else digest(path)


def is_another(folder: Path, known: Optional[str]) -> bool:
    """Whether a saved vocoder has taken the place of the one that :func:`digest_of` called `known`; not if unknown."""
    try:
        return known is not None and digest_of(folder) != known
    except FileNotFoundError:
        return False
