"""How long each phoneme of a phrase is sung, by the score's notes and a model's predictions."""

from typing import List, Sequence

import numpy as np

from espnet2_nhv.notation.phrases import Syllable

_LEAD = 0.5  # of the time between two vowels, what consonants may take at most
_TAIL = 0.6  # of a note's time, what follows its first vowel may take at most


def frames_by_score(predicted: Sequence[int], phrase: Sequence[Syllable], rate: float) -> np.ndarray:
    """Frames of each phoneme, so that vowels begin with their notes.

    Consonants are as long as predicted, and are taken from the note before, as singers do; what follows a note's first
    vowel (another one, N) is as long as predicted, too, and the vowel takes the rest.

    Parameters
    ----------
    predicted : frames of each phoneme of the phrase
    phrase : list of Syllable
    rate : float, frames a second

    Returns
    -------
    frames : array [shape=(N,)], int, >= 1; their sum is the phrase's length
    """
    predicted = np.maximum(np.asarray(predicted, dtype=np.float64), 1.0)
    begin = phrase[0].start
    onsets = [round((syllable.start - begin) * rate) for syllable in phrase] + [round((phrase[-1].end - begin) * rate)]
    for index in range(1, len(onsets)):  # a frame for each phoneme at least
        onsets[index] = max(onsets[index], onsets[index - 1] + len(phrase[index - 1].phones) + 1)
    places = np.cumsum([0, *(len(syllable.phones) for syllable in phrase)])
    leads: List[np.ndarray] = []
    for index, syllable in enumerate(phrase):
        wanted = predicted[places[index] : places[index] + syllable.n_leading]
        span = onsets[index] - onsets[index - 1] if index else 0
        leads.append(_whole(wanted, _LEAD * span if index else len(wanted)))
    frames: List[np.ndarray] = []
    for index, syllable in enumerate(phrase):
        body = onsets[index + 1] - onsets[index] - (int(leads[index + 1].sum()) if index + 1 < len(phrase) else 0)
        body -= int(leads[index].sum()) if index == 0 else 0
        tail = _whole(predicted[places[index] + syllable.n_leading + 1 : places[index + 1]], _TAIL * body)
        frames += [leads[index], np.array([max(body - int(tail.sum()), 1)]), tail]
    return np.concatenate(frames).astype(np.int64)


def _whole(wanted: np.ndarray, most: float) -> np.ndarray:
    """Frames as wanted, shortened together where they are more than `most`; one each at least."""
    if len(wanted) == 0:
        return np.zeros(0, dtype=np.int64)
    scale = min(1.0, most / wanted.sum())
    return np.maximum(np.floor(wanted * scale), 1).astype(np.int64)
