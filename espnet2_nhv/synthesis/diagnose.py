"""The diagnosis of mels in files, for a saved vocoder."""

import json
from pathlib import Path
from typing import List, Optional, Sequence, Union

from tqdm import tqdm

from espnet2_nhv.errors import UserError
from espnet2_nhv.files import write_whole
from espnet2_nhv.refiner.diagnosis import diagnose
from espnet2_nhv.refiner.report import table, values, verdict
from espnet2_nhv.refiner.statistics import MelStatistics
from espnet2_nhv.synthesis.features import Layout, read_mels
from espnet2_nhv.synthesis.pack import Pack
from espnet2_nhv.synthesis.targets import check_place
from espnet2_nhv.vocoder.saved import load_vocoder


def diagnose_files(
    mels: Sequence[Union[str, Path]],
    vocoder: Union[str, Path],
    n_rows: int = 12,
    json_file: Optional[Union[str, Path]] = None,
) -> List[str]:
    """Compare mels with what a vocoder was trained on.

    Parameters
    ----------
    mels : sequence of path, each as for :func:`espnet2_nhv.synthesis.features.read_mels`
    vocoder : path of a saved vocoder
    n_rows : int >= 1, groups of bands in the table
    json_file : path, for everything that was found; None writes nothing

    Returns
    -------
    lines : list of str, a table, the likely cause and what to do

    Raises
    ------
    UserError
        If the mels cannot be read, or the vocoder is not a saved one or keeps no statistics.
    """
    if n_rows < 1:
        raise UserError(f"rows is {n_rows}; give 1 or more")
    if json_file is not None:
        check_place(json_file, "mels.json")
    model = load_vocoder(vocoder)
    layout = Layout(model.spec.n_mels)
    read = ((f"{utt} in {path}", mel) for path in mels for utt, mel, _ in read_mels(path))
    utterances = ((where, part) for where, mel in read for part in _parts(mel))
    utterances = tqdm(utterances, desc="read", unit="utt", dynamic_ncols=True, disable=None)
    given = MelStatistics.of(layout.frames_first(mel, where).whole() for where, mel in utterances)
    found = diagnose(given, model.mel_mean[:, 0].numpy(), model.mel_std[:, 0].numpy(), model.spec)
    if json_file is not None:
        write_whole(json_file, json.dumps(values(found), indent=1))
    return [f"{given.n_utterances} utterances, {given.n_frames} frames", table(found, n_rows), *verdict(found)]


def _parts(mel) -> list:
    if isinstance(mel, UserError):
        raise mel
    return [segment.mel for segment in mel.segments] if isinstance(mel, Pack) else [mel]
