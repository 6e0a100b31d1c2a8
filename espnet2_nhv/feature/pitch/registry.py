"""Which pitch trackers there are. A new one is a row here and a file beside this one."""

import importlib
from typing import TYPE_CHECKING

from espnet2_nhv.errors import UserError

if TYPE_CHECKING:  # command lines list the names before anything else is loaded
    from espnet2_nhv.feature.pitch.base import AbsTracker
    from espnet2_nhv.feature.spec import FeatureSpec

# name: "module:class"; imported when asked for, so that optional packages stay optional.
TRACKERS = {
    "swift": "espnet2_nhv.feature.pitch.swift:Swift",
    "harvest": "espnet2_nhv.feature.pitch.harvest:Harvest",
    "dio": "espnet2_nhv.feature.pitch.dio:Dio",
    "fcpe": "espnet2_nhv.feature.pitch.fcpe:FCPE",
    "file": "espnet2_nhv.feature.pitch.file:File",
}
METHODS = tuple(TRACKERS)
# Of features. Scores have their own (espnet2_nhv.score.tracker), which does not move with it.
DEFAULT = "swift"
METHOD_HELP = "swift is the fastest, harvest the slowest, dio errs more in noise, fcpe needs torchfcpe, file takes --f0"


def build_tracker(name: str, spec: "FeatureSpec", **options) -> "AbsTracker":
    """The tracker registered as `name`; `options` are its own, such as the curve of `file`.

    Raises
    ------
    UserError
        If there is none of that name, or its package is not installed.
    """
    if name not in TRACKERS:
        raise UserError(f"there is no F0 method {name!r}; there are {', '.join(TRACKERS)}")
    module, attribute = TRACKERS[name].split(":")
    cls = getattr(importlib.import_module(module), attribute)
    try:
        return cls(spec, **options)
    except ImportError as error:
        raise UserError(
            f"the F0 method {name} needs the package {cls.package} ({error}): install it, or use another --f0_method"
        ) from None
