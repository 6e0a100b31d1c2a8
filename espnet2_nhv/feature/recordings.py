"""The recordings of a Kaldi data directory: what each is, who sings in it, and at which speeds it is taken."""

import dataclasses
from pathlib import Path
from typing import Dict, List, Sequence, Tuple

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.audio import stamp
from espnet2_nhv.feature.datadir import read_segments, read_table

VERSION = 1  # of the algorithm: what another version made is made again


@dataclasses.dataclass(frozen=True)
class Recording:
    """One recording to prepare: all that decides what becomes of it, so that a change is noticed.

    `spans` are its utterances as (id, start, end), s, at the speed at which it is played; `stamp` is the size of the
    file and the time of its change.
    """

    name: str
    source: str
    spans: Tuple[Tuple[str, float, float], ...]
    stamp: Tuple[int, ...]
    fs: int
    min_seconds: float
    max_seconds: float
    allow_upsampling: bool
    version: int = VERSION
    speed: float = 1.0


def read_recordings(data: Path, settings) -> Tuple[List[Recording], Dict[str, str], List[str]]:
    """The recordings of a data directory, the speaker of each utterance, and what is wrong with the tables."""
    if not data.is_dir():
        raise UserError(f"{data} is missing: run stage 1 first")
    sources = read_table(data / "wav.scp")
    if not sources:
        raise UserError(f"{data}/wav.scp is empty: there is nothing to prepare")
    spans: Dict[str, list] = {}
    problems = []
    if (data / "segments").exists():
        for utterance, (recording, start, end) in read_segments(data / "segments").items():
            if recording in sources:
                spans.setdefault(recording, []).append((utterance, start, end))
            else:
                problems.append(f"{utterance}: its recording {recording} is not in {data}/wav.scp")
    else:
        spans = {name: [(name, 0.0, float("inf"))] for name in sources}
    for utterance in (span[0] for group in spans.values() for span in group):
        if "/" in utterance or utterance.startswith("."):
            raise UserError(f"{data}: the id {utterance!r} cannot name a file: rename it (no / and no leading dot)")
    speakers = read_table(data / "utt2spk") if (data / "utt2spk").exists() else {}
    recordings = [
        Recording(name, sources[name], tuple(spans[name]), stamp(sources[name]), *settings) for name in sorted(spans)
    ]
    return recordings, speakers, problems


def at_speeds(
    recordings: List[Recording], speakers: Dict[str, str], factors: Sequence[float], of: Sequence[str] = ()
) -> Tuple[List[Recording], Dict[str, str]]:
    """The recordings played at other speeds, under other names (Kaldi's for it), and the speakers of their utterances.

    Parameters
    ----------
    recordings, speakers : as :func:`read_recordings` gives them
    factors : floats within 0.5 to 2, but not 1
    of : the speakers that are taken, all of them if there is none

    Raises
    ------
    UserError
        If a factor is outside its range, a speaker is not there, or names would be doubled.
    """
    for factor in factors:
        if not 0.5 <= factor <= 2 or f"{factor:g}" == "1":
            raise UserError(f"speed factor {factor:g} is not within 0.5 to 2, or is the 1 that is there anyway")
    there = {speakers.get(span[0], span[0]) for recording in recordings for span in recording.spans}
    for name in of:
        if name not in there:
            raise UserError(f"--speed_speakers {name}: there is no such speaker; there are {', '.join(sorted(there))}")
    copies, names = [], {}
    for factor in factors:
        prefix = f"sp{factor:g}-"
        for recording in recordings:
            taken = [span for span in recording.spans if not of or speakers.get(span[0], span[0]) in of]
            spans = tuple((prefix + utt, start / factor, end / factor) for utt, start, end in taken)
            if spans:
                copies.append(dataclasses.replace(recording, name=prefix + recording.name, spans=spans, speed=factor))
                names.update((prefix + utt, prefix + speakers[utt]) for utt, *_ in taken if utt in speakers)
    every = recordings + copies
    utterances = [span[0] for recording in every for span in recording.spans]
    if len({recording.name for recording in every}) < len(every) or len(set(utterances)) < len(utterances):
        raise UserError(f"--speed_factors {' '.join(f'{factor:g}' for factor in factors)}: names would be doubled")
    return copies, names
