"""Results are either whole or not there."""

import os
from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Write `text` under another name and rename it, so that a file under `path` is never half of one."""
    part = path.with_name(f"{path.name}.part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)
