"""The learning curve of a training: what validation said, and after how much of it."""

import json
import logging
import math
from pathlib import Path
from typing import Dict, List, Union

from espnet2_nhv.files import write_whole

CURVE = "curve.jsonl"


def add_point(folder: Path, epoch: int, steps: int, seconds: float, losses: Dict[str, float]) -> None:
    """Write a point behind those of earlier epochs; of later ones, which a resumed training makes again, none stay.

    Parameters
    ----------
    folder : of the training
    epoch, steps : int >= 1
    seconds : float, spent training, over all runs
    losses : dict of name to float; those that are not finite are left out
    """
    losses = {key: round(value, 6) for key, value in losses.items() if math.isfinite(value)}
    points = [point for point in read_curve(folder) if point["epoch"] < epoch]
    points.append(dict(epoch=epoch, steps=steps, seconds=round(seconds, 3), **losses))
    write_whole(folder / CURVE, "".join(f"{json.dumps(point)}\n" for point in points))


def read_curve(folder: Union[str, Path]) -> List[dict]:
    """Points ``dict(epoch, steps, seconds, <loss in validation>: float)`` in their order; none where there are none."""
    path = Path(folder) / CURVE
    try:
        points = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return [point for point in points if point["epoch"] > 0 and point["steps"] >= 0 and point["seconds"] >= 0]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        logging.warning("%s: not readable as a learning curve (%s)", path, error)
        return []
