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

_MP3_COMPRESSION = 0.4  # of LAME: about 90 kbit/s of singing, nothing above 17.5 kHz
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


def make_sample(sample: Sample, data: Path, spec: FeatureSpec, sound: str = "flac") -> Tuple[str, Optional[str]]:
    """Write `data`/KEY.js and KEY.png.

    A page opened from disk may not read files, but may load scripts: so the sound lies in a script, as base64, and the
    page works from disk as from any server.

    Parameters
    ----------
    sample : Sample
    data : folder of the page's data
    spec : FeatureSpec
    sound : ['flac', 'mp3'], flac loses nothing but what 16 bits round, mp3 is a fifth as large

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
        content = dict(sound=_SOUNDS[sound](wav, spec.fs), f0=_contour(wav, sample, spec))
        content["f0_step"] = F0_STEP * spec.hop_length / spec.fs
        write_whole(
            script, f"{_stamp(sample, spec, sound)}page.received({json.dumps(sample.key)}, {json.dumps(content)});\n"
        )
        return sample.key, None
    except UserError as error:
        return sample.key, " ".join(str(error).split())


def is_made(sample: Sample, data: Path, spec: FeatureSpec, sound: str = "flac") -> bool:
    """Whether its files are there, of the same sound and by the same program."""
    script = data / f"{sample.key}.js"
    try:
        with open(script, encoding="utf-8") as file:
            return file.readline() == _stamp(sample, spec, sound) and script.with_suffix(".png").exists()
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


def _mp3(wav: np.ndarray, fs: int) -> str:
    content = io.BytesIO()
    quality = dict(bitrate_mode="VARIABLE", compression_level=_MP3_COMPRESSION)
    soundfile.write(content, wav.clip(-1.0, 1.0), fs, format="MP3", subtype="MPEG_LAYER_III", **quality)
    return base64.b64encode(content.getbuffer()).decode()


_SOUNDS = dict(flac=_flac, mp3=_mp3)


def _contour(wav: np.ndarray, sample: Sample, spec: FeatureSpec) -> list:
    """F0 in tenths of a hertz, 0 where unvoiced."""
    if len(wav) < spec.hop_length:
        return []
    f0, vuv = cached_f0(wav, spec, Path(sample.cache), sample.utt)
    return [int(value) for value in np.round(10 * np.where(vuv > 0.5, f0, 0.0))[::F0_STEP]]


def _stamp(sample: Sample, spec: FeatureSpec, sound: str) -> str:
    """The first line of its script."""
    digest = hashlib.sha256(analyser_code())
    for code in (__file__, picture.__file__):
        digest.update(Path(code).read_bytes())
    states = [(stat.st_size, stat.st_mtime_ns) for stat in map(os.stat, (sample.wav, sample.reference))]
    digest.update(repr((sample, states, spec, sound)).encode())
    return f"// {digest.hexdigest()}\n"
