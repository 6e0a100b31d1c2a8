"""What every metric shares: two signals of one length, their frames, and which frames count."""

from typing import Iterator, Tuple

import numpy as np
import scipy.fft
from scipy.signal import get_window

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.spec import FeatureSpec

SILENCE_BELOW_LOUDEST = 1e-6  # power, -60 dB: a frame below this share of the reference's loudest is silent
SILENCE_POWER = 1e-8  # -80 dBFS: silent whatever the rest of the utterance does
FLOOR_BELOW_LOUDEST = 1e-7  # power, -70 dB: differences between levels below this are not counted
FLOOR_POWER = 1e-10  # -100 dBFS: a 16-bit file has rounding noise of 1 / 12 / 32768**2 = 0.8e-10


def align(reference: np.ndarray, synthesised: np.ndarray, spec: FeatureSpec) -> Tuple[np.ndarray, np.ndarray]:
    """Cut both signals to the shorter one's length.

    Copy synthesis is aligned by construction, so nothing is warped or shifted: only the part of a frame
    that features leave out may be missing.

    Parameters
    ----------
    reference, synthesised : ndarray [shape=(L,)], full scale is [-1, 1]
    spec : FeatureSpec, of which `hop_length` is used

    Returns
    -------
    reference, synthesised : ndarray [shape=(min(L),)], float64

    Raises
    ------
    UserError
        If the lengths differ by more than two hops, or a signal is not mono or not finite.
    """
    pair = []
    for name, wav in (("reference", reference), ("synthesised", synthesised)):
        wav = np.asarray(wav, dtype=np.float64)
        if wav.ndim != 1:
            raise UserError(f"the {name} signal has shape {wav.shape}: metrics compare mono signals")
        if not np.isfinite(wav).all():
            raise UserError(f"the {name} signal is not finite at sample {int(np.argmin(np.isfinite(wav)))}")
        pair.append(wav)
    reference, synthesised = pair
    if abs(len(reference) - len(synthesised)) > 2 * spec.hop_length:
        raise UserError(
            f"the reference has {len(reference)} samples and the synthesised signal {len(synthesised)}: "
            f"copy synthesis may differ by two hops ({2 * spec.hop_length}) at most"
        )
    n_samples = min(len(reference), len(synthesised))
    return reference[:n_samples], synthesised[:n_samples]


def spectrum_size(fs: int) -> int:
    """The power of two nearest to 46 ms (2048 at 44.1 kHz): fine enough to tell the harmonics of a low voice."""
    return 2 ** round(np.log2(2048 / 44100 * fs))


def frame_power(wav: np.ndarray, spec: FeatureSpec) -> np.ndarray:
    """Mean square of the 46 ms around each frame; ndarray [shape=(L // hop_length,)], >= 0."""
    n_fft = spectrum_size(spec.fs)
    energy = np.concatenate([[0.0], np.cumsum(np.square(wav, dtype=np.float64))])
    centre = np.arange(len(wav) // spec.hop_length) * spec.hop_length
    first, last = np.maximum(centre - n_fft // 2, 0), np.minimum(centre + n_fft // 2, len(wav))
    return (energy[last] - energy[first]) / n_fft


def active_frames(reference: np.ndarray, synthesised: np.ndarray, spec: FeatureSpec) -> np.ndarray:
    """Which frames count: all but those silent in both signals; bool ndarray [shape=(L // hop_length,)].

    A frame is silent more than 60 dB below the reference's loudest frame, or below -80 dBFS. A sound
    where the reference is silent counts, as does silence where the reference sounds.
    """
    power = frame_power(reference, spec)
    threshold = max(power.max(initial=0.0) * SILENCE_BELOW_LOUDEST, SILENCE_POWER)
    return np.maximum(power, frame_power(synthesised, spec)) > threshold


def power_floor(reference: np.ndarray, spec: FeatureSpec) -> float:
    """The power below which spectra are taken as equal: 70 dB below the reference's loudest frame.

    It moves with the recording's level, so that a quiet and a loud copy of one pair of signals score
    alike, and stops at -100 dBFS, where a 16-bit reference holds rounding noise only.
    """
    return max(float(frame_power(reference, spec).max(initial=0.0)) * FLOOR_BELOW_LOUDEST, FLOOR_POWER)


def power_spectra(
    wav: np.ndarray, n_fft: int, hop_length: int, n_frames: int, block: int = 1024
) -> Iterator[Tuple[slice, np.ndarray]]:
    """Power spectra, some frames at a time, so that memory does not grow with the length.

    Frame i is centred at sample ``i * hop_length``, beyond the ends the signal is zero, and the Hann window
    is scaled to unit energy: white noise of mean square p has the mean value p in every bin.

    Yields
    ------
    frames : slice, which frames these are
    power : ndarray [shape=(<= block, n_fft // 2 + 1)], float32, >= 0
    """
    window = get_window("hann", n_fft)
    window = (window / np.sqrt(np.sum(window**2))).astype(np.float32)
    tail = max((n_frames - 1) * hop_length + n_fft - n_fft // 2 - len(wav), 0)
    padded = np.pad(wav.astype(np.float32), (n_fft // 2, tail))
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop_length][:n_frames]
    for start in range(0, n_frames, block):
        spectra = scipy.fft.rfft(frames[start : start + block] * window)
        yield slice(start, start + len(spectra)), spectra.real**2 + spectra.imag**2
