"""What makes mels differ from those a vocoder was trained on, and how each is undone."""

import dataclasses
import math
from typing import Callable, Iterator

import numpy as np
import torch

from espnet2_nhv.feature.mel import LogMel
from espnet2_nhv.feature.mel_scale import mel_frequencies
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.refiner.statistics import MelStatistics

_BASES = {None: "the natural logarithm", 10.0: "log10", 2.0: "log2"}
_YAML_BASES = {None: "null", 10.0: "10.0", 2.0: "2.0"}
# Ranges that mels are squeezed into before networks read or write them.
_RANGES = ((0.0, 1.0), (-1.0, 1.0), (-4.0, 4.0))
_TOP_FREQUENCIES = (8000, 11025, 12000, 16000, 20000, 22050, 24000)
# Nepers: beyond this no singer or microphone is louder or softer than another's.
_LOUD_OR_SOFT = 2.8
_SIXTEEN_BITS = math.log(32768)
_MANY_AT_FLOOR = 0.002


@dataclasses.dataclass(frozen=True)
class Cause:
    """One thing that may be wrong.

    Attributes
    ----------
    name : str, one of NAMES
    says : str, what it is, one clause
    fix : str, what to do
    undo : function of ndarray (T, n_mels) to the same, which gives the vocoder its own kind of mel back
    spec : FeatureSpec, of what the mels are if this is it (log base and floor apart)
    unlikely : float, how much more evidence it takes than other causes
    smooth : bool, whether it takes the fine structure away
    """

    name: str
    says: str
    fix: str
    undo: Callable[[np.ndarray], np.ndarray]
    spec: FeatureSpec
    unlikely: float = 2.0
    smooth: bool = False


NAMES = (
    "none",
    "log base",
    "power",
    "decibel",
    "linear",
    "normalised",
    "scaled",
    "level",
    "hop",
    "window",
    "range",
    "floor",
    "smooth",
)


def causes(given: MelStatistics, mean: np.ndarray, std: np.ndarray, spec: FeatureSpec) -> Iterator[Cause]:
    """All causes that `given` mels may have, "none" first, for a vocoder trained on `mean` and `std` at `spec`."""
    yield Cause("none", "they are of the kind the vocoder was trained on", "nothing to do", _same, spec, 0.0)
    yield from _of_the_logarithm(given, spec)
    yield from _of_scaling(given, mean, std, spec)
    yield from _of_the_analysis(spec)
    floor = given.low.min()
    silence = _log_mel_of_silence(spec)
    if given.at_lowest > _MANY_AT_FLOOR and floor > silence + 0.1 / spec.ln_base:
        yield Cause(
            "floor",
            f"{100 * given.at_lowest:.1f} % of the values lie on a floor of {floor:.3g}, which the vocoder's training "
            f"features have not (theirs is {silence:.3g})",
            f"extract them with floor {spec.floor:g}, or fine-tune the vocoder on features with that floor",
            _same, spec, -0.5,  # values that are equal to the last digit are no chance
        )  # fmt: skip
    yield Cause(
        "smooth",
        "their fine structure is missing from frame to frame and from band to band, as acoustic models leave it out",
        "put a refiner before the vocoder, or fine-tune the vocoder on such mels (--init_vocoder)",
        _same, spec, 1.5, smooth=True,
    )  # fmt: skip


def _of_the_logarithm(given: MelStatistics, spec: FeatureSpec) -> Iterator[Cause]:
    own = _BASES[spec.log_base]
    for base, name in _BASES.items():
        ratio = (1.0 if base is None else math.log(base)) / spec.ln_base
        if base != spec.log_base:
            yield Cause(
                "log base", f"they are in {name}, the vocoder reads {own}",
                f"multiply them by {ratio:.6g}, or give a --spec with log_base: {_YAML_BASES[base]}",
                _times(ratio), spec,
            )  # fmt: skip
        yield Cause(
            "power", f"they are {name} of a power spectrum, the vocoder reads {own} of amplitudes",
            f"multiply them by {ratio / 2:.6g}", _times(ratio / 2), spec,
        )  # fmt: skip
    ratio = math.log(10) / 20 / spec.ln_base
    yield Cause(
        "decibel", f"they are in decibels, the vocoder reads {own} of amplitudes",
        f"multiply them by {ratio:.6g}", _times(ratio), spec,
    )  # fmt: skip
    if given.low.min() >= 0:
        floor = spec.floor
        yield Cause(
            "linear", f"they are amplitudes, the vocoder reads {own} of them",
            f"take {own} of them, clamped at {floor:g} before",
            lambda mel: np.log(np.maximum(mel, floor)) / spec.ln_base, spec, 1.0,
        )  # fmt: skip


