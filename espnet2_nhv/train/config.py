"""Configuration files that say only what differs from another one."""

import re
from pathlib import Path
from typing import Any, Dict, Tuple, Union

from espnet2_nhv.errors import UserError
from espnet2_nhv.text import load_yaml

# What YAML 1.1 takes for a word, having no point or no sign in it.
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+")


def load_config(path: Union[str, Path], seen: Tuple[Path, ...] = ()) -> Dict[str, Any]:
    """Read a YAML file; if it names a ``base`` (a path relative to itself, or a list of them), it is laid over that.

    Of several bases each is laid over those before it.

    Mappings are merged entry by entry, whatever else is replaced.

    Raises
    ------
    UserError
        If a file is missing, is not a YAML mapping, or is its own base.
    """
    path = Path(path)
    if path.resolve() in seen:
        raise UserError(f"{path}: is its own base")
    try:
        config = load_yaml(path) or {}
    except (FileNotFoundError, IsADirectoryError):
        raise UserError(f"{path}: no such configuration file") from None
    if not isinstance(config, dict):
        raise UserError(f"{path}: a configuration is a mapping of options to values")
    base = config.pop("base", None)
    bases = [] if base is None else base if isinstance(base, list) else [base]
    if not all(isinstance(name, str) for name in bases):
        raise UserError(f"{path}: base is {base!r}, but the path of a configuration file is needed")
    under: Dict[str, Any] = {}
    for name in bases:
        under = merge(under, load_config(path.parent / name, seen + (path.resolve(),)))
    return merge(under, config)


def merge(under: Dict[str, Any], over: Dict[str, Any]) -> Dict[str, Any]:
    """`over` laid over `under`, mappings within them too; neither is changed."""
    merged = dict(under)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if both else value
    return merged


def with_numbers(value: Any) -> Any:
    """A value, or what is in mappings and lists of it, with ``1e-3`` as the number it is meant for."""
    if isinstance(value, dict):
        return {key: with_numbers(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(with_numbers(entry) for entry in value)
    return float(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else value
