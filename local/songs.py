"""Which score and which labels belong to a recording: those beside it, called alike."""

from pathlib import Path
from typing import Optional, Tuple, Union

from espnet2_nhv.errors import UserError

SCORES = (".musicxml", ".xml", ".mxl", ".mid", ".midi", ".ustx")
LABELS = (".lab", ".txt")
_SONG = "_song"  # PJS calls pjs001_song.wav what pjs001.musicxml is the score of


def beside(recording: Union[str, Path], suffixes: Tuple[str, ...]) -> Optional[Path]:
    """The first file with one of the suffixes and the recording's name, with or without "_song"; None without one."""
    path = Path(recording)
    stems = [path.stem] + ([path.stem[: -len(_SONG)]] if path.stem.endswith(_SONG) else [])
    found = (path.with_name(stem + suffix) for stem in stems for suffix in suffixes)
    return next((file for file in found if file.is_file()), None)


def score_of(recording: Union[str, Path]) -> Path:
    """The score; a UserError without one."""
    score = beside(recording, SCORES)
    if score is None:
        raise UserError(f"{recording}: there is no score beside it ({' '.join(SCORES)})")
    return score


def label_of(recording: Union[str, Path]) -> Path:
    """The labels; a UserError, which says what is missing, without any."""
    label = beside(recording, LABELS)
    if label is None:
        raise UserError(
            f"{recording}: there are no phoneme labels beside it ({Path(recording).stem}.lab: start, end and phoneme a "
            "line, in seconds or HTK's 100 ns); nothing here finds them: mark them by hand, or by an aligner of "
            "Japanese singing, with phonemes as OpenJTalk spells them (k a, sh i, N, cl, pau)"
        )
    return label
