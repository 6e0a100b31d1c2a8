"""What command lines share: one-sentence errors, Ctrl-C, quiet libraries, options."""

import argparse
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
        if error.errno == errno.ENOSPC:
            where = f" while writing {error.filename}" if error.filename else ""
            sys.exit(f"error: the disk is full{where}: free some space and run the same command again")
        if error.filename and error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            sys.exit(f"error: {error.filename}: {error.strerror.lower()}: check its rights, or give another path")
        raise


def add_synthesis(parser: argparse.ArgumentParser) -> None:
    """Give `parser` the options of commands that synthesise a user's files: --vocoder, --subtype, --threads."""
    from espnet2_nhv.synthesis.decode import SUBTYPES  # here, since other commands do without PyTorch

    parser.add_argument("--vocoder", help="a saved or exported vocoder; default: the one that comes along")
    parser.add_argument("--subtype", default="PCM_16", choices=SUBTYPES, help="sample format of the wav files")
    parser.add_argument("--threads", type=int, help="CPU threads; the runtime's choice if not given")
