"""Songs with scores and labels as data of ESPnet's singing tasks, one entry a phrase of a dump folder."""

import dataclasses
import json
from pathlib import Path
from typing import Callable, Dict, Iterable, List, Tuple

import numpy as np
from align_score import PAUSE, Sung

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.ark import ArkTable, ArkWriter
from espnet2_nhv.feature.datadir import read_table, write_table
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.files import write_whole

# Before and after the phonemes, as ESPnet's recipes have them.
_FIRST, _LAST = ("<blank>", "<unk>"), ("<sos/eos>",)


@dataclasses.dataclass
class Phrase:
    """Where a phrase of a dump lies in its recording: `start` in s, `n_samples` at the dump's rate."""

    recording: str
    start: float
    n_samples: int


def read_phrases(folder: Path) -> Dict[str, Phrase]:
    """The phrases of a dump folder, of whole recordings, that have features."""
    log, kept = folder / "prepared.jsonl", read_table(folder / "utt2num_frames")
    if not log.is_file():
        raise UserError(f"{folder}: prepared.jsonl is missing; stage 2 of run.sh writes it")
    phrases = {}
    for line in log.read_text(encoding="utf-8").splitlines():
        for name, recording, start, n_samples in json.loads(line)["phrases"]:
            if name in kept:
                phrases[name] = Phrase(recording, float(start), int(n_samples))
    return phrases


def cut(sung: Iterable[Sung], phrase: Phrase, spec: FeatureSpec) -> List[Tuple[Sung, List[Tuple[int, int, str]]]]:
    """The notes of a phrase, each with its phonemes as frames: first, one behind the last, phoneme.

    Phonemes follow each other without a gap from frame 0 to the last, and each has a frame at least: so ESPnet, which
    counts a phoneme's frames from its seconds, counts the frames that the features have.
    """
    rate, n_frames = spec.frame_rate, phrase.n_samples // spec.hop_length
    found = []
    for note in sung:
        for start, end, phone in note.labels:
            first, last = (start - phrase.start) * rate, (end - phrase.start) * rate
            inside = min(last, n_frames) - max(first, 0.0)
            # A phoneme of which most lies outside belongs to the phrase beside; a pause belongs to both.
            if inside >= 1 and (phone == PAUSE or inside >= 0.5 * (last - first)):
                found.append((note, min(last, n_frames), phone))
    if not found or len(found) > n_frames:
        return []
    ends = np.minimum(np.round([end for _, end, _ in found]).astype(int), n_frames)
    ends[-1] = n_frames
    order = np.arange(len(ends))
    ends = np.maximum.accumulate(np.maximum(ends, order + 1) - order) + order
    ends = np.minimum(ends, n_frames - order[::-1])
    grouped: List[Tuple[Sung, List[Tuple[int, int, str]]]] = []
    for (note, _, phone), first, last in zip(found, [0, *ends[:-1]], ends):
        if not grouped or grouped[-1][0] is not note:
            grouped.append((note, []))
        grouped[-1][1].append((int(first), int(last), phone))
    return grouped


def write_set(
    folder: Path, out: Path, spec: FeatureSpec, sung_of: Callable[[str], List[Sung]], tempo_of: Callable[[str], int]
) -> Tuple[int, set]:
    """Write ``text label score.scp wav.scp utt2spk pitch.scp hertz.scp`` of one set, and ``score/``, arks of F0,
    ``notes.json`` (notes as the labels time them, for the listening page).

    Parameters
    ----------
    folder : of the dump, e.g. dump/train
    out : where to write
    spec : FeatureSpec of the dump
    sung_of, tempo_of : notes with their labels, and quarters a minute, of a recording

    Returns
    -------
    n_phrases, phonemes : how many phrases were written and which phonemes are in them
    """
    (out / "score").mkdir(parents=True, exist_ok=True)
    wavs, f0s, seconds = read_table(folder / "wav.scp"), ArkTable(folder / "f0.scp"), spec.hop_length / spec.fs
    names = ("text", "label", "score.scp", "wav.scp", "utt2spk", "pitch.scp", "hertz.scp")
    tables: Dict[str, dict] = {name: {} for name in names}
    phones, drawn = set(), {}
    with ArkWriter(out / "pitch.ark") as pitch, ArkWriter(out / "hertz.ark") as hertz:
        for utt, phrase in sorted(read_phrases(folder).items()):
            notes = cut(sung_of(phrase.recording), phrase, spec)
            if not notes:
                continue
            labels = [label for _, parts in notes for label in parts]
            phones |= {phone for _, _, phone in labels}
            f0 = _fitted(f0s[utt], labels[-1][1])
            shift = _octave(notes, f0)
            tables["text"][utt] = " ".join(phone for _, _, phone in labels)
            tables["label"][utt] = " ".join(f"{a * seconds:.7f} {b * seconds:.7f} {phone}" for a, b, phone in labels)
            score = _score(notes, tempo_of(phrase.recording), seconds, shift)
            write_whole(out / "score" / f"{utt}.json", json.dumps(score))
            drawn[utt] = [
                [round(parts[0][0] * seconds, 4), round(parts[-1][1] * seconds, 4), note.midi + shift]
                for note, parts in notes
                if note.midi
            ]
            tables["score.scp"][utt] = out / "score" / f"{utt}.json"
            tables["wav.scp"][utt], tables["utt2spk"][utt] = wavs[utt], phrase.recording
            # ESPnet's spelling of F0: its logarithm, as many frames as it makes of the labels.
            pitch[utt] = np.log(f0)
            hertz[utt] = f0  # VISinger's
    for utt in tables["text"]:
        tables["pitch.scp"][utt] = f"{out / 'pitch.ark'}:{pitch.offsets[utt]}"
        tables["hertz.scp"][utt] = f"{out / 'hertz.ark'}:{hertz.offsets[utt]}"
    write_whole(out / "notes.json", json.dumps(drawn))
    for name, table in tables.items():
        write_table(out / name, table)
    return len(tables["text"]), phones


def write_tokens(path: Path, phones: Iterable[str]) -> None:
    """ESPnet's token list."""
    write_whole(path, "\n".join([*_FIRST, *sorted(phones), *_LAST]) + "\n")


def _octave(notes, f0: np.ndarray) -> int:
    """Semitones, whole octaves, by which the singer takes the phrase elsewhere than the score has it."""
    written = np.concatenate([np.full(last - first, note.midi) for note, parts in notes for first, last, _ in parts])
    sung = 12 * np.log2(f0[: len(written), 0] / 440.0) + 69 - written
    return 12 * round(float(np.median(sung[written > 0])) / 12) if (written > 0).any() else 0


def _score(notes, tempo: int, seconds: float, shift: int = 0) -> dict:
    now, lines = 0.0, []
    for note, parts in notes:
        # Rests are as long as they are in this phrase; notes as the score has them.
        length = note.seconds if note.midi else (parts[-1][1] - parts[0][0]) * seconds
        midi = note.midi + shift if note.midi else 0
        lines.append([now, now + length, note.lyric, midi, "_".join(phone for _, _, phone in parts)])
        now += length
    return dict(tempo=tempo, item_list=["st", "et", "lyric", "midi", "phns"], note=lines)


def _fitted(f0: np.ndarray, n_frames: int) -> np.ndarray:
    return np.concatenate([f0, np.repeat(f0[-1:], max(0, n_frames - len(f0)), axis=0)])[:n_frames]
