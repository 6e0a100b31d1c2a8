"""A recording as features, in the way of the vocoder that is to sing them."""

import logging
from pathlib import Path
from typing import Callable, Optional, Tuple, Union

import numpy as np
import torch
from tqdm import tqdm

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.audio import BadAudio
from espnet2_nhv.feature.audit import audit_f0
from espnet2_nhv.feature.mel import log_mel_of_long
from espnet2_nhv.feature.pitch.analysis import analyse_pitch
from espnet2_nhv.feature.pitch.curve_files import find_curve
from espnet2_nhv.feature.pitch.source import PitchSource
from espnet2_nhv.feature.recording import Recording, open_recording
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.vocoder.synthesizer import Synthesizer

_SHORTEST_SECONDS = 0.02
# How much of the whole F0 takes.
_F0_SHARES = {"harvest": 0.9, "file": 0.1}
_F0_SHARE = 0.5  # of another tracker
Samples = Union[np.ndarray, Recording]


def read_recording(source: str, spec: FeatureSpec) -> Samples:
    """Samples of a recording at the spec's rate; what is odd about it goes to the log."""
    try:
        wav, warnings = open_recording(source, spec.fs, _SHORTEST_SECONDS)
    except BadAudio as error:
        raise UserError(f"{source}: {error}") from None
    for warning in warnings:
        logging.warning("%s: %s", source, warning)
    return wav


def f0_of(
    wav: Samples,
    name: str,
    spec: FeatureSpec,
    pitch: PitchSource,
    progress: Callable[[float], None],
    is_single: bool = True,
) -> Tuple[np.ndarray, np.ndarray]:
    """F0 (Hz) and voicing of a recording called `name`, both ``(T,)``; what is odd about them goes to the log."""
    curve = None if pitch.curves is None else find_curve(pitch.curves, Path(name).stem, is_single)
    share, spec = _F0_SHARES.get(pitch.method, _F0_SHARE), pitch.spec(spec)
    found = analyse_pitch(wav, spec, pitch.method, lambda done: progress(done * share), curve, watch=True)
    if curve is None:
        for warning in audit_f0(found.f0, found.vuv, spec, found.beyond).warnings(spec):
            logging.warning("%s: %s", name, warning)
    return found.f0, found.vuv


def analyse(
    source: str, vocoder: Synthesizer, pitch: PitchSource, progress: Callable[[float], None]
) -> Tuple[torch.Tensor, Optional[np.ndarray], Samples]:
    """Mel ``(T, n_mels)``, F0 ``(T,)`` in Hz where the vocoder reads it, and samples of a recording at its rate."""
    wav = read_recording(source, vocoder.spec)
    f0 = f0_of(wav, source, vocoder.spec, pitch, progress)[0] if vocoder.needs_f0 else None
    return log_mel_of_long(wav, vocoder.spec), f0, wav


def progress_bar(name: str, leave: bool = True) -> tqdm:
    """A bar whose ``update`` takes shares of the whole, as :func:`f0_of` reports them; it stays, unless told not to."""
    form = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}"
    return tqdm(total=1.0, desc=name, bar_format=form, leave=leave, disable=None)
