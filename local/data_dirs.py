"""What the corpora of egs/nhv_sing share in stage 1: finding recordings, naming them, splitting them into sets."""

import argparse
import dataclasses
import hashlib
import os
import re
import unicodedata
from pathlib import Path
from typing import Callable, Dict, Iterable, List, Optional, Set, Tuple

from usable import look_at

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.audio import BadAudio, read_mono
from espnet2_nhv.feature.datadir import write_data_dir
from espnet2_nhv.feature.phrases import STEP, quietest, sound_level
from espnet2_nhv.feature.report import print_findings

SETS = ("train", "dev", "eval")
SHARE = 0.1  # of dev and of eval
MIN_HELD_OUT = 1.0  # s; less than this says nothing in dev or eval
LOOKED = "looked_at.json"  # what was seen of each recording
MAX_ID = 80  # characters; ids become file names


@dataclasses.dataclass
class Corpus:
    """Recordings and the utterances in them, as a Kaldi data directory has them; `segments` as read_segments gives."""

    wav_scp: Dict[str, str]
    utt2spk: Dict[str, str]
    segments: Optional[Dict[str, Tuple[str, float, float]]] = None

    def write(self, folder: Path, utterances: Iterable[str]) -> None:
        """Write the data directory of some of the utterances."""
        utterances = set(utterances)
        segments, recordings = None, utterances
        if self.segments is not None:
            segments = {utt: span for utt, span in self.segments.items() if utt in utterances}
            recordings = {recording for recording, _, _ in segments.values()}
        wav_scp = {name: path for name, path in self.wav_scp.items() if name in recordings}
        write_data_dir(folder, wav_scp, {utt: self.utt2spk.get(utt, utt) for utt in utterances}, segments)


