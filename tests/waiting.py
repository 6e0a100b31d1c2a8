"""Waiting in tests that hold at any speed: for what, once true, stays so, and never for a time."""

import time

LONG = 900.0  # s, after which something is wrong however slow the machine is


def until(condition, process=None, pause=0.02, what="what was waited for"):
    """Wait until ``condition()`` is true and return it; fail where `process` has ended without that."""
    end = time.monotonic() + LONG
    while True:
        has_ended = process is not None and process.poll() is not None
        if found := condition():
            return found
        assert not has_ended, f"status {process.returncode}, without {what}"
        assert time.monotonic() < end, f"never: {what}"
        time.sleep(pause)
