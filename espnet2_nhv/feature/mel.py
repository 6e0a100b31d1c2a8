"""Log-mel spectrogram on the feature contract, by ESPnet's own front-end."""

import math
from typing import Iterator

import numpy as np
import torch
from espnet2.layers.log_mel import LogMel as EspnetLogMel
from espnet2.layers.stft import Stft
from espnet2.tts.feats_extract.log_mel_fbank import LogMelFbank

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.mel_scale import mel_filters
from espnet2_nhv.feature.spec import FeatureSpec


class LogMel(torch.nn.Module):
    """Waveform to raw log-mel, differentiably.

    Frame ``i`` is centred at sample ``(i + frame_centre) * hop_length``. ESPnet's frame ``L // hop_length`` is
    dropped, so that a frame stands for hop_length samples. The signal is mirrored at its ends, as ESPnet does; one
    too short to be mirrored is first lengthened by silence.

    Parameters
    ----------
    spec : FeatureSpec

    Raises
    ------
    UserError
        If there is no such window.

    Source: ``espnet2.tts.feats_extract.log_mel_fbank.LogMelFbank``; the values are its values, clamped
    at ``spec.floor``. With `frame_centre` 0.5 they are those of DiffSinger's extractors (openvpi), which mirror
    ``(win_length - hop_length) / 2`` samples at either end, where `win_length` is `n_fft`.
    """

    def __init__(self, spec: FeatureSpec):
        super().__init__()
        self.spec = spec
        self.fbank = _Fbank(spec)

    def forward(self, wav: torch.Tensor) -> torch.Tensor:
        """Raw log-mel of a batch.

        Parameters
        ----------
        wav : Tensor [shape=(B, L) or (L,)], L >= hop_length

        Returns
        -------
        mel : Tensor [shape=(B, n_mels, L // hop_length)], float32, >= spec.log_floor; B is 1 for a single signal

        Raises
        ------
        UserError
            If the signal is shorter than one frame.
        """
        wav = torch.atleast_2d(wav)
        n_frames = wav.shape[-1] // self.spec.hop_length
        if n_frames == 0:
            raise UserError(f"a signal of {wav.shape[-1]} samples is shorter than one frame ({self.spec.hop_length})")
        # Half precision loses the quiet bands, so mixed-precision training stops here.
        with torch.autocast(wav.device.type, enabled=False):
            mirrored = self.spec.n_fft // 2 - self.spec.first_centre
            wav = torch.nn.functional.pad(wav.float(), (0, max(0, mirrored + 1 - wav.shape[-1])))
            if self.spec.frame_centre:
                wav = torch.nn.functional.pad(wav, (mirrored, mirrored), mode="reflect")
            mel, _ = self.fbank(wav)
        return mel[:, :n_frames].transpose(1, 2).clamp(min=self.spec.log_floor)


class _Fbank(LogMelFbank):
    """ESPnet's front-end put together without its own constructor, which would have librosa make the filters."""

    def __init__(self, spec: FeatureSpec):
        torch.nn.Module.__init__(self)
        self.stft = Stft(
            n_fft=spec.n_fft,
            win_length=spec.win_length,
            hop_length=spec.hop_length,
            window=spec.window,
            center=spec.frame_centre == 0,
        )
        self.logmel = _LogFilters(spec)


class _LogFilters(EspnetLogMel):
    """ESPnet's mel filters and logarithm."""

    def __init__(self, spec: FeatureSpec):
        torch.nn.Module.__init__(self)
        self.mel_options = dict(
            fs=spec.fs, n_fft=spec.n_fft, n_mels=spec.n_mels, fmin=spec.fmin, fmax=spec.fmax, scale=spec.mel_scale
        )
        self.log_base = spec.log_base
        self.register_buffer("melmat", torch.from_numpy(mel_filters(**self.mel_options).T))


def log_mel_of_long(wav: np.ndarray, spec: FeatureSpec, block_frames: int = 4096) -> torch.Tensor:
    """:class:`LogMel` of a recording of any length in memory that hardly grows; ``(T, n_mels)``.

    Parameters
    ----------
    wav : array [shape=(L,)], L >= hop_length
    spec : FeatureSpec
    block_frames : int >= 1, frames at a time
    """
    return torch.cat(list(mel_blocks(wav, spec, block_frames)))


def mel_blocks(wav: np.ndarray, spec: FeatureSpec, block_frames: int = 2048) -> Iterator[torch.Tensor]:
    """What :func:`log_mel_of_long` joins, as it comes; `wav` may be what gives an array when it is sliced."""
    log_mel, hop_length = LogMel(spec), spec.hop_length
    n_frames, margin = len(wav) // hop_length, math.ceil(spec.n_fft / 2 / hop_length)
    for begin in range(0, max(n_frames, 1), block_frames):
        end = min(begin + block_frames, n_frames)
        first, last = max(0, begin - margin), end + margin
        piece = wav[first * hop_length : len(wav) if last >= n_frames else last * hop_length]
        with torch.no_grad():
            mel = log_mel(torch.from_numpy(piece))[0]
        yield mel[:, begin - first : end - first].T
