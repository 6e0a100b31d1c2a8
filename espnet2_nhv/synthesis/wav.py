"""Writing waveforms."""

import io
from pathlib import Path
from typing import Union

import numpy as np
import soundfile

from espnet2_nhv.files import write_whole

SUBTYPES = ("PCM_16", "FLOAT")


def write_wav(path: Union[str, Path], wav: np.ndarray, fs: int, subtype: str = SUBTYPES[0]) -> None:
    """Write a wav file that appears when it is whole.

    Parameters
    ----------
    path : its folder must exist
    wav : array [shape=(L,)], within [-1, 1]
    fs : int > 0, Hz
    subtype : ['PCM_16', 'FLOAT'], sample format
    """
    # Through memory, because libsndfile does not say that a disk is full.
    content = io.BytesIO()
    soundfile.write(content, wav, fs, subtype=subtype, format="WAV")
    write_whole(path, content.getbuffer())
