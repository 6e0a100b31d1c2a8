"""What every command line shares: one-sentence errors, Ctrl-C, quiet libraries."""

import errno
import logging
import sys
import warnings
from typing import Callable

from espnet2_nhv.errors import UserError


def run_cli(main: Callable[[], None]) -> None:
    """Run `main`; a UserError becomes one line and status 1, Ctrl-C becomes status 130."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s: %(message)s")
    warnings.filterwarnings("ignore", category=FutureWarning)
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    try:
        main()
    except UserError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        print("interrupted; the same command goes on where it stopped", file=sys.stderr)
        sys.exit(130)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        where = f" while writing {error.filename}" if error.filename else ""
        sys.exit(f"error: the disk is full{where}: free some space and run the same command again")
