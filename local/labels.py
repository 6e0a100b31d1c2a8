"""Phoneme labels of a recording: start, end and phoneme a line."""

from pathlib import Path
from typing import List

from align_score import Label

from espnet2_nhv.errors import UserError
from espnet2_nhv.notation.phrases import PAUSE

# What is not sung, by the names that it has in several corpora; "xx" is PJS's for what is not to be used.
_SILENT = ("pau", "sil", "silb", "sile", "sp", "br", "ap", "xx", "")


def read_labels(path: Path) -> List[Label]:
    """Labels in HTK's form (whole 100 ns) or in seconds (with a point, as Audacity has them); gaps are pauses.

    Raises
    ------
    UserError
        If the file cannot be read, or a line is no label.
    """
    labels: List[Label] = []
    now = 0.0
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    unit = 1.0 if any("." in word for line in lines for word in line.split()[:2]) else 1e7
    for number, line in enumerate(lines, 1):
        fields = line.split()
        if not fields:
            continue
        try:
            start, end = (float(word) / unit for word in fields[:2])
        except ValueError:
            start, end = 1.0, 0.0
        if len(fields) != 3 or not 0 <= start <= end:
            raise UserError(f"{path}, line {number}: not a start, an end and a phoneme: {line!r}")
        if start > now:
            labels.append((now, start, PAUSE))
        labels.append((max(start, now), end, PAUSE if fields[2].lower() in _SILENT else fields[2]))
        now = end
    return labels