def parse_args(description: str) -> argparse.Namespace:
    """The options of every corpus's script: --db_root and --data."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--db_root", default="", help="where the corpus is")
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder of the Kaldi data directories")
    return parser.parse_args()


def corpus_folder(db_root: str, corpus: str, hint: str) -> Path:
    """`db_root` as an absolute path; if it is not given or not a folder, an error that ends with `hint`."""
    if not db_root:
        raise UserError(f"the corpus {corpus} needs --db_root: {hint}")
    if not os.path.isdir(db_root):
        raise UserError(f"--db_root {db_root}: there is no such folder: {hint}")
    return Path(os.path.abspath(db_root))


def safe_id(name: str) -> str:
    """`name` with nothing but letters, digits, ``-`` and ``_``; a long one is cut and ends with a checksum."""
    safe = re.sub(r"[^\w-]+", "_", unicodedata.normalize("NFC", name)).strip("_") or "_"
    if len(safe) > MAX_ID:
        safe = f"{safe[: MAX_ID - 9]}_{hashlib.sha256(safe.encode()).hexdigest()[:8]}"
    return safe


def name_files(files: Iterable[Path], identify: Callable[[Path], str]) -> Dict[str, str]:
    """wav.scp of `files`; two that `identify` gives one id are an error that names both."""
    wav_scp: Dict[str, str] = {}
    for path in files:
        name = identify(path)
        if name in wav_scp:
            raise UserError(f"{wav_scp[name]} and {path} would both have the id {name!r}: rename or remove one of them")
        wav_scp[name] = str(path)
    return wav_scp


def split(names: Iterable[str], never_held_out: Iterable[str] = ()) -> Dict[str, List[str]]:
    """Names of train, dev and eval: a tenth each for dev and eval, at least one.

    The order is that of a checksum, so that a new file changes little in what is held out.
    """
    train = sorted(never_held_out)
    order = sorted(set(names) - set(train), key=lambda name: hashlib.sha256(name.encode()).digest())
    count = max(1, round(SHARE * len(order)))
    return {"dev": order[:count], "eval": order[count : 2 * count], "train": sorted(train + order[2 * count :])}


def bad_recordings(wav_scp: Dict[str, str], data: Path) -> Dict[str, str]:
    """Recordings that cannot be used, each with the reason; they are named on stderr."""
    looks = look_at(wav_scp, data / LOOKED)
    bad = {name: look.problem for name, look in looks.items() if look.problem}
    print_findings([f"{wav_scp[name]}: {problem}" for name, problem in bad.items()], [], "; stage 2 names all")
    return bad


def write_split(corpus: Corpus, data: Path) -> None:
    """Write train, dev and eval; by utterance or, where there are fewer than three usable, by time inside each.

    Every recording is read first. What cannot be used is named and stays in train, where stage 2 leaves it out (or,
    with --strict, ends): were it held out, a set could be left with nothing. So does what is too short to say anything.

    Raises
    ------
    UserError
        If no recording can be used.
    """
    bad = bad_recordings(corpus.wav_scp, data)
    looks = look_at(corpus.wav_scp, data / LOOKED)
    recording_of = {name: (corpus.segments or {}).get(name, (name,))[0] for name in corpus.utt2spk}
    usable = [name for name, recording in recording_of.items() if recording in looks and recording not in bad]
    if not usable:
        name, problem = next(iter(bad.items()), ("", "no segment is of one of them"))
        raise UserError(f"none of the {len(looks)} recordings can be used (the first, {name}: {problem})")
    short = set() if corpus.segments else {name for name in usable if looks[name].seconds < MIN_HELD_OUT}
    never_held_out = set(corpus.utt2spk) - set(usable) | short
    if len(corpus.utt2spk) - len(never_held_out) < 3:
        print(
            f"{len(usable)} of {len(corpus.utt2spk)} files can be used, fewer than 3 as a set of their own: "
            "the last two tenths of each become dev and eval"
        )
        corpus, sets = split_inside(corpus, set(usable) - short)
    else:
        sets = split(corpus.utt2spk, never_held_out)
    for name in SETS:
        corpus.write(data / name, sets[name])
    counts = ", ".join(f"{len(sets[name])} {name}" for name in SETS)
    print(f"{data}: {counts} ({len(corpus.wav_scp)} recordings, {len(bad)} of them not usable)")


def split_inside(corpus: Corpus, usable: Set[str]) -> Tuple[Corpus, Dict[str, List[str]]]:
    """Cut each `usable` utterance into train (80%), dev and eval (10% each), at the quietest moment near each border.

    Raises
    ------
    UserError
        If no utterance is long enough.
    """
    segments, speakers, sets, reasons = {}, {}, {name: [] for name in SETS}, []
    for utterance, speaker in corpus.utt2spk.items():
        recording, first, last = (corpus.segments or {}).get(utterance, (utterance, 0.0, float("inf")))
        borders = []
        try:
            if utterance in usable:
                borders = _borders(corpus.wav_scp[recording], first, last)
        except BadAudio as error:
            reasons.append(f"{utterance}: {error}")
        for name, start, end in zip(SETS, [first, *borders], [*borders, last]):
            segments[f"{utterance}_{name}"] = (recording, start, end)
            speakers[f"{utterance}_{name}"] = speaker
            sets[name].append(f"{utterance}_{name}")
    if not sets["eval"]:
        reason = next(iter(reasons), f"{min(corpus.utt2spk)}: too short to split: below {MIN_HELD_OUT:g} s")
        raise UserError(f"there is nothing to split into train, dev and eval ({reason}): give at least three files")
    return Corpus(corpus.wav_scp, speakers, segments), sets


def _borders(source: str, first: float, last: float) -> List[float]:
    wav, fs, _ = read_mono(source)
    last = min(last, len(wav) / fs)
    length = last - first
    if SHARE * length < MIN_HELD_OUT:
        raise BadAudio(f"too short to split: it has {length:.3g} s and at least {MIN_HELD_OUT / SHARE:g} s is needed")
    level = sound_level(wav[int(first * fs) : int(last * fs)], fs)
    # Within a fifth of a tenth to both sides, so that every set keeps about its share.
    spread = int(0.2 * SHARE * len(level))
    middles = [int((1 - share) * len(level)) for share in (2 * SHARE, SHARE)]
    return [first + quietest(level, middle - spread, middle + spread) * int(fs * STEP) / fs for middle in middles]
