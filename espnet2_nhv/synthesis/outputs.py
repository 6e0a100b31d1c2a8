"""Working through many inputs: what an earlier run has made is kept, what cannot be made is left out and named."""

import contextlib
import logging
from pathlib import Path
from typing import Any, Dict, Iterator, Optional, Tuple, Union

import yaml

from espnet2_nhv.errors import UserError
from espnet2_nhv.files import write_whole


class Outputs:
    """A folder of files made with known settings, and a list in it of those that are made.

    Parameters
    ----------
    folder : path, made where missing
    settings : dict of plain values, what the files depend on besides each one's input. Where an earlier run had others,
        its list is thrown away
    note : str, name of the file that holds the settings
    log : str, name of the list: a line a file, its name and some facts between tabs

    Raises
    ------
    UserError
        If `folder` is a file.
    """

    def __init__(self, folder: Union[str, Path], settings: dict, note: str = "made_with.yaml", log: str = "made.tsv"):
        self.folder = Path(folder)
        if self.folder.exists() and not self.folder.is_dir():
            raise UserError(f"{self.folder} is a file: give a folder for the results of several inputs")
        self.folder.mkdir(parents=True, exist_ok=True)
        self._log = self.folder / log
        self.made: Dict[str, Tuple[str, ...]] = {}
        if _read_note(self.folder / note) == settings:
            self.made = _read_log(self._log)
        # The list before the note: whatever comes between, nothing counts as made with what it was not made with.
        self._write_log()
        write_whole(self.folder / note, yaml.safe_dump(settings, sort_keys=False, allow_unicode=True))

    def path(self, name: str) -> Path:
        """Where the result of an input goes; its folder is made."""
        path = self.folder / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def is_made(self, name: str, *facts: str) -> bool:
        """Whether a result is there, made with these settings and, where facts are given, listed with them."""
        listed = self.made.get(name)
        return listed is not None and (not facts or listed == facts) and self.path(name).exists()

    def add(self, name: str, *facts: Any) -> Tuple[str, ...]:
        """List a result as made, with facts about it; returns them as they are listed."""
        self.made[name] = tuple(map(str, facts))
        with open(self._log, "a", encoding="utf-8") as log:
            log.write(_line(name, self.made[name]))
        return self.made[name]

    def _write_log(self) -> None:
        write_whole(self._log, "".join(_line(name, facts) for name, facts in self.made.items()))


def _line(name: str, facts: Tuple[str, ...]) -> str:
    words = name, *facts
    # A name that would break the list is left out of it: that file is made again each time.
    return "" if any("\t" in word or "\n" in word for word in words) else "\t".join(words) + "\n"


def _read_note(path: Path) -> Optional[dict]:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, yaml.YAMLError, UnicodeDecodeError):
        return None


def _read_log(path: Path) -> Dict[str, Tuple[str, ...]]:
    try:
        # What follows the last line break was cut off by a kill.
        lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    except (FileNotFoundError, UnicodeDecodeError):
        return {}
    return {name: tuple(facts) for name, *facts in (line.split("\t") for line in lines)}


def state_of(path: Union[str, Path]) -> str:
    """What tells, without reading it, that a file has not changed; empty where there is none (e.g. a Kaldi pipe)."""
    try:
        found = Path(path).stat()
    except OSError:
        return ""
    return f"{found.st_size} {found.st_mtime_ns}"


@contextlib.contextmanager
def leaving_out(name: str, failed: Dict[str, str]) -> Iterator[None]:
    """Work on one of many: if a UserError ends the ``with`` block, note its sentence in `failed`, warn, and go on."""
    try:
        yield
    except UserError as error:
        failed[name] = " ".join(str(error).split())
        logging.warning("left out: %s", failed[name] if name in failed[name] else f"{name}: {failed[name]}")
