"""Weights that keep a voice of many minutes from drowning the others."""

import re
from pathlib import Path
from typing import Dict, Iterable, Mapping, Union

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.datadir import read_table

FILE = "utt2weight"
_COPY = re.compile(r"sp\d+(\.\d+)?-")  # stage 2 names copies at other speeds so


def balance_voices(n_samples: Mapping[str, int], utt2spk: Mapping[str, str]) -> Dict[str, float]:
    """How often a second of each utterance should be seen, 1 on the average of all seconds.

    The weight of a voice as a whole grows with the root of its length: one of 24 minutes is seen seven times as often
    as one of half a minute, not 48 times, and no second of the short one so often that it is learnt by heart. Copies of
    a voice at other speeds are counted with it.

    Parameters
    ----------
    n_samples : mapping of utterance to length, > 0
    utt2spk : mapping of utterance to speaker

    Returns
    -------
    weights : dict of utterance to float > 0
    """
    voices = {utterance: _COPY.sub("", utt2spk[utterance], count=1) for utterance in n_samples}
    length: Dict[str, int] = {}
    for utterance, voice in voices.items():
        length[voice] = length.get(voice, 0) + n_samples[utterance]
    scale = sum(length.values()) / sum(total**0.5 for total in length.values())
    return {utterance: scale * length[voice] ** -0.5 for utterance, voice in voices.items()}


def read_weights(folder: Union[str, Path], utterances: Iterable[str]) -> Dict[str, float]:
    """Weight of each of `utterances` of ``utt2weight`` in a dump folder; 1 without that file, or where not in it.

    Raises
    ------
    UserError
        If a value is not a number above 0.
    """
    path = Path(folder) / FILE
    table = read_table(path) if path.exists() else {}
    weights = {}
    for utterance in utterances:
        value = table.get(utterance, 1.0)
        try:
            weights[utterance] = float(value)
        except ValueError:
            weights[utterance] = float("nan")
        if not 0 < weights[utterance] < float("inf"):
            raise UserError(f"{path}: {utterance} has {value!r}, but a number above 0 is needed: run stage 2 again")
    return weights
