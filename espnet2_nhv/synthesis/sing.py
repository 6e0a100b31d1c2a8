"""From a score to singing."""

from pathlib import Path
from typing import List, Optional, Union

import numpy as np
from tqdm import tqdm

import espnet2_nhv
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.knobs import KnobSource
from espnet2_nhv.imports import without_type_checks
from espnet2_nhv.notation.notes import Song
from espnet2_nhv.notation.phrases import phrases
from espnet2_nhv.synthesis.default import vocoder_path

with without_type_checks():
    from espnet2_nhv.espnet.singer import Singer, SungPhrase

DEFAULT = Path(espnet2_nhv.__file__).resolve().parent.parent / "pretrained" / "sing_pjs"


def open_singer(model: Optional[Union[str, Path]] = None, vocoder: Optional[Union[str, Path]] = None) -> Singer:
    """A singing model as given, or the one that comes along, with a vocoder likewise."""
    if model is None and not DEFAULT.exists():
        raise UserError(
            f"there is no default singing model at {DEFAULT}: give --model DIR, e.g. --model exp/joint/note"
        )
    return Singer(model or DEFAULT, vocoder_path(vocoder))


def sing(song: Song, singer: Singer, warn=print, knobs: KnobSource = KnobSource()) -> np.ndarray:
    """A song as a waveform.

    Parameters
    ----------
    song : Song
    singer : Singer
    warn : told of phonemes that the model lacks and near ones stand for
    knobs : KnobSource, how far knobs are turned; curves count in the time of the song as it is sung

    Returns
    -------
    wav : array [shape=(L,)], float32, within [-1, 1]; its first sample is the score's beginning

    Raises
    ------
    UserError
        For lyrics and notes that cannot be sung, naming the bar; and for knobs that the vocoder does not have.
    """
    parts = phrases(song, singer.phonemes, warn)
    shown = tqdm(parts, "phrases", leave=False, disable=None)
    return together([singer.sing(part, song.tempo, knobs) for part in shown], singer.fs)


def together(sung: List[SungPhrase], fs: int) -> np.ndarray:
    """Phrases at their places; what lies before the score's beginning is cut off."""
    ends = [round(each.start * fs) + len(each.wav) for each in sung]
    wav = np.zeros(max(ends), np.float32)
    for each, end in zip(sung, ends):
        begin = max(0, end - len(each.wav))
        wav[begin:end] += each.wav[len(each.wav) - (end - begin) :]
    return np.clip(wav, -1.0, 1.0)
