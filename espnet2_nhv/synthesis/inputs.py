"""Which files a path stands for."""

import os
from pathlib import Path
from typing import Dict, List, Optional, Tuple, Union

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.finding import find_files
from espnet2_nhv.text import existing_path, read_text

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
        for path in find_files(source, suffixes):
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
        return [line for line in read_text(path, "a list of files").splitlines() if line.strip()]
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"{path}: there is no such file or folder") from None


def _list_entry(line: str, beside: Path) -> Tuple[str, str]:
    whole = line.strip()
    found = _found(whole, beside)
    if found is not None:
        return Path(whole).stem, found
    name, *rest = whole.split(maxsplit=1)
    path = rest[0] if rest else whole
    return (name if rest else Path(whole).stem), _found(path, beside) or path


def _found(path: str, beside: Path) -> Optional[str]:
    """Where a file of a list is, from here or from beside the list; None if it is in neither place."""
    here, there = existing_path(path), existing_path(beside / path)
    return here if os.path.exists(here) else there if os.path.exists(there) else None
