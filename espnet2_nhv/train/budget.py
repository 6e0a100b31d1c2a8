"""How long a training may take, in time or in steps."""

import dataclasses
import re
from typing import Optional

from espnet2_nhv.errors import UserError

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclasses.dataclass(frozen=True)
class Budget:
    """A limit on the training of one vocoder, counted over all its runs.

    Parameters
    ----------
    seconds : float > 0 or None, spent in training epochs; validation and saving do not count
    steps : int > 0 or None, updates of the generator
    """

    seconds: Optional[float] = None
    steps: Optional[int] = None

    @classmethod
    def parse(cls, text: Optional[str]) -> "Budget":
        """Read "90s", "30m", "2h", "1.5d" or "20000steps"; None is no limit.

        Raises
        ------
        UserError
            If it is none of these.
        """
        if text is None:
            return cls()
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|h|d|steps?)", str(text).strip())
        if not found or not float(found[1]) > 0:
            raise UserError(f"budget {text!r} is not understood: give a time like 90s, 30m or 2h, or 20000steps")
        if found[2] in _SECONDS:
            return cls(seconds=float(found[1]) * _SECONDS[found[2]])
        if "." in found[1]:
            raise UserError(f"budget {text!r} is not understood: there are only whole steps")
        return cls(steps=int(found[1]))

    def is_spent(self, seconds: float, steps: int) -> bool:
        """Whether so many seconds or steps are all of it."""
        out_of_time = self.seconds is not None and seconds >= self.seconds
        return out_of_time or (self.steps is not None and steps >= self.steps)

    def share(self, seconds: float, steps: int) -> float:
        """How much of it so many seconds and steps are, in [0, 1]; 0 without a limit."""
        by_time = 0.0 if self.seconds is None else seconds / self.seconds
        return min(1.0, max(by_time, 0.0 if self.steps is None else steps / self.steps))
