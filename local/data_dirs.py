"""What the corpora of egs/nhv_sing share in stage 1: finding recordings, naming them, splitting them into sets."""

import argparse
import dataclasses
import hashlib
import os
import re
import unicodedata
from pathlib import Path
from typing import Callable, Dict, Iterable, List, Optional, Tuple

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.audio import BadAudio, read_mono
from espnet2_nhv.feature.datadir import write_data_dir
from espnet2_nhv.feature.phrases import STEP, quietest, sound_level

SETS = ("train", "dev", "eval")
SHARE = 0.1  # of dev and of eval
MIN_HELD_OUT = 1.0  # s; less than this says nothing in dev or eval
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


def find_files(folder: Path, extensions: Tuple[str, ...]) -> List[Path]:
    """All files under `folder` that end so, in order; links are followed, hidden files and folders are not seen."""
    found, seen = [], set()
    for top, folders, files in os.walk(folder, followlinks=True):
        if os.path.realpath(top) in seen:  # a link upwards
            folders.clear()
            continue
        seen.add(os.path.realpath(top))
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(top, name) for name in files if name.lower().endswith(extensions) and not name.startswith(".")]
    return sorted(found)


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


def write_split(corpus: Corpus, data: Path, never_held_out: Iterable[str] = ()) -> None:
    """Write train, dev and eval; by utterance or, where there are fewer than three, by time inside each of them."""
    names = corpus.utt2spk
    if len(set(names) - set(never_held_out)) < 3:
        print("fewer than 3 files can be held out whole: the last two tenths of each become dev and eval")
        corpus, sets = split_inside(corpus)
    else:
        sets = split(names, never_held_out)
    for name in SETS:
        corpus.write(data / name, sets[name])
    counts = ", ".join(f"{len(sets[name])} {name}" for name in SETS)
    print(f"{data}: {counts} ({len(corpus.wav_scp)} recordings)")


def split_inside(corpus: Corpus) -> Tuple[Corpus, Dict[str, List[str]]]:
    """Cut every utterance into train (80%), dev and eval (10% each), at the quietest moment near each border.

    Raises
    ------
    UserError
        If no utterance is long enough.
    """
    segments, speakers, sets, reasons = {}, {}, {name: [] for name in SETS}, []
    for utterance, speaker in corpus.utt2spk.items():
        recording, first, last = (corpus.segments or {}).get(utterance, (utterance, 0.0, float("inf")))
        try:
            borders = _borders(corpus.wav_scp[recording], first, last)
        except BadAudio as error:
            reasons.append(f"{utterance}: {error}")
            borders = []  # stage 2 will say so, and leave it out
        for name, start, end in zip(SETS, [first, *borders], [*borders, last]):
            segments[f"{utterance}_{name}"] = (recording, start, end)
            speakers[f"{utterance}_{name}"] = speaker
            sets[name].append(f"{utterance}_{name}")
    if not sets["eval"]:
        raise UserError(f"there is nothing to split into train, dev and eval ({reasons[0]}): give at least three files")
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
