"""The feature contract: what a mel spectrogram's numbers mean, and when two meanings agree."""

import dataclasses
import math
from pathlib import Path
from typing import Optional, Union

import yaml

from espnet2_nhv.errors import UserError
from espnet2_nhv.files import write_whole
from espnet2_nhv.text import load_yaml

_POSITIVE = ("fs", "n_fft", "win_length", "hop_length", "n_mels", "fmax", "floor", "f0_floor", "f0_ceil")
_WHOLE = ("fs", "n_fft", "win_length", "hop_length", "n_mels", "fmin", "fmax")
_WINDOWS = ("hann", "hamming", "blackman", "bartlett", "kaiser")
# What no arithmetic can convert. fs, bands and windows decide which energy a number stands for.
_MUST_AGREE = ("fs", "n_fft", "win_length", "window", "n_mels", "fmin", "fmax", "mel_scale")


@dataclasses.dataclass(frozen=True)
class FeatureSpec:
    """How log-mel and F0 were, or are to be, computed.

    Frame ``i`` is centred at sample ``(i + frame_centre) * hop_length``, mel and F0 alike; a signal of ``L``
    samples has ``T = L // hop_length`` frames (ESPnet's extra last frame is dropped).

    Parameters
    ----------
    fs : int > 0, Hz
    n_fft : int >= win_length
    win_length : int > 0
    hop_length : int > 0
    window : str, as ``torch.{window}_window``
    n_mels : int > 0
    fmin : int >= 0, Hz
    fmax : int in (fmin, fs / 2], Hz
    log_base : 10.0, 2.0 or None for the natural logarithm (ESPnet's spelling)
    floor : float > 0, the linear mel amplitude below which values are clamped
    mel_scale : ['slaney', 'htk']
    f0_floor, f0_ceil : float > 0, Hz, the range the F0 analysis searches
    frame_centre : 0 or 0.5, hops, where the first frame is centred: 0 as in ESPnet, 0.5 as in DiffSinger. Files that
        do not say were made with 0; 0.5 needs an even hop_length

    Raises
    ------
    UserError
        If a value is outside its range.

    Source: the numbers are those of ``espnet2.tts.feats_extract.log_mel_fbank.LogMelFbank``.
    """

    fs: int = 44100
    n_fft: int = 2048
    win_length: int = 1024
    hop_length: int = 256
    window: str = "hann"
    n_mels: int = 128
    fmin: int = 40
    fmax: int = 22050
    log_base: Optional[float] = 10.0
    floor: float = 1e-10
    mel_scale: str = "slaney"
    f0_floor: float = 50.0
    f0_ceil: float = 1200.0
    frame_centre: float = 0.0

    def __post_init__(self):
        for name in _POSITIVE:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
                raise UserError(f"feature spec: {name} is {value!r}; give a number above 0")
        for name in _WHOLE:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or value % 1:
                raise UserError(f"feature spec: {name} is {value!r}; give a whole number")
            object.__setattr__(self, name, int(value))  # 256.0 in a YAML file is meant as 256
        if self.log_base not in (None, 2.0, 10.0):
            raise UserError(f"feature spec: log_base is {self.log_base!r}; give 10.0, 2.0 or null (natural logarithm)")
        if self.window not in _WINDOWS:
            raise UserError(f"feature spec: window is {self.window!r}; give one of {', '.join(_WINDOWS)}")
        if self.mel_scale not in ("slaney", "htk"):
            raise UserError(f"feature spec: mel_scale is {self.mel_scale!r}; give slaney or htk")
        if not 0 <= self.fmin < self.fmax <= self.fs / 2:
            raise UserError(
                f"feature spec: fmin {self.fmin} and fmax {self.fmax} Hz do not fit 0 <= fmin < fmax <= {self.fs / 2:g}"
            )
        if self.win_length > self.n_fft:
            raise UserError(f"feature spec: win_length {self.win_length} is larger than n_fft {self.n_fft}")
        if not self.f0_floor < self.f0_ceil < self.fs / 2:
            raise UserError(f"feature spec: f0_floor {self.f0_floor} and f0_ceil {self.f0_ceil} Hz are out of order")
        if isinstance(self.frame_centre, bool) or self.frame_centre not in (0, 0.5):
            raise UserError(
                f"feature spec: frame_centre is {self.frame_centre!r}; give 0 (ESPnet's frames) or 0.5 (DiffSinger's)"
            )
        object.__setattr__(self, "frame_centre", float(self.frame_centre))
        if self.first_centre * 2 != self.frame_centre * 2 * self.hop_length:
            raise UserError(f"feature spec: frame_centre 0.5 needs an even hop_length, not {self.hop_length}")

    @property
    def frame_rate(self) -> float:
        """Frames a second."""
        return self.fs / self.hop_length

    @property
    def first_centre(self) -> int:
        """The sample at which the first frame is centred."""
        return int(self.frame_centre * self.hop_length)

    @property
    def log_floor(self) -> float:
        """The lowest value a feature can take, in the spec's own logarithm."""
        return math.log(self.floor) / self.ln_base

    @property
    def ln_base(self) -> float:
        """Natural logarithm of the base: ``value * ln_base`` is the value in nepers."""
        return 1.0 if self.log_base is None else math.log(self.log_base)

    @classmethod
    def from_dict(cls, values: dict, where: str = "feature spec") -> "FeatureSpec":
        """Build from plain values; an unknown or missing name is an error that names `where`."""
        known = {field.name for field in dataclasses.fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise UserError(f"{where}: unknown entry {unknown[0]!r}; known are {', '.join(sorted(known))}")
        try:
            return cls(**values)
        except UserError as error:
            raise UserError(f"{where}: {error}") from None

    @classmethod
    def load(cls, path: Union[str, Path]) -> "FeatureSpec":
        """Read a YAML file written by :meth:`save` or a preset under conf/feature."""
        try:
            values = load_yaml(path)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise UserError(f"{path}: no feature spec there; features without one cannot be trusted") from None
        if not isinstance(values, dict):
            raise UserError(f"{path}: a feature spec is a mapping of names to values")
        return cls.from_dict(values, where=str(path))

    def to_dict(self) -> dict:
        """Plain values, in the order of the fields."""
        return dataclasses.asdict(self)

    def save(self, path: Union[str, Path]) -> None:
        """Write as YAML; each process of a training may do so."""
        write_whole(path, yaml.safe_dump(self.to_dict(), sort_keys=False), shared=True)


def check_compatible(
    source: FeatureSpec, target: FeatureSpec, what: str = "features", wanted_by: str = "vocoder"
) -> None:
    """Refuse features whose spec no exact conversion leads from.

    The log base, the floor (upwards), the hop and the frame centre can be converted
    (:mod:`espnet2_nhv.feature.convert`, :meth:`espnet2_nhv.vocoder.synthesizer.Synthesizer.inference`);
    every other difference means other numbers for the same sound.

    Raises
    ------
    UserError
        Naming the first entry that differs and both values.
    """
    for name in _MUST_AGREE:
        have, need = getattr(source, name), getattr(target, name)
        if have != need:
            raise UserError(
                f"{what} have {name} {have} but the {wanted_by} needs {need}: "
                f"extract them again with {name} {need}, or use a {wanted_by} made for {have}"
            )
    if source.floor > target.floor * (1 + 1e-9):
        raise UserError(
            f"{what} are clamped at floor {source.floor:g} but the {wanted_by} needs {target.floor:g}, "
            f"and what was below it is lost: extract them again with floor {target.floor:g}"
        )
