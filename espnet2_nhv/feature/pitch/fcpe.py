"""FCPE, a network of the package torchfcpe: good at speech and middle voices, lost above 800 Hz."""

import functools

import numpy as np
import soxr
import torch

from espnet2_nhv.feature.pitch.base import AbsTracker, Piece, Track, at_times
from espnet2_nhv.feature.pitch.world import MARGIN

RATE, STEP = 16000, 0.01


class FCPE(AbsTracker):
    """FCPE's pitch, at its own threshold.

    Source: Y. Luo et al., "FCPE: A Fast Context-based Pitch Estimation Model", 2025, by its package torchfcpe, which
    holds the weights.
    """

    piece_seconds, overlap_seconds = 30, 2
    package = "torchfcpe"

    def __init__(self, spec):
        super().__init__(spec)
        self.model = _model()
        self.low, self.high = spec.f0_floor / MARGIN, spec.f0_ceil * MARGIN

    def track(self, piece: Piece) -> Track:
        heard = soxr.resample(piece.wav.astype(np.float32), piece.fs, RATE)
        with torch.no_grad():
            pitch = self.model.infer(torch.from_numpy(heard)[None, :, None], sr=RATE, decoder_mode="local_argmax")
        pitch = pitch[0, :, 0].double().numpy()
        pitch = np.where((pitch >= self.low) & (pitch <= self.high), pitch, 0.0)
        return Track(*at_times(piece.time, np.arange(len(pitch)) * STEP, pitch, np.sqrt(self.low * self.high)))


@functools.lru_cache(maxsize=1)
def _model():
    from torchfcpe import spawn_bundled_infer_model

    return spawn_bundled_infer_model(device="cpu")
