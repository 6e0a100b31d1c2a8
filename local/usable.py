"""Stage 1 reads every recording once, so that what it splits can be used."""

import concurrent.futures
import dataclasses
import json
import os
from pathlib import Path
from typing import Dict, Mapping

from tqdm import tqdm

from espnet2_nhv.feature.audio import BadAudio, check_audio, stamp
from espnet2_nhv.files import write_whole

_THREADS = 4  # decoding leaves Python's lock


@dataclasses.dataclass
class Look:
    """What was seen of a recording.

    Attributes
    ----------
    seconds : float, length; 0 where it cannot be used, and of a pipe, which is not run for a look
    problem : str, why it cannot be used; empty where it can
    """

    seconds: float
    problem: str = ""


def look_at(wav_scp: Mapping[str, str], cache: Path) -> Dict[str, Look]:
    """Read recordings through, several at a time; what an earlier run has read and is unchanged is not read again.

    Parameters
    ----------
    wav_scp : mapping of a name to a file, a place in an ark or a pipe
    cache : path of a JSON file for what was seen, in a folder that is made where missing
    """
    stamps = {name: [source, list(stamp(source))] for name, source in wav_scp.items()}
    try:
        known = json.loads(cache.read_text(encoding="utf-8"))
        # What has no stamp, as a missing file, is looked for again.
        looks = {name: Look(*known[name][1]) for name, key in stamps.items() if key[1] and known[name][0] == key}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        looks = {}
    todo = [name for name in wav_scp if name not in looks]
    if not todo:
        return {name: looks[name] for name in wav_scp}
    with concurrent.futures.ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as pool:
        seen = pool.map(lambda name: _look(wav_scp[name]), todo)
        bar = tqdm(seen, "looking at files", len(todo), unit="file", dynamic_ncols=True, disable=None)
        looks.update(zip(todo, bar))
    cache.parent.mkdir(parents=True, exist_ok=True)
    facts = {name: [stamps[name], dataclasses.astuple(looks[name])] for name in wav_scp}
    write_whole(cache, json.dumps(facts, ensure_ascii=False))
    return {name: looks[name] for name in wav_scp}


def _look(source: str) -> Look:
    if source.rstrip().endswith("|"):
        return Look(float("inf"))
    try:
        return Look(check_audio(source))
    except BadAudio as error:
        return Look(0.0, str(error))
