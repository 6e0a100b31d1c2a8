"""What an F0 contour says about itself: most bad training data shows here first."""

import dataclasses
import math
from typing import List

import numpy as np

from espnet2_nhv.feature.spec import FeatureSpec

JUMP = 0.8  # octaves between neighbouring frames: more than a voice can do in a few milliseconds
AT_EDGE = 2.0 ** (10 / 1200)  # within 10 cents of an end of the range
# Singers reach C2 and C6; beyond, room rumble and whistles are more often found than voices.
RELIABLE = (65.0, 1100.0)
MANY_JUMPS, MANY_AT_EDGE, FEW_VOICED = 6.0, 0.01, 0.1


@dataclasses.dataclass(frozen=True)
class F0Audit:
    """Facts of one utterance.

    Attributes
    ----------
    seconds : float, length
    voiced : float in [0, 1], share of voiced frames
    low, median, high : float, Hz, the 5th, 50th and 95th percentile of the voiced frames (NaN without any)
    jumps : int, octave jumps: neighbouring voiced frames more than 0.8 octaves apart
    at_floor, at_ceil : float in [0, 1], share of the voiced frames at an end of the search range
    beyond : float in [0, 1], share of the loud periodic frames whose pitch lies beyond the range
    """

    seconds: float
    voiced: float
    low: float
    median: float
    high: float
    jumps: int
    at_floor: float
    at_ceil: float
    beyond: float = 0.0

    @property
    def jumps_per_minute(self) -> float:
        """Octave jumps a minute."""
        return 60 * self.jumps / self.seconds

    def warnings(self, spec: FeatureSpec) -> List[str]:
        """What is odd, a clause each, with what may be done."""
        beyond = []
        if self.beyond > MANY_AT_EDGE:
            beyond = [
                f"{self.beyond:.0%} of what is loud and periodic has a pitch beyond {spec.f0_floor:g} to "
                f"{spec.f0_ceil:g} Hz, and none was given to it: widen the range, --f0_floor and --f0_ceil"
            ]
        if self.voiced == 0 and beyond:
            return beyond
        if self.voiced == 0:
            return ["no voiced frame, so F0 is a constant: leave the file out unless it is meant to be breath or noise"]
        found = beyond
        if self.voiced < FEW_VOICED:
            found.append(f"only {self.voiced:.0%} of the frames are voiced: is it singing?")
        if self.jumps > 1 and self.jumps_per_minute > MANY_JUMPS:
            found.append(
                f"{self.jumps_per_minute:.0f} octave jumps a minute: a second voice, an instrument or creaky voice? "
                "A narrower f0_floor or f0_ceil helps where the pitch is wrong"
            )
        if self.at_floor > MANY_AT_EDGE:
            where = f"the floor of {spec.f0_floor:g} Hz in {self.at_floor:.0%} of the voiced frames"
            found.append(f"F0 touches {where}: lower f0_floor if somebody sings there")
        if self.at_ceil > MANY_AT_EDGE:
            where = f"the ceiling of {spec.f0_ceil:g} Hz in {self.at_ceil:.0%} of the voiced frames"
            found.append(f"F0 touches {where}: raise f0_ceil if somebody sings there")
        if self.low < RELIABLE[0]:
            found.append(f"F0 goes down to {self.low:.0f} Hz, where rumble is easily taken for a voice: listen to it")
        if self.high > RELIABLE[1]:
            found.append(f"F0 goes up to {self.high:.0f} Hz, where overtones are easily taken for a voice: listen")
        return found


def audit_f0(f0: np.ndarray, vuv: np.ndarray, spec: FeatureSpec, beyond: float = 0.0) -> F0Audit:
    """Look at a contour.

    Parameters
    ----------
    f0 : ndarray [shape=(T,)], Hz, > 0, T >= 1
    vuv : ndarray [shape=(T,)], 1 where voiced, else 0
    spec : FeatureSpec, which the contour was made with
    beyond : float in [0, 1], see :class:`F0Audit`
    """
    voiced = np.asarray(vuv) > 0.5
    pitch = np.asarray(f0, dtype=np.float64)
    low, median, high = np.percentile(pitch[voiced], (5, 50, 95)) if voiced.any() else (math.nan,) * 3
    steps = np.abs(np.diff(np.log2(pitch)))[voiced[1:] & voiced[:-1]]
    n_voiced = max(1, int(voiced.sum()))
    return F0Audit(
        seconds=len(pitch) * spec.hop_length / spec.fs,
        voiced=float(voiced.mean()),
        low=float(low),
        median=float(median),
        high=float(high),
        jumps=int((steps > JUMP).sum()),
        at_floor=float((pitch[voiced] < spec.f0_floor * AT_EDGE).sum() / n_voiced),
        at_ceil=float((pitch[voiced] > spec.f0_ceil / AT_EDGE).sum() / n_voiced),
        beyond=beyond,
    )


TSV_HEADER = tuple(
    "utterance seconds voiced low_hz median_hz high_hz octave_jumps_per_minute at_floor at_ceil beyond warnings".split()
)


def tsv_row(utt: str, audit: F0Audit, spec: FeatureSpec) -> str:
    """A line of f0_audit.tsv, in the order of TSV_HEADER."""
    pitches = ["" if math.isnan(hz) else f"{hz:.1f}" for hz in (audit.low, audit.median, audit.high)]
    shares = [f"{audit.at_floor:.4f}", f"{audit.at_ceil:.4f}", f"{audit.beyond:.4f}", "; ".join(audit.warnings(spec))]
    row = [utt, f"{audit.seconds:.3f}", f"{audit.voiced:.3f}", *pitches, f"{audit.jumps_per_minute:.2f}", *shares]
    return "\t".join(row) + "\n"
