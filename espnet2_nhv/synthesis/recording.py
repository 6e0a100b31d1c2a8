"""A recording as features, in the way of the vocoder that is to sing them."""

import logging
from typing import Callable, Optional, Tuple

import numpy as np
import torch
from tqdm import tqdm

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.audio import BadAudio, load_audio
from espnet2_nhv.feature.mel import log_mel_of_long
from espnet2_nhv.feature.pitch.analysis import extract_f0
from espnet2_nhv.vocoder.synthesizer import Synthesizer

_SHORTEST_SECONDS = 0.02
# Analysis takes some ten times as long as synthesis, and of it F0 nearly all.
_F0_SHARE, _MEL_SHARE = 0.88, 0.05


def analyse(
    source: str, vocoder: Synthesizer, f0_method: str, progress: Callable[[float], None]
) -> Tuple[torch.Tensor, Optional[np.ndarray], np.ndarray]:
    """Mel ``(T, n_mels)``, F0 ``(T,)`` in Hz where the vocoder reads it, and samples of a recording at its rate."""
    spec = vocoder.spec
    try:
        wav, warnings = load_audio(source, spec.fs, True, _SHORTEST_SECONDS, strict=False)
    except BadAudio as error:
        raise UserError(f"{source}: {error}") from None
    for warning in warnings:
        logging.warning("%s: %s", source, warning)
    f0 = extract_f0(wav, spec, f0_method, lambda share: progress(share * _F0_SHARE))[0] if vocoder.needs_f0 else None
    mel = log_mel_of_long(wav, spec)
    progress(_MEL_SHARE if vocoder.needs_f0 else _F0_SHARE + _MEL_SHARE)
    return mel, f0, wav


def progress_bar(name: str) -> tqdm:
    """A bar whose ``update`` takes shares of the whole, as :func:`analyse` reports them."""
    return tqdm(
        total=1.0, desc=name, bar_format="{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}", disable=None
    )
