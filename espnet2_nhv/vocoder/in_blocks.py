"""Utterances of any length in memory that does not grow with it, where the vocoder has a stream."""

from typing import Iterable, Iterator, Optional

import torch

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.convert import convert_blocks, convert_features, resampled_curves
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.vocoder.knobs import Knobs
from espnet2_nhv.vocoder.synthesizer import Synthesizer


def stream_of(vocoder: Synthesizer, frame_centre: Optional[float] = None):
    """A stream for frames of that centre (None: of the vocoder's spec), or None where the vocoder has none."""
    try:
        return vocoder.stream(frame_centre=frame_centre) if hasattr(vocoder, "stream") and vocoder.needs_f0 else None
    except UserError:  # exported for whole utterances
        return None


@torch.no_grad()
def inference_in_blocks(
    vocoder: Synthesizer,
    mels: Iterable[torch.Tensor],
    n_frames: int,
    f0: Optional[torch.Tensor] = None,
    spec: Optional[FeatureSpec] = None,
    knobs: Optional[Knobs] = None,
) -> Iterator[torch.Tensor]:
    """:meth:`Synthesizer.inference` whose mel comes and whose waveform goes in blocks; joined they are what it gives.

    Parameters
    ----------
    vocoder : Synthesizer; one without a stream takes all blocks at once
    mels : iterable of Tensor [shape=(n, n_mels)], n >= 1, raw log-mel
    n_frames : int, of all of them, T
    f0, spec, knobs : as for :meth:`Synthesizer.inference`

    Yields
    ------
    wav : Tensor [shape=(m,)], float32, within [-1, 1]; ``T * hop_length`` samples in all, or a frame less where `f0` is
        that much shorter

    Raises
    ------
    UserError
        For features that cannot be used. Which frame of a mel is not finite is counted from its block's beginning.
    """
    spec = spec or vocoder.spec
    target = vocoder.spec_to_sing(spec)
    stream = stream_of(vocoder, target.frame_centre)
    if stream is None:
        mel, begin = torch.empty(n_frames, vocoder.spec.n_mels), 0  # and not all blocks beside it
        for block in mels:
            mel[begin : begin + len(block)] = block
            begin += len(block)
        yield vocoder.inference(mel, f0, spec, knobs=knobs)
        return
    n_frames, f0, _ = vocoder.check_f0(n_frames, f0)
    left = n_frames * spec.hop_length
    knobs = vocoder.check_knobs(knobs, n_frames)
    f0 = convert_features(torch.empty(n_frames, 0), f0, spec, target)[1]
    knobs = knobs if knobs is None else resampled_curves(knobs, spec, target)
    begin = 0
    for mel in convert_blocks(_first(mels, n_frames), n_frames, spec, target):
        now = slice(begin, begin + len(mel))
        wav = stream.push(mel, f0[now], knobs=None if knobs is None else knobs[now])[:left]
        begin, left = now.stop, left - len(wav)
        yield wav
    yield stream.flush()[:left]


def _first(mels: Iterable[torch.Tensor], n_frames: int) -> Iterator[torch.Tensor]:
    for mel in mels:
        if n_frames > 0:
            yield mel[:n_frames]
        n_frames -= len(mel)
