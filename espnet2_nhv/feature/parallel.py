"""Jobs in parallel processes, whose loss never goes unnoticed."""

import concurrent.futures
import multiprocessing
import os
import signal
import sys
import threading
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.util import Finalize
from typing import Callable, Iterator, Sequence, TypeVar

from espnet2_nhv.errors import UserError

Job, Result = TypeVar("Job"), TypeVar("Result")


def run_jobs(function: Callable[[Job], Result], jobs: Sequence[Job], nj: int) -> Iterator[Result]:
    """Results of ``function(job)`` as they come, in any order.

    Parameters
    ----------
    function : a module's function, or a ``functools.partial`` of one
    jobs : sequence
    nj : int; with 1 or fewer (or one job) everything runs in this process

    Raises
    ------
    UserError
        If a process was killed. What `function` raises is raised here, and no further job is begun.
    """
    nj = min(nj, len(jobs))
    if nj <= 1:
        yield from map(function, jobs)
        return
    # Spawned, not forked: the libraries below have threads, and a forked copy of a lock may never be released.
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(nj, mp_context=spawn, initializer=_start) as pool:
        try:
            futures = [pool.submit(function, job) for job in jobs]
            for future in concurrent.futures.as_completed(futures):
                yield future.result()
        except BrokenProcessPool:
            raise UserError(
                "a worker process was killed, perhaps for want of memory: run the same command again with a smaller "
                "--nj; it goes on where this one stopped"
            ) from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _start():
    # Ctrl-C is for the parent to answer (and for the commands of pipes, which would inherit SIG_IGN);
    # and if the parent is killed, its workers must not stay.
    signal.signal(signal.SIGINT, lambda *_: None)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # The last of what multiprocessing does at the end: libraries that take their threads down have been seen to wait
    # for ever, and the parent with them. Results are in the parent's hands by then.
    Finalize(None, _end, exitpriority=-1000)


def _end():
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _end_with_parent():
    multiprocessing.parent_process().join()
    os._exit(1)
