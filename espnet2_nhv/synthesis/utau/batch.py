"""Many notes of a list."""

import json
from pathlib import Path
from typing import Callable, Dict, Sequence, Tuple

from tqdm import tqdm

from espnet2_nhv.errors import UserError, in_one_line
from espnet2_nhv.synthesis.outputs import leaving_out


def sing_batch(path: Path, render: Callable[[Sequence[str]], None]) -> Tuple[int, Dict[str, str]]:
    """Sing the notes of a file, a JSON list of a resampler's arguments a line, with a progress bar.

    Returns
    -------
    n_sung : int
    failed : dict of a note to the reason it was left out

    Raises
    ------
    UserError
        If the file is missing or not text, or none of its notes can be sung.
    """
    try:
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not readable as a list of notes ({in_one_line(error)})") from None
    failed: Dict[str, str] = {}
    for number, line in enumerate(tqdm(lines, desc="notes", dynamic_ncols=True, disable=None), start=1):
        with leaving_out(f"{path}, line {number}", failed):
            try:
                arguments = json.loads(line)
            except ValueError:
                arguments = None
            if not isinstance(arguments, list) or not all(isinstance(x, (str, int, float)) for x in arguments):
                raise UserError("not a JSON list of a resampler's arguments")
            render([str(x) for x in arguments])
    if len(failed) == len(lines):
        raise UserError(next(iter(failed.values()), f"{path}: there is no note in it"))
    return len(lines) - len(failed), failed
