"""Licences of the voices that weights are trained on, and the one that follows for the whole."""

import dataclasses
import re
from pathlib import Path
from typing import Iterable, List, Optional, Sequence, Tuple, Union

from espnet2_nhv.errors import UserError
from espnet2_nhv.text import load_yaml

UNKNOWN = "unknown"
FILE = "sources.yaml"

# The freer first; Creative Commons' names are read apart.
_FREE = (
    (r"public[ -]domain", "public domain", 0),
    (r"\bCC0\b", "CC0", 0),
    (r"\bMIT\b", "MIT", 1),
    (r"\bBSD\b", "BSD", 1),
    (r"\bApache\b", "Apache-2.0", 1),
)
_CC = re.compile(r"\b(?:CC[ -]*|licenses/)BY((?:[- ]*(?:NC|SA|ND)\b)*)[ /-]*(\d\.\d)?", re.IGNORECASE)
_SPELT_OUT = (
    (r"Creative[ -]Commons", "CC"), (r"\bAttribution\b", "BY"), (r"\bNon-?Commercial\b", "NC"),
    (r"\bShare-?Alike\b", "SA"), (r"\bNo-?Deriv(?:ative)?s\b", "ND"),
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Source:
    """A voice or corpus that weights were trained on, and what is to be said of it wherever they go."""

    name: str
    licence: str
    attribution: str


def recognise(text: str) -> str:
    """The strictest licence that a text names, in its usual short form; ``unknown`` if it names none."""
    return strictest(name for name, _ in _names(text)) if _names(text) else UNKNOWN


def strictest(licences: Iterable[str]) -> str:
    """The licence of what was made of works under several: public domain < MIT, BSD < CC BY < CC BY-SA.

    A licence that is not known, or does not allow every use or change, cannot be outdone: it is the whole's, and
    several such are all named. So are MIT and BSD together, whose notices are both to be kept.

    Parameters
    ----------
    licences : strings, at least one; each may name several
    """
    ranked: List[Tuple[str, Tuple[float, str]]] = []
    for text in licences:
        ranked += _names(text) or [(text.strip() or UNKNOWN, (9, ""))]
    top = max(rank for _, rank in ranked)
    bound = [name for name, rank in ranked if (rank[0] > 3 if top[0] > 3 else rank == top)]
    return " and ".join(dict.fromkeys(bound)) if top[0] else bound[0]


def load_sources(path: Union[str, Path]) -> List[Source]:
    """Read a list of name, licence and attribution, e.g. ``sources.yaml`` of a data directory.

    Raises
    ------
    UserError
        If the file is missing, or not such a list.
    """
    try:
        entries = load_yaml(path)
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"{path} is missing: stage 1 of the corpus `voices` writes such a file") from None
    return parse_sources(entries, path)


def parse_sources(entries: object, path: Union[str, Path]) -> List[Source]:
    """Sources as :func:`dump_sources` makes them; `path` is named where they are not."""
    fields = {field.name for field in dataclasses.fields(Source)}
    good = isinstance(entries, list) and all(
        isinstance(entry, dict) and set(entry) == fields and all(isinstance(value, str) for value in entry.values())
        for entry in entries
    )
    if not good:
        raise UserError(f"{path}: sources are a list, each with the texts name, licence and attribution")
    return [Source(**entry) for entry in entries]


def dump_sources(sources: Sequence[Source]) -> List[dict]:
    """Sources as plain data, for YAML and JSON."""
    return [dataclasses.asdict(source) for source in sources]


def _names(text: str) -> List[Tuple[str, Tuple[float, str]]]:
    """Licences named in a text, each with its rank and version."""
    for pattern, short in _SPELT_OUT:
        text = re.sub(pattern, short, text, flags=re.IGNORECASE)
    found: List[Tuple[int, str, Tuple[float, str]]] = []
    for match in _CC.finditer(text):
        parts = {part.upper() for part in re.findall("[A-Za-z]+", match[1])}
        kind = "-".join(["BY", *(part for part in ("NC", "ND", "SA") if part in parts)])
        rank = 8 if parts & {"NC", "ND"} else 3 if "SA" in parts else 2
        version: Optional[str] = match[2]
        found.append((match.start(), f"CC {kind}" + (f" {version}" if version else ""), (rank, version or "")))
    for pattern, name, rank in _FREE:
        match = re.search(pattern, text, re.IGNORECASE if rank == 0 else 0)
        if match:
            found.append((match.start(), name, (rank, "")))
    if not any(rank == 8 for *_, (rank, _) in found) and re.search(r"\bNC\b", text):
        found.append((len(text), "non-commercial", (8, "")))
    return [(name, rank) for _, name, rank in sorted(found)]
