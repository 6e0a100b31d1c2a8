"""F0 in ESPnet's spellings and in ours."""

import math
from typing import Optional, Tuple

import numpy as np
import torch

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.spec import FeatureSpec


class PitchScale:
    """From the pitch that an ESPnet model reads or writes to Hz.

    Parameters
    ----------
    pitch_extract : the model's extractor (ESPnet's Dio), which says whether pitch is log F0; that is taken for granted
        where there is none
    pitch_normalize : the model's normalisation of it, or None
    """

    def __init__(
        self, pitch_extract: Optional[torch.nn.Module] = None, pitch_normalize: Optional[torch.nn.Module] = None
    ):
        if pitch_normalize is not None and not hasattr(pitch_normalize, "inverse"):
            raise UserError(
                f"pitch_normalize: {type(pitch_normalize).__name__} cannot be undone: use global_mvn, or none"
            )
        self.is_log = bool(getattr(pitch_extract, "use_log_f0", True))
        self.normalize = pitch_normalize

    def to_hz(self, pitch: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
        """Pitch ``(B, T)`` as F0 in Hz and whether there is any (bool); ESPnet writes 0 where there is none."""
        pitch = pitch.detach().float()
        if self.normalize is not None:
            # Its inverse writes into what it is given.
            pitch = self.normalize.inverse(pitch.clone()[..., None])[0][..., 0]
        f0 = pitch.exp() if self.is_log else pitch
        # exp(0) is 1 Hz: no pitch; neither is anything else that no ear hears as one.
        return f0, torch.isfinite(f0) & (f0 > 16.0) & (f0 < 16000.0)


def note_f0(midi: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
    """MIDI notes as F0 in Hz and whether there is one; 0 is a rest."""
    return 440.0 * 2.0 ** ((midi.float() - 69.0) / 12.0), midi > 0


def continuous_f0(
    f0: torch.Tensor, voiced: torch.Tensor, spec: FeatureSpec, lengths: Optional[torch.Tensor] = None
) -> torch.Tensor:
    """F0 as the vocoders want it: no gaps.

    Parameters
    ----------
    f0 : Tensor [shape=(B, T)], Hz where voiced
    voiced : Tensor [shape=(B, T)], bool
    spec : FeatureSpec, of which the range of F0 counts
    lengths : Tensor [shape=(B,)], frames that count; the last of them is held beyond

    Returns
    -------
    f0 : Tensor [shape=(B, T)], Hz, in [f0_floor, f0_ceil], interpolated linearly in log F0, ends held; the
        geometric middle of the range where nothing is voiced
    """
    values, known = f0.detach().double().cpu().numpy(), voiced.cpu().numpy().astype(bool).copy()
    if lengths is not None:
        known &= np.arange(known.shape[1])[None] < lengths.cpu().numpy()[:, None]
    frame = np.arange(values.shape[1])
    out = np.full(values.shape, math.sqrt(spec.f0_floor * spec.f0_ceil))
    for row, (value, where) in enumerate(zip(values, known)):
        if where.any():
            out[row] = np.exp(np.interp(frame, frame[where], np.log(value[where])))
    return torch.as_tensor(np.clip(out, spec.f0_floor, spec.f0_ceil), dtype=torch.float32, device=f0.device)


def fit_frames(values: torch.Tensor, n_frames: int) -> torch.Tensor:
    """As many frames as the mel has: models that make several frames a step have F0 a step."""
    step = round(n_frames / max(values.shape[1], 1))
    if step > 1:
        values = values.repeat_interleave(step, dim=1)
    missing = n_frames - values.shape[1]
    if missing > max(step, 1) + 1:
        raise UserError(f"the acoustic model made {n_frames} frames of mel, but there are {values.shape[1]} of F0")
    if missing > 0:
        values = torch.cat([values, values[:, -1:].expand(-1, missing)], dim=1)
    return values[:, :n_frames]
