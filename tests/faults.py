"""Runs that are killed, interrupted, or out of disk, at any moment.

Each is a process forked from this one, in which an audit hook counts what is done to files (opened for writing,
renamed, removed, made).
"""

import contextlib
import errno
import os
import signal
import subprocess
import sys
import time
import traceback

import torch

from espnet2_nhv.errors import UserError

KINDS = ("kill", "torn", "full", "interrupt", "moment")
_EVENTS = {"os.rename", "os.remove", "os.mkdir", "os.rmdir"}


def run_forked(folder, stage, kind=None, at=0):
    """Run ``stage()`` in `folder`, in a process of its own, with a fault.

    Parameters
    ----------
    kind : None; 'kill' at the `at`-th event; 'torn', killed there too, but after a file that it opens has become empty;
        'full', the disk from it on; 'interrupt' (Ctrl-C) at it; 'moment', killed after `at` s

    Returns
    -------
    said : ``done``, ``killed``, ``interrupted``, what it said (``said TYPE: ...``), or a traceback
    n_events : int
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        os.chdir(folder)
        count, said = 0, "done"

        def watch(event, arguments):
            nonlocal count
            writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
            if not writes and event not in _EVENTS or "/dev/" in str(arguments[0]) or "site-packages" in str(arguments):
                return
            count += 1
            if count == at and kind == "torn" and event == "open" and arguments[2] & os.O_TRUNC:
                os.truncate(os.open(arguments[0], os.O_CREAT | os.O_WRONLY), 0)
            if count == at and kind in ("kill", "torn"):
                os.kill(os.getpid(), signal.SIGKILL)
            if count >= at and kind == "full" and event in ("open", "os.mkdir"):
                raise OSError(errno.ENOSPC, "No space left on device", str(arguments[0]))
            if count == at and kind == "interrupt":
                raise KeyboardInterrupt

        torch.set_num_threads(1)
        sys.addaudithook(watch)
        try:
            stage()
        except (UserError, OSError) as error:
            said = f"said {type(error).__name__}: {error}"
        except KeyboardInterrupt:
            said = "interrupted"
        except BaseException:
            said = traceback.format_exc()
        os.write(writer, f"{count}\n{said}".encode()[:60000])
        os._exit(0)
    os.close(writer)
    if kind == "moment":
        time.sleep(at)
        os.kill(child, signal.SIGKILL)
    with os.fdopen(reader) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    count, _, said = text.partition("\n")
    return said or "killed", int(count or 0)


@contextlib.contextmanager
def small_disk(folder, size):
    """Mount a disk of `size` bytes at `folder`; gives a function that makes it large, or None where nobody may."""
    folder.mkdir(exist_ok=True)
    if not _mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder):
        yield None
        return
    try:
        yield lambda: _mount("-o", "remount,size=200m", folder)
    finally:
        subprocess.run(["umount", folder], check=True)


def _mount(*arguments):
    return subprocess.run(["mount", *map(str, arguments)], capture_output=True).returncode == 0
