"""Where the F0 of recordings is to come from, as command lines ask for it."""

import dataclasses
from typing import Optional

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.pitch.registry import DEFAULT
from espnet2_nhv.feature.spec import FeatureSpec


@dataclasses.dataclass(frozen=True)
class PitchSource:
    """Where the F0 of recordings comes from.

    Attributes
    ----------
    method : a row of :data:`espnet2_nhv.feature.pitch.registry.TRACKERS`; None takes the default, or `file` where there
        are curves
    f0_floor, f0_ceil : float in [40, 2500], Hz, the range of the search, or None for the spec's
    curves : path of F0 curves (:func:`espnet2_nhv.feature.pitch.curve_files.find_curve`), or None

    Raises
    ------
    UserError
        If these contradict each other, or the range is beyond what trackers hear.
    """

    method: Optional[str] = None
    f0_floor: Optional[float] = None
    f0_ceil: Optional[float] = None
    curves: Optional[str] = None

    def __post_init__(self):
        if self.curves is not None and self.method not in (None, "file"):
            raise UserError(f"--f0 gives the F0 and --f0_method {self.method} would look for it: give one of them")
        if self.curves is None and self.method == "file":
            raise UserError("--f0_method file needs --f0 FILE")
        object.__setattr__(self, "method", self.method or (DEFAULT if self.curves is None else "file"))
        for name, value in (("f0_floor", self.f0_floor), ("f0_ceil", self.f0_ceil)):
            if value is not None and not 40 <= value <= 2500:
                raise UserError(f"--{name} is {value:g} Hz: give 40 to 2500")

    def spec(self, spec: FeatureSpec) -> FeatureSpec:
        """`spec` with the range of this search."""
        given = dict(f0_floor=self.f0_floor, f0_ceil=self.f0_ceil)
        return dataclasses.replace(spec, **{name: value for name, value in given.items() if value is not None})

    def settings(self) -> dict:
        """What a result depends on, as plain values; without what is not given."""
        facts = dataclasses.asdict(self)
        return dict(f0_method=facts.pop("method"), **{key: str(value) for key, value in facts.items() if value})
