"""Singing a note of a voice bank, as a resampler does, with a vocoder."""

import dataclasses
import functools
import hashlib
import io
from pathlib import Path
from typing import Optional

import numpy as np
import torch

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.mel import log_mel_of_long
from espnet2_nhv.feature.pitch.source import PitchSource
from espnet2_nhv.feature.stretch import at_positions, pitch_at_positions
from espnet2_nhv.files import write_whole
from espnet2_nhv.synthesis.recording import f0_of, read_recording
from espnet2_nhv.synthesis.utau.request import Request
from espnet2_nhv.synthesis.wav import write_wav
from espnet2_nhv.vocoder.synthesizer import Synthesizer

CACHE = ".nhv.npz"  # what the names of kept features end in, beside their recordings
_PEAK = 0.5  # to which P brings the peaks
_KEPT_IN_MEMORY = 256  # recordings


@dataclasses.dataclass(frozen=True)
class Features:
    """Of a recording of the bank: mel ``(T, n_mels)``, F0 ``(T,)`` in Hz, voicing ``(T,)``."""

    mel: np.ndarray
    f0: np.ndarray
    vuv: np.ndarray


class Resampler:
    """Sings notes of a bank.

    Parameters
    ----------
    vocoder : Synthesizer that reads F0
    pitch : PitchSource, how F0 of the bank is found
    keep : bool, whether features are kept beside the recordings, where that can be written to

    Raises
    ------
    UserError
        If the vocoder cannot sing a mel at another pitch.
    """

    def __init__(self, vocoder: Synthesizer, pitch: PitchSource = PitchSource(), keep: bool = True):
        if not vocoder.needs_f0:
            raise UserError("a resampler needs a vocoder that reads F0, as nhv does")
        self.vocoder, self.pitch, self.keep = vocoder, pitch, keep
        settings = repr((vocoder.spec.to_dict(), sorted(pitch.settings().items())))
        self._settings = hashlib.sha256(settings.encode()).hexdigest()[:16]
        self._known = functools.lru_cache(_KEPT_IN_MEMORY)(self._analysed)

    def render(self, request: Request) -> np.ndarray:
        """Sing a note and write it; returns the samples ``(length * fs,)``.

        Raises
        ------
        UserError
            If the recording cannot be used, or there is nothing left of it between offset and cutoff.
        """
        wav = self.sing(request)
        if not request.target.parent.is_dir():
            raise UserError(f"{request.target}: there is no folder {request.target.parent} to write it to")
        write_wav(request.target, wav, self.vocoder.fs)
        return wav

    def sing(self, request: Request) -> np.ndarray:
        """What :meth:`render` writes."""
        features = self.features(request.source)
        spec, rate = self.vocoder.spec, self.vocoder.spec.frame_rate
        n_samples = round(request.length / 1000 * spec.fs)
        n_frames = max(2, -(-n_samples // spec.hop_length) + 1)
        time = (np.arange(n_frames) + spec.frame_centre) / rate
        positions = self._positions(request, len(features.f0), time)
        mel, sung = at_positions(features.mel, positions), pitch_at_positions(features.f0, positions)
        f0 = self._pitch(request, features, sung, time)
        more = dict(mel_f0=torch.from_numpy(sung)) if self.vocoder.takes_mel_f0 else {}
        if self.vocoder.takes_knobs:
            more["knobs"] = request.knobs()
        wav = self.vocoder.inference(torch.from_numpy(mel), torch.from_numpy(f0), **more).cpu().numpy()[:n_samples]
        peak = float(np.abs(wav).max())
        strength = min(max(request.flags.get("P", 86.0), 0.0), 100.0) / 100
        gain = (_PEAK / peak) ** strength if peak > 1e-4 else 1.0
        return np.clip(wav * np.float32(gain * request.volume), -1.0, 1.0)

    def features(self, source: Path) -> Features:
        """Features of a recording: from memory, from beside it, or analysed and kept."""
        try:
            state = source.stat()
        except OSError:
            raise UserError(f"{source}: there is no such file") from None
        return self._known(source, state.st_size, state.st_mtime_ns)

    def _positions(self, request: Request, n_frames: int, time: np.ndarray) -> np.ndarray:
        """Which frame of the recording is heard at each moment (s) of the note."""
        spec, rate = self.vocoder.spec, self.vocoder.spec.frame_rate
        seconds, begin = n_frames / rate, request.offset / 1000
        end = begin - request.cutoff / 1000 if request.cutoff < 0 else seconds - request.cutoff / 1000
        end = min(end, seconds)
        if begin + 1 / rate > end:
            raise UserError(f"{request.source}: there is nothing of its {seconds:.2f} s between offset and cutoff")
        fixed = min(request.consonant / 1000, end - begin)
        consonant, vowel = fixed * request.stretch, end - begin - fixed
        # A vowel is made longer where it is too short, and else left before its end.
        wanted = max(request.length / 1000 - consonant, 1e-3)
        points = [0.0, consonant, consonant + max(wanted, vowel)]
        heard = np.interp(time, points, [begin, begin + fixed, end])
        return np.clip(heard * rate - spec.frame_centre, 0, n_frames - 1)

    def _pitch(self, request: Request, features: Features, sung: np.ndarray, time: np.ndarray) -> np.ndarray:
        bend = np.interp(time, np.arange(len(request.bend)) * request.bend_seconds, request.bend)
        own = 0.0
        voiced = features.vuv > 0
        if request.modulation and voiced.any():
            middle = np.log(features.f0[voiced].astype(np.float64)).mean()
            own = request.modulation * (np.log(sung.astype(np.float64)) - middle)
        f0 = request.f0 * 2 ** (bend / 1200) * np.exp(own)
        return f0.clip(10.0, self.vocoder.fs / 4).astype(np.float32)

    def _analysed(self, source: Path, size: int, changed: int) -> Features:
        key = f"{self._settings} {size} {changed}"
        kept = source.with_name(source.name + CACHE)
        features = self._read(kept, key) if self.keep else None
        if features is None:
            spec = self.vocoder.spec
            wav = read_recording(str(source), spec)
            f0, vuv = f0_of(wav, str(source), spec, self.pitch, lambda _: None)
            features = Features(log_mel_of_long(wav, spec).numpy(), f0, vuv.astype(np.float32))
            if self.keep:
                self._write(kept, key, features)
        return features

    def _read(self, path: Path, key: str) -> Optional[Features]:
        """Kept features, if they are of that recording and of these settings and whole."""
        try:
            with np.load(path, allow_pickle=False) as arrays:  # objects could run code
                if str(arrays["key"]) != key:
                    return None
                mel, f0, vuv = (np.asarray(arrays[name], dtype=np.float32) for name in ("mel", "f0", "vuv"))
        except Exception:  # damaged bytes fail in as many ways as there are bytes: then it is made again
            return None
        whole = mel.shape == (len(f0), self.vocoder.spec.n_mels) and vuv.shape == f0.shape and len(f0) > 0
        sound = whole and bool(np.isfinite(mel).all() and np.isfinite(f0).all() and (f0 > 0).all())
        return Features(mel, f0, vuv) if sound else None

    def _write(self, path: Path, key: str, features: Features) -> None:
        content = io.BytesIO()
        np.savez(content, key=np.array(key), mel=features.mel, f0=features.f0, vuv=features.vuv)
        try:
            write_whole(path, content.getvalue())
        except OSError:  # a bank on a disc or of somebody else: then it is analysed each time
            pass
