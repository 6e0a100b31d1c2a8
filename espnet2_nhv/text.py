"""Text that people have written: tables, lists, YAML; in the encodings that their editors leave."""

import codecs
import os
import unicodedata
from pathlib import Path
from typing import Any, Dict, Union

import yaml

from espnet2_nhv.errors import UserError, in_one_line

# Aliases make a small file a huge one: a configuration has some hundred entries, a card some thousand.
MAX_YAML_BYTES, MAX_YAML_NODES = 1 << 22, 200_000
_LONG_YAML, _DEEPEST_YAML = 50_000, 300  # letters, levels


def read_text(path: Union[str, Path], what: str = "text") -> str:
    """The text of a file in UTF-8, without the byte order mark that some editors put before it.

    Parameters
    ----------
    path : of the file
    what : str, what it should be, named in errors

    Raises
    ------
    FileNotFoundError, IsADirectoryError, NotADirectoryError
        If there is no such file: whoever reads it knows what to say.
    UserError
        If it is in another encoding.
    """
    data = Path(path).read_bytes()
    # The longer first: UTF-32's mark begins as UTF-16's does.
    for name, marks in (
        ("UTF-32", (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)),
        ("UTF-16", (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)),
    ):
        if data.startswith(marks):
            raise UserError(f"{path}: it is {name}: convert it: iconv -f {name} -t UTF-8 {path} > new")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}: not {what} in UTF-8 (byte {error.start} is {data[error.start]:#04x}): "
            "if it is text, convert it, e.g. iconv -f SHIFT_JIS -t UTF-8"
        ) from None


def load_yaml(path: Union[str, Path], largest: int = MAX_YAML_BYTES, most: int = MAX_YAML_NODES) -> Any:
    """What a YAML file says, as plain values; tags that would make objects are refused.

    Parameters
    ----------
    path : of the file
    largest, most : int, letters of it and values in it, by default as many as a configuration or a card may have

    Raises
    ------
    FileNotFoundError, IsADirectoryError, NotADirectoryError
        As :func:`read_text`.
    UserError
        If it is not YAML, or would become more values than that, e.g. by aliases of aliases.
    """
    text = read_text(path, "YAML")
    if len(text) > largest:
        raise UserError(f"{path}: {len(text)} characters are too many, {largest} is the most")
    try:
        loader = _loader(text)
        node = loader.get_single_node()
        if node is not None and _size(node, {}) > most:
            raise UserError(f"{path}: its aliases make more than {most} values of it: write it out")
        return None if node is None else loader.construct_document(node)
    except UserError:
        raise
    except Exception as error:  # a bad date or number, a name that is no key: PyYAML has no one error for them
        raise UserError(f"{path}: not readable as YAML ({in_one_line(error)})") from None


def _loader(text: str) -> Any:
    """PyYAML's own for what is short; for what is long libyaml's, which is quick, but dies of deep nesting."""
    fast = getattr(yaml, "CSafeLoader", None)
    if fast is None or len(text) < _LONG_YAML:
        return yaml.SafeLoader(text)
    depth = 0
    for event in yaml.parse(text, Loader=fast):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST_YAML:
            raise ValueError(f"more than {_DEEPEST_YAML} levels of nesting")
    return fast(text)


def existing_path(path: Union[str, Path]) -> str:
    """`path` as it is spelt on the disk: a Mac writes accents and kana in two letters, others in one.

    Returns
    -------
    path : str; as given, where neither spelling exists
    """
    path = os.fspath(path)
    if os.path.lexists(path) or path.isascii():
        return path
    found = os.sep if os.path.isabs(path) else ""
    for part in path.split(os.sep):
        spellings = (part, unicodedata.normalize("NFC", part), unicodedata.normalize("NFD", part))
        step = next((name for name in spellings if os.path.lexists(os.path.join(found, name) if found else name)), None)
        if step is None:
            return path
        found = os.path.join(found, step) if found else step
    return found


def same_name(name: str) -> str:
    """One spelling for all that look alike, to look names up by."""
    return unicodedata.normalize("NFC", name)


def _size(node: yaml.Node, known: Dict[int, int]) -> int:
    """How many values a node would be, written out; one that holds itself is refused."""
    if id(node) in known:
        if not known[id(node)]:
            raise ValueError("an alias stands for what it is in")
        return known[id(node)]
    known[id(node)] = 0
    if isinstance(node, yaml.MappingNode):
        inside = [child for pair in node.value for child in pair]
    else:
        inside = node.value if isinstance(node, yaml.SequenceNode) else []
    known[id(node)] = size = 1 + sum(_size(child, known) for child in inside)
    return size
