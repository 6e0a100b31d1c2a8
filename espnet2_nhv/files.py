"""Files that are whole or not there: written under another name, then renamed."""

import contextlib
import fcntl
import glob
import hashlib
import os
import secrets
from pathlib import Path
from typing import Iterator, Union


@contextlib.contextmanager
def whole_file(path: Union[str, Path], shared: bool = False, sync: bool = True) -> Iterator[Path]:
    """Give the path to write to; what is there becomes the file `path` when the ``with`` block ends well.

    Until then, and if the block ends in any other way, what was under `path` before stays, and nothing else does.

    ::

        with whole_file("exp/vocoder.pth") as part:
            torch.save(tensors, part)

    Parameters
    ----------
    path : of the file; its folder must exist
    shared : bool, several processes may write this file at once: each gets a name of its own. What a killed process
        left is overwritten by the next, or taken away where names are their own, so that nothing piles up
    sync : bool, wait until it is on the disk before it takes its name, so that it is whole after a power failure too;
        about 10 ms, which a cache does not need

    Raises
    ------
    OSError
        Naming `path`, where the file cannot be put there.
    """
    path = Path(path)
    with contextlib.ExitStack() as held:
        if shared:
            with naming(path):
                part = held.enter_context(_part_of_ones_own(path, sweep=sync))
        else:
            part = path.with_name(f"{path.name}.part")
        try:
            yield part
            with naming(path):
                if sync:
                    sync_file(part)
                os.replace(part, path)
        except BaseException:
            with contextlib.suppress(OSError):  # whatever is wrong with the folder is said already
                part.unlink()
            raise


@contextlib.contextmanager
def _part_of_ones_own(path: Path, sweep: bool) -> Iterator[Path]:
    """A new file beside `path`, locked for as long, so that others know that it is not left over.

    With `sweep`, what nobody holds is taken away before; listing a cache's folder for that would cost too much.
    """
    if sweep:
        for left in path.parent.glob(f"{glob.escape(path.name)}.*.part"):
            with contextlib.suppress(OSError):
                with open(left, "rb") as file:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    left.unlink()
    while True:
        part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            if _is_locked(descriptor):
                yield part
                return
        finally:
            os.close(descriptor)


def _is_locked(descriptor: int) -> bool:
    """Lock a new file; false where another has taken it for left over before that."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a network's disk that knows no locks, on which nobody sweeps either
        return True
    return os.fstat(descriptor).st_nlink > 0


def write_whole(path: Union[str, Path], content: Union[str, bytes, memoryview], shared: bool = False) -> None:
    """Write text (as UTF-8) or bytes into a file that appears when it is whole, see :func:`whole_file`.

    Raises
    ------
    OSError
        Naming `path`, e.g. when the disk is full.
    """
    with whole_file(path, shared) as part, naming(path):
        part.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)


def sync_file(path: Union[str, Path]) -> None:
    """Wait until what was written into a file is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def digest(*paths: Union[str, Path]) -> str:
    """Sixteen digits that tell the contents of files from others."""
    contents = hashlib.sha256()
    for path in paths:
        contents.update(Path(path).read_bytes())
    return contents.hexdigest()[:16]


@contextlib.contextmanager
def naming(path: Union[str, Path]) -> Iterator[None]:
    """Make an OSError name `path`: a write that fails does not say on which file, or names the temporary one."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from None
