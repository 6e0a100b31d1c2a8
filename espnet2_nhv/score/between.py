"""What lies between the harmonics: breath and roughness, in the copy against the recording."""

from typing import Dict, Optional, Tuple

import numpy as np
import scipy.fft
import soxr
from scipy.signal import get_window

from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.score.aperiodicity import voiced_frames
from espnet2_nhv.score.frames import align, power_floor

BANDS = {"between_0_4": (0, 4000), "between_4_8": (4000, 8000), "between_8_16": (8000, 16000)}
PERIODS = 4  # a Hann window of four periods is zero at two bins from a harmonic, that is halfway to the next
FINE = 4  # bins in the place of one, so that a pitch a little off can be followed
OVERSAMPLING = 4  # before samples are read between samples
TUNING = np.linspace(-0.006, 0.006, 25)  # 10 cents either way, in steps that are a twentieth of a bin at 16 kHz
DOUBT = 10.0  # nepers that all harmonics together must stand out more for the pitch to be put right by all of that
TUNED_BELOW = 8000.0  # Hz, the harmonics by which the pitch is put right
BLOCK = 128  # frames at a time, so that memory does not grow with the length


def between_harmonics(
    reference: np.ndarray,
    synthesised: np.ndarray,
    spec: FeatureSpec,
    reference_f0: Optional[Tuple[np.ndarray, np.ndarray]] = None,
) -> Dict[str, Optional[float]]:
    """Level halfway between the harmonics, copy minus recording, in the recording's voiced frames.

    Each signal is resampled so that its pitch stands still (that of the recording's F0, put right by up to 10 cents
    where its own harmonics stand out more), and windowed by four periods: there the harmonics vanish halfway between
    each other, and what is left is what does not repeat. The levels of all gaps of a band are averaged in dB.

    Parameters
    ----------
    reference, synthesised : ndarray [shape=(L,)], at ``spec.fs``, aligned
    spec : FeatureSpec
    reference_f0 : (f0, vuv) of the reference where already known, each ndarray [shape=(T,)]

    Returns
    -------
    scores : dict of float, dB, or None where there is no voiced frame or no such band
        between_0_4, between_4_8, between_8_16 : the bands, kHz; below 0 the copy is cleaner than the recording
    """
    reference, synthesised = align(reference, synthesised, spec)
    f0, frames = voiced_frames(reference, synthesised, spec, reference_f0)
    if not len(frames):
        return dict.fromkeys(BANDS)
    floor = power_floor(reference, spec)
    levels = [gap_levels(wav, f0, frames, spec, floor) for wav in (reference, synthesised)]
    difference = levels[1] - levels[0]
    return {name: _mean(column) for name, column in zip(BANDS, difference.T)}


def _mean(values: np.ndarray) -> Optional[float]:
    known = np.isfinite(values)
    return float(values[known].mean()) if known.any() else None


def gap_levels(wav: np.ndarray, f0: np.ndarray, frames: np.ndarray, spec: FeatureSpec, floor: float) -> np.ndarray:
    """Mean level between the harmonics of each band, of some frames.

    Parameters
    ----------
    wav : ndarray [shape=(L,)], at ``spec.fs``
    f0 : ndarray [shape=(T,)], Hz, > 0, of all frames
    frames : ndarray of int [shape=(N,)], those that are looked at
    spec : FeatureSpec
    floor : float > 0, power below which levels are taken as equal

    Returns
    -------
    levels : ndarray [shape=(N, bands)], dB, NaN where a band has no gap; white noise has 2.5 dB less than
        its mean square, as means of logarithms have
    """
    warped, starts, points = _at_one_pitch(wav, f0, frames, spec)
    size = PERIODS * points
    window = get_window("hann", size)
    window /= np.sqrt(np.sum(window**2))
    views = np.lib.stride_tricks.sliding_window_view(warped, size)
    levels = np.empty((len(frames), len(BANDS)))
    for first in range(0, len(frames), BLOCK):
        block = slice(first, first + BLOCK)
        spectra = scipy.fft.rfft((views[starts[block]] * window).astype(np.float32), FINE * size)
        power = spectra.real**2 + spectra.imag**2
        levels[block] = _levels(power, f0[frames[block]], points, spec.fs, floor)
    return levels


def _levels(power: np.ndarray, f0: np.ndarray, points: int, fs: int, floor: float) -> np.ndarray:
    """As :func:`gap_levels`, of power spectra of which bin ``PERIODS * FINE`` is F0."""
    power *= (fs / (points * f0))[:, None]  # warped, the same noise is spread up to points * F0 / 2
    row, unit = np.arange(len(f0))[:, None], PERIODS * FINE
    order = np.arange(1, int(min(TUNED_BELOW, 0.45 * fs) / f0.min()) + 1)
    known = order * f0[:, None] < min(TUNED_BELOW, 0.45 * fs)
    contrast = []
    for shift in TUNING:
        on, off = (np.round((order + half) * (1 + shift) * unit).astype(int) for half in (0, 0.5))
        ratio = np.log((power[row, on] + 1e-20) / (power[row, off] + 1e-20))
        contrast.append((ratio * known).sum(axis=1))
    doubt = DOUBT * (TUNING / TUNING[-1]) ** 2  # a few harmonics tell a pitch less well than the analysis does
    tuned = 1 + TUNING[np.argmax(np.array(contrast) - doubt[:, None], axis=0)]
    gap = np.arange(1, int(min(16000, 0.45 * fs) / f0.min()) + 1) + 0.5
    place = np.round(gap * tuned[:, None] * unit).astype(int)
    level = 10 * np.log10(np.maximum(power[row, np.minimum(place, power.shape[1] - 1)], floor))
    frequency = gap * f0[:, None]
    levels = np.full((len(f0), len(BANDS)), np.nan)
    for number, (low, high) in enumerate(BANDS.values()):
        inside = (frequency >= low) & (frequency < min(high, 0.45 * fs))
        count = inside.sum(axis=1)
        some = count > 0
        levels[some, number] = (level * inside).sum(axis=1)[some] / count[some]
    return levels


def _at_one_pitch(wav: np.ndarray, f0: np.ndarray, frames: np.ndarray, spec: FeatureSpec):
    """`wav` read at even steps of the phase of `f0`; where each frame's window starts; points in a period."""
    points = 2 ** int(np.ceil(np.log2(spec.fs / f0[frames].min())))
    sample = np.arange(len(wav))
    contour = np.interp(sample, np.arange(len(f0)) * spec.hop_length, f0)
    phase = np.concatenate([[0.0], np.cumsum(contour)[:-1]]) / spec.fs  # periods
    centre = np.round(phase[np.minimum(frames * spec.hop_length, len(wav) - 1)] * points).astype(int)
    place = np.interp(np.arange(int(phase[-1] * points) + 1) / points, phase, sample)
    margin = PERIODS * points // 2
    return np.pad(_read(wav, place), (margin, margin + 1)).astype(np.float32), centre, points


def _read(wav: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Samples at fractional places, by cubic interpolation of the oversampled signal."""
    fine = np.pad(soxr.resample(wav, 1, OVERSAMPLING, quality="VHQ"), 2)
    place = place * OVERSAMPLING + 2
    left = np.minimum(place.astype(int), len(fine) - 3)
    x = place - left
    a, b, c, d = (fine[left + step] for step in (-1, 0, 1, 2))
    return b + 0.5 * x * (c - a + x * (2 * a - 5 * b + 4 * c - d + x * (3 * (b - c) + d - a)))
