"""What stages 2 and 3 tell of what they read."""

import sys
from typing import List, Sequence

_SHOWN = 20


def print_findings(problems: Sequence[str], warnings: Sequence[str], where: str) -> List[str]:
    """Print the first lines on stderr, and `where` to read on; returns all of them."""
    lines = [f"left out: {problem}" for problem in problems] + [f"warning: {text}" for text in warnings]
    for line in lines[:_SHOWN]:
        print(line, file=sys.stderr)
    if len(lines) > _SHOWN:
        print(f"... and {len(lines) - _SHOWN} more{where}", file=sys.stderr)
    return lines
