"""What command lines share: one-sentence errors, Ctrl-C, quiet libraries, options."""

import argparse
import errno
import logging
import sys
import warnings
from typing import Callable, Optional

from espnet2_nhv.errors import UserError

_WRONG_PLACES = {
    errno.ENOENT: "there is no such file or folder",
    errno.ENOTDIR: "a part of it is a file, not a folder",
    errno.EISDIR: "it is a folder, not a file",
    errno.EEXIST: "it is a file, not a folder",
    errno.ENAMETOOLONG: "this disk takes no name as long as that",
}


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
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            where = f" while writing {error.filename}" if error.filename else ""
            sys.exit(f"error: the disk is full{where}: free some space and run the same command again")
        if error.filename and error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            sys.exit(f"error: {error.filename}: {error.strerror.lower()}: check its rights, or give another path")
        if error.filename and error.errno in _WRONG_PLACES:
            sys.exit(f"error: {error.filename}: {_WRONG_PLACES[error.errno]}: give another path")
        raise
    except RuntimeError as error:
        if "no locator available" in str(error):
            sys.exit("error: numba finds no folder to write to: set NUMBA_CACHE_DIR to one")
        raise


def add_vocoder(parser: argparse.ArgumentParser, what: str = "a saved or exported vocoder") -> None:
    """--vocoder, of commands that do without one."""
    parser.add_argument("--vocoder", help=f"{what}; default: the one that comes along")


def add_threads(parser: argparse.ArgumentParser, default: Optional[int] = None) -> None:
    """--threads."""
    or_else = "; the runtime's choice if not given" if default is None else ""
    parser.add_argument("--threads", type=int, default=default, help=f"CPU threads{or_else}")


def add_subtype(parser: argparse.ArgumentParser) -> None:
    """--subtype, the sample format."""
    from espnet2_nhv.synthesis.wav import SUBTYPES

    parser.add_argument("--subtype", default=SUBTYPES[0], choices=SUBTYPES, help="sample format of the wav files")


def add_knobs(parser: argparse.ArgumentParser) -> None:
    """--breathiness, --voicing, --tension, --gender, --loudness."""
    from espnet2_nhv.feature.knobs import KNOBS

    for name, (what, unit, (low, high)) in KNOBS.items():
        parser.add_argument(
            f"--{name}",
            metavar="NUMBER|FILE",
            help=f"{what}, {unit}, {low:g} to {high:g}; or a curve: csv of time and value, npz, npy, or a folder",
        )


def knobs_of(args: argparse.Namespace):
    """Those options as a :class:`espnet2_nhv.feature.knobs.KnobSource`."""
    from espnet2_nhv.feature.knobs import NAMES, KnobSource

    return KnobSource({name: getattr(args, name) for name in NAMES})


def add_pitch(parser: argparse.ArgumentParser) -> None:
    """Options of commands that analyse: --f0_method, --f0_floor, --f0_ceil, --f0."""
    from espnet2_nhv.feature.pitch.registry import DEFAULT, METHOD_HELP, METHODS

    parser.add_argument(
        "--f0_method",
        choices=METHODS,
        help=f"pitch tracker, {DEFAULT} if neither this nor --f0 is given: {METHOD_HELP}",
    )
    parser.add_argument("--f0_floor", type=float, help="Hz, 40 to 2500, of the search; the spec's if not given")
    parser.add_argument("--f0_ceil", type=float, help="Hz, likewise")
    parser.add_argument(
        "--f0",
        metavar="FILE",
        help="your own F0 instead: csv or tsv of time and Hz, npy, npz, MIDI, Kaldi ark or scp; of many recordings a "
        "folder of files called as they are. 0 or NaN is unvoiced",
    )
