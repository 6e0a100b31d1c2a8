"""Which files a path stands for."""

import os
from pathlib import Path
from typing import Dict, List, Tuple, Union

from espnet2_nhv.errors import UserError

AUDIO = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc", ".au", ".caf", ".w64")
LISTS = (".txt", ".list", ".lst", ".scp")


def input_files(source: Union[str, Path], suffixes: Tuple[str, ...]) -> Dict[str, str]:
    """Files that a path stands for.

    Parameters
    ----------
    source : path of a folder (searched deeply for `suffixes`) or of a list (LISTS): one file a line, or as Kaldi has
        it, a name and a file; relative files are looked for from here and, failing that, from beside the list
    suffixes : of the files wanted in a folder

    Returns
    -------
    files : dict of a name, which has no suffix but may have folders, to a path

    Raises
    ------
    UserError
        If there are none, or two have one name.
    """
    source = Path(source)
    files: Dict[str, str] = {}
    if source.is_dir():
        for path in sorted(source.rglob("*")):
            if path.suffix.lower() in suffixes and path.is_file():
                _add(files, str(path.relative_to(source).with_suffix("")), str(path), source)
    else:
        for line in _lines(source):
            name, path = _list_entry(line, source.parent)
            _add(files, name, path, source)
    if not files:
        wanted = f"no file ending in {', '.join(suffixes)}" if source.is_dir() else "no line with a file"
        raise UserError(f"{source}: there is {wanted} in it")
    return files


def _add(files: Dict[str, str], name: str, path: str, source: Path) -> None:
    if name in files:
        raise UserError(f"{source}: {files[name]} and {path} would both be written as {name}.wav: rename one")
    files[name] = path


def _lines(path: Path) -> List[str]:
    try:
        return [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file or folder") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: not a list of files (it is not UTF-8 text)") from None


def _list_entry(line: str, beside: Path) -> Tuple[str, str]:
    whole = line.strip()
    if os.path.exists(whole) or (beside / whole).exists():
        return Path(whole).stem, whole if os.path.exists(whole) else str(beside / whole)
    name, *rest = whole.split(maxsplit=1)
    path = rest[0] if rest else whole
    if not os.path.exists(path) and (beside / path).exists():
        path = str(beside / path)
    return (name if rest else Path(whole).stem), path
