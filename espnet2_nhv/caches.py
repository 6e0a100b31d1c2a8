"""Folders that libraries below want to write to, for those who may write to few."""

import os
import stat
import sysconfig
import tempfile
from pathlib import Path


def make_room_for_numba() -> None:
    """Name numba a folder for what it compiles, where it would find none and end librosa's import.

    It tries the folder of the installed package and the user's cache. An environment that is read-only, or a user
    without a home, has neither. A name that is given (``NUMBA_CACHE_DIR``) stays.
    """
    if "NUMBA_CACHE_DIR" in os.environ or os.access(sysconfig.get_paths()["purelib"], os.W_OK):
        return
    cache = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) / "numba"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        if os.access(cache, os.W_OK):
            return
    except OSError:
        pass
    os.environ["NUMBA_CACHE_DIR"] = str(_own_folder(Path(tempfile.gettempdir()) / f"numba-{os.getuid()}"))


def _own_folder(path: Path) -> Path:
    """`path`, if it is ours alone: what lies in it is run, and anybody can make a folder where temporary files go."""
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        facts = path.lstat()
        if stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.getuid() and not facts.st_mode & 0o022:
            return path
    except OSError:
        pass
    return Path(tempfile.mkdtemp(prefix="numba-"))
