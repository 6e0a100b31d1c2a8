"""Several processes or machines, started one by one, that train one vocoder: the first prepares, the others wait."""

import argparse
import time
from pathlib import Path
from typing import Optional

from espnet2.train.distributed_utils import get_node_rank, get_num_nodes

from espnet2_nhv.errors import UserError

_PATIENCE = 3600.0  # s, for statistics of a large corpus


class Nodes:
    """What ESPnet's launcher says of the processes started beside this one.

    Parameters
    ----------
    args : Namespace of an ESPnet task

    Attributes
    ----------
    count : int >= 1, of processes that were started; each may spawn one for each of its GPUs
    rank : int in [0, count)
    """

    def __init__(self, args: argparse.Namespace):
        self.count = get_num_nodes(args.dist_world_size, args.dist_launcher) or 1
        self.rank = (get_node_rank(args.dist_rank, args.dist_launcher) or 0) if self.count > 1 else 0
        self.ready = _ready_file(args.dist_init_method) if self.count > 1 else None

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def wait(self, patience: float = _PATIENCE) -> None:
        """In all but the first: until that one has prepared what all read.

        Raises
        ------
        UserError
            If nothing comes.
        """
        if self.is_first or self.ready is None:
            return
        end = time.monotonic() + patience
        while not self.ready.exists():
            if time.monotonic() > end:
                raise UserError(f"{self.ready} did not appear: the first process has not got ready, see its log")
            time.sleep(0.2)

    def announce(self) -> None:
        """In the first: what all read is there."""
        if self.is_first and self.ready is not None:
            self.ready.touch()


def _ready_file(init_method: Optional[str]) -> Optional[Path]:
    """A file beside the one by which the processes meet; that has a new name every time."""
    prefix = "file://"
    if not init_method or not init_method.startswith(prefix):
        return None
    return Path(f"{init_method[len(prefix) :]}.ready")
