"""What earlier stages noted down."""

import json
import logging
from pathlib import Path

import yaml


def load_facts(path: Path) -> dict:
    """A mapping from a JSON or YAML file; an empty one where there is none or it is damaged, which is said."""
    try:
        text = path.read_text(encoding="utf-8")
        values = yaml.safe_load(text) if path.suffix == ".yaml" else json.loads(text)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        logging.warning("%s: not readable (%s)", path, error)
        return {}
    return values if isinstance(values, dict) else {}
