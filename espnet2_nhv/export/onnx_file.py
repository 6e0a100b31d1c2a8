"""ONNX files with a card and a seal, readable without the onnx package.

A file is a model, then its card, then the SHA-256 of all before it, both as metadata of the model: pieces of a protocol
buffer may follow one another.
"""

import hashlib
from pathlib import Path
from typing import Dict, Tuple, Union

from espnet2_nhv.errors import UserError
from espnet2_nhv.export.card import KEY, as_text, check_card
from espnet2_nhv.files import write_whole

KINDS = ("onnx", "onnx-stream")
_SEAL = "espnet2_nhv_sha256"
_METADATA = 14  # the number of metadata_props among the fields of a model


def write_onnx(model, card: dict, path: Union[str, Path]) -> None:
    """Write an ``onnx.ModelProto`` with its card; the file appears when it is whole."""
    content = model.SerializeToString() + _entry(KEY, as_text(card))
    content += _entry(_SEAL, hashlib.sha256(content).hexdigest())
    write_whole(path, content)


def read_onnx(path: Union[str, Path]) -> Tuple[bytes, dict]:
    """The content and the card of a file written by :func:`write_onnx`.

    Raises
    ------
    UserError
        If it is missing, cut short, altered, not one of ours or of a newer format.
    """
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file") from None
    except IsADirectoryError:
        raise UserError(f"{path}: a folder, not an ONNX file") from None
    try:
        metadata = _metadata(content)
    except (IndexError, UnicodeDecodeError):
        metadata = {}
    seal = _entry(_SEAL, metadata.get(_SEAL, ""))
    if KEY not in metadata or not content.endswith(seal):
        raise UserError(f"{path}: not a vocoder exported by espnet2_nhv, or cut short: export it again")
    if hashlib.sha256(content[: -len(seal)]).hexdigest() != metadata[_SEAL]:
        raise UserError(f"{path}: altered or damaged since it was exported: export it again")
    return content, check_card(metadata[KEY], path, KINDS)


def _entry(key: str, value: str) -> bytes:
    """A model of nothing but one entry of metadata."""
    pair = _field(1, key.encode()) + _field(2, value.encode())
    return _field(_METADATA, pair)


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    digits = []
    while value > 127:
        digits.append(value & 127 | 128)
        value >>= 7
    return bytes([*digits, value])


def _metadata(content: bytes) -> Dict[str, str]:
    entries = (dict(_fields(value)) for number, value in _fields(content) if number == _METADATA)
    return {entry.get(1, b"").decode(): entry.get(2, b"").decode() for entry in entries}


def _fields(content: bytes):
    """Numbers and contents of the fields of a protocol buffer that have a length; the others are passed over."""
    place = 0

    def varint() -> int:
        nonlocal place
        value = shift = 0
        while True:
            digit = content[place]
            place += 1
            value |= (digit & 127) << shift
            shift += 7
            if digit < 128:
                return value

    while place < len(content):
        tag = varint()
        if tag & 7 == 2:
            size = varint()
            if place + size > len(content):
                raise IndexError("a field reaches beyond the end")
            yield tag >> 3, content[place : place + size]
            place += size
        elif tag & 7 == 0:
            varint()
        elif tag & 7 in (1, 5):
            place += 8 if tag & 7 == 1 else 4
        else:
            raise IndexError("not a protocol buffer")
