"""Which files go in and which come out, and which of them an earlier run has made."""

import os
from pathlib import Path
from typing import Dict, List, Tuple, Union

import yaml

from espnet2_nhv.errors import UserError
from espnet2_nhv.files import write_whole

AUDIO = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc", ".au", ".caf", ".w64")
LISTS = (".txt", ".list", ".lst", ".scp")
_MADE_WITH = "made_with.yaml"


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


class Outputs:
    """A folder of wav files made with known settings: those that are there already need not be made again.

    Parameters
    ----------
    folder : path, made where missing
    settings : dict of plain values, what the files depend on besides their inputs
    """

    def __init__(self, folder: Union[str, Path], settings: dict):
        self.folder = Path(folder)
        if self.folder.exists() and not self.folder.is_dir():
            raise UserError(f"{self.folder} is a file: give a folder for the results of several inputs")
        self.folder.mkdir(parents=True, exist_ok=True)
        note = self.folder / _MADE_WITH
        try:
            same = yaml.safe_load(note.read_text(encoding="utf-8")) == settings
        except (FileNotFoundError, yaml.YAMLError, UnicodeDecodeError):
            same = False
        if not same:
            write_whole(note, yaml.safe_dump(settings, sort_keys=False, allow_unicode=True))
        # What is older than the note was made with other settings.
        self._since = note.stat().st_mtime_ns

    def path(self, name: str) -> Path:
        """Where the result of an input goes; its folder is made."""
        path = self.folder / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def done(self, name: str, source: str) -> bool:
        """Whether a result was made with these settings, after its source was last changed."""
        path = self.path(name)
        if not path.exists():
            return False
        changed = os.stat(source).st_mtime_ns if os.path.exists(source) else 0
        return path.stat().st_mtime_ns >= max(self._since, changed)
