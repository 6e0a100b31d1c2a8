"""The vocoder that a command works with: the one it is told, or the one that comes along."""

from pathlib import Path
from typing import Optional, Tuple, Union

import espnet2_nhv
from espnet2_nhv.errors import UserError
from espnet2_nhv.files import digest

DEFAULT = Path(espnet2_nhv.__file__).resolve().parent.parent / "pretrained" / "nhv"


def vocoder_path(given: Optional[Union[str, Path]]) -> Path:
    """A path as given, or that of the pretrained vocoder that comes with the project."""
    if given is not None:
        return Path(given)
    if not DEFAULT.exists():
        raise UserError(f"there is no default vocoder at {DEFAULT}: give --vocoder DIR, e.g. --vocoder exp/nhv/vocoder")
    return DEFAULT


def open_vocoder(
    given: Optional[Union[str, Path]], threads: Optional[int] = None, refiner: Optional[Union[str, Path]] = None
) -> Tuple:
    """Load a vocoder of any kind.

    Parameters
    ----------
    given : path of a saved or exported vocoder; None takes the pretrained one
    threads : int >= 1 or None, as for :func:`set_threads`
    refiner : path of a saved refiner that mels pass first; None for none

    Returns
    -------
    vocoder : Synthesizer
    digest : str that tells it from others

    Raises
    ------
    UserError
        If it is missing or damaged, or there are fewer threads than one.
    """
    from espnet2_nhv.vocoder.saved import digest_of

    set_threads(threads)
    path = vocoder_path(given)
    vocoder = espnet2_nhv.load_vocoder(path)
    if refiner is None:
        return vocoder, digest_of(path)
    from espnet2_nhv.refiner.refined import RefinedVocoder
    from espnet2_nhv.refiner.saved import load_refiner

    card, weights = (Path(refiner) / name for name in ("refiner.yaml", "refiner.pth"))
    return RefinedVocoder(vocoder, load_refiner(refiner)), f"{digest_of(path)} {digest(card, weights)}"


def set_threads(threads: Optional[int]) -> None:
    """Compute on so many CPU threads; None leaves the runtime's choice."""
    import torch

    if threads is not None:
        if threads < 1:
            raise UserError(f"{threads} threads: give 1 or more")
        torch.set_num_threads(threads)
