"""One sample of the listening page: a script with its sound and F0 contour, and a picture of its spectrogram."""

import base64
import hashlib
import io
import json
import os
from pathlib import Path
from typing import NamedTuple, Optional, Tuple

import numpy as np
import soundfile

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.files import write_whole
from espnet2_nhv.report.page import picture
from espnet2_nhv.score.cache import cached_f0
from espnet2_nhv.score.evaluate import load_wav
from espnet2_nhv.score.tracker import analyser_code

F0_STEP = 2  # frames between the points of a contour


class Sample(NamedTuple):
    """What is shown in one row: the name of its files in the page's folder, and where it comes from.

    Attributes
    ----------
    key : str, e.g. "eval/007/1-nhv"; KEY.js and KEY.png are made
    utt : str
    wav, reference : path of a sound file
    cache : folder where its F0 is kept
    """

    key: str
    utt: str
    wav: str
    reference: str
    cache: str


def make_sample(sample: Sample, data: Path, spec: FeatureSpec) -> Tuple[str, Optional[str]]:
    """Write `data`/KEY.js and KEY.png.

    A page opened from disk may not read files, but may load scripts: so the sound (FLAC, nothing is lost but
    what 16 bits round) lies in a script, as base64, and the page works from disk as from any server.

    Returns
    -------
    key : str
    reason : str, why the sample cannot be shown, or None
    """
    script = data / f"{sample.key}.js"
    try:
        wav, reference = load_wav(sample.wav, spec.fs), load_wav(sample.reference, spec.fs)
        script.parent.mkdir(parents=True, exist_ok=True)
        png = picture.spectrogram_png(wav, float(picture.band_levels(reference, spec).max()), spec)
        write_whole(script.with_suffix(".png"), png)
        content = dict(flac=_flac(wav, spec.fs), f0=_contour(wav, sample, spec))
        content["f0_step"] = F0_STEP * spec.hop_length / spec.fs
        write_whole(script, f"{_stamp(sample, spec)}page.received({json.dumps(sample.key)}, {json.dumps(content)});\n")
        return sample.key, None
    except UserError as error:
        return sample.key, " ".join(str(error).split())


def is_made(sample: Sample, data: Path, spec: FeatureSpec) -> bool:
    """Whether its files are there, of the same sound and by the same program."""
    script = data / f"{sample.key}.js"
    try:
        with open(script, encoding="utf-8") as file:
            return file.readline() == _stamp(sample, spec) and script.with_suffix(".png").exists()
    except OSError:
        return False


def seconds_of(sample: Sample) -> float:
    """How long it is; 0 where it cannot be read."""
    try:
        return float(soundfile.info(sample.wav).duration)
    except (soundfile.LibsndfileError, OSError):
        return 0.0


def _flac(wav: np.ndarray, fs: int) -> str:
    content = io.BytesIO()
    soundfile.write(content, wav, fs, format="FLAC", subtype="PCM_16")
    return base64.b64encode(content.getbuffer()).decode()


def _contour(wav: np.ndarray, sample: Sample, spec: FeatureSpec) -> list:
    """F0 in tenths of a hertz, 0 where unvoiced."""
    if len(wav) < spec.hop_length:
        return []
    f0, vuv = cached_f0(wav, spec, Path(sample.cache), sample.utt)
    return [int(value) for value in np.round(10 * np.where(vuv > 0.5, f0, 0.0))[::F0_STEP]]


def _stamp(sample: Sample, spec: FeatureSpec) -> str:
    """The first line of its script."""
    digest = hashlib.sha256(analyser_code())
    for code in (__file__, picture.__file__):
        digest.update(Path(code).read_bytes())
    states = [(stat.st_size, stat.st_mtime_ns) for stat in map(os.stat, (sample.wav, sample.reference))]
    digest.update(repr((sample, states, spec)).encode())
    return f"// {digest.hexdigest()}\n"
