"""Results are either whole or not there."""

import json
import logging
import os
from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Write `text` under another name and rename it, so that a file under `path` is never half of one."""
    part = path.with_name(f"{path.name}.part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)


def load_json(path: Path) -> dict:
    """A JSON mapping; an empty one where there is none or it is damaged, which is said."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        logging.warning("%s: not readable (%s)", path, error)
        return {}
    return values if isinstance(values, dict) else {}
