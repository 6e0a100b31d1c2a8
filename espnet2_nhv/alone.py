"""One run at a time in a folder."""

import contextlib
import errno
import fcntl
import os
from pathlib import Path
from typing import Iterator, Union

from espnet2_nhv.errors import UserError


@contextlib.contextmanager
def alone_in(folder: Union[str, Path]) -> Iterator[None]:
    """Work in a folder for as long as the ``with`` block lasts, while no other run does.

    The lock is on the folder itself, leaves nothing behind, and ends with the process however that ends.

    Parameters
    ----------
    folder : path, made where missing

    Raises
    ------
    UserError
        If another run is at work there.
    """
    is_new = not Path(folder).exists()
    Path(folder).mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                raise UserError(
                    f"{folder}: another run is at work in it: wait until it has ended, or use another folder"
                ) from None
            # A network's disk that knows no locks: as without any.
        yield
    except BaseException:
        if is_new:
            with contextlib.suppress(OSError):  # something is in it
                Path(folder).rmdir()
        raise
    finally:
        os.close(descriptor)