def _of_scaling(given: MelStatistics, mean: np.ndarray, std: np.ndarray, spec: FeatureSpec) -> Iterator[Cause]:
    # Each band by itself around zero, of deviation one: no voice is so by chance.
    plain = np.abs(given.mean).max() < 0.5 and given.std.min() > 0.5 and given.std.max() < 2.0
    yield Cause(
        "normalised", "they are normalised to zero mean and unit deviation, the vocoder reads raw mels",
        "undo the normalisation with the statistics it was made with (ESPnet's feats_stats.npz of the acoustic model)",
        lambda mel: mel * std + mean, spec, -5.0 if plain else 2.0,
    )  # fmt: skip
    low, high = given.low.min(), given.high.max()
    for begin, end in _RANGES:
        slack = 0.02 * (end - begin)
        if begin - slack <= low and high <= end + slack:
            gain = std.mean() / max(given.std.mean(), 1e-9)
            yield Cause(
                "scaled", f"they are squeezed into {begin:g} to {end:g}, the vocoder reads raw mels",
                "undo that with the limits it was made with",
                lambda mel: (mel - given.mean.mean()) * gain + mean.mean(), spec, 4.0,
            )  # fmt: skip
            break
    shift = float((given.mean - mean).mean())
    nepers = shift * spec.ln_base
    if abs(nepers) > _LOUD_OR_SOFT:
        decibels = (
            f"{abs(nepers) * 20 / math.log(10):.0f} dB {'louder' if nepers > 0 else 'softer'} than the training's"
        )
        whole = nepers > 0 and abs(nepers - _SIXTEEN_BITS) < 2.0
        yield Cause(
            "level",
            f"they are {decibels}" + (", as samples in 16-bit whole numbers make them" if whole else ""),
            "divide the samples by 32768 before the analysis" if whole else f"subtract {shift:.4g} from them",
            lambda mel: mel - (_SIXTEEN_BITS / spec.ln_base if whole else shift), spec, 2.5,
        )  # fmt: skip


def _of_the_analysis(spec: FeatureSpec) -> Iterator[Cause]:
    overlap = "their frames overlap {} than the vocoder's: the {} is near {} samples in place of {}"
    for ratio in (0.25, 0.5, 2.0, 4.0):
        hop_length = spec.hop_length * ratio
        if hop_length % 1 == 0 and hop_length <= spec.win_length:
            yield Cause(
                "hop", overlap.format("more" if ratio < 1 else "less", "hop", int(hop_length), spec.hop_length),
                "give a --spec with their hop_length, which interpolates frames; if it is the vocoder's, then the "
                "window is what differs: extract them again",
                _same, dataclasses.replace(spec, hop_length=int(hop_length)),
            )  # fmt: skip
    for ratio in (0.5, 2.0):
        win_length = round(spec.win_length * ratio)
        if win_length >= 2 * spec.hop_length:
            n_fft = max(spec.n_fft, win_length)
            yield Cause(
                "window", overlap.format("more" if ratio > 1 else "less", "window", win_length, spec.win_length),
                f"extract them with win_length {spec.win_length}",
                _same, dataclasses.replace(spec, win_length=win_length, n_fft=n_fft), 2.5,
            )  # fmt: skip
    others = [
        dict(fmax=top) for top in _TOP_FREQUENCIES if top <= spec.fs / 2 and abs(top - spec.fmax) > 0.1 * spec.fmax
    ]
    others.append(dict(mel_scale="htk" if spec.mel_scale == "slaney" else "slaney"))
    for change in others:
        ((name, value),) = change.items()
        yield Cause(
            "range",
            f"their bands lie elsewhere: as with {name} {value} in place of {getattr(spec, name)}",
            f"extract them with fmin {spec.fmin}, fmax {spec.fmax}, {spec.mel_scale} scale, fs {spec.fs}",
            _same, dataclasses.replace(spec, **change), 3.0,
        )  # fmt: skip


def expected(mean: np.ndarray, std: np.ndarray, own: FeatureSpec, other: FeatureSpec):
    """Mean and deviation at the bands of `other`, where they are known at those of `own`."""
    if (own.fmax, own.mel_scale) == (other.fmax, other.mel_scale):
        return mean, std
    at, wanted = (mel_frequencies(s.n_mels + 2, s.fmin, s.fmax, s.mel_scale)[1:-1] for s in (own, other))
    return np.interp(wanted, at, mean), np.interp(wanted, at, std)


def _log_mel_of_silence(spec: FeatureSpec) -> float:
    with torch.no_grad():
        return float(LogMel(spec)(torch.zeros(spec.hop_length)).min())


def _same(mel: np.ndarray) -> np.ndarray:
    return mel


def _times(factor: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda mel: mel * factor
