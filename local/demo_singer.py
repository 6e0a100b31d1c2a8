"""A small source-filter singer: the built-in corpus is its voice.

A band-limited pulse train at a known F0, and noise, pass through a cascade of formant resonators (a vocal tract
of about 22 of them, up to the Nyquist frequency); fricatives and bursts are added after it. It shares no code
with the vocoders that are trained on it.

Source: D. H. Klatt, "Software for a cascade/parallel formant synthesizer", JASA 67(3), 1980 (resonators, cascade);
J. Sundberg, "The Science of the Singing Voice", 1987 (vibrato, singer's formant, formant tuning).
"""

from dataclasses import dataclass
from typing import Optional, Sequence, Tuple

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import butter, lfilter, sosfilt

FS = 44100
STEP = 147  # samples a control step: 300 a second
RATE = FS // STEP
N_FFT = 2048  # the longest resonance has decayed by 70 dB after it
_Z = np.exp(-2j * np.pi * np.fft.rfftfreq(N_FFT))  # one sample's delay
_Z2 = _Z**2
PEAK_DB, FLOOR_DB = -3.0, -78.0

# First three formants of an adult male, Hz.
VOWELS = {
    "a": (730, 1150, 2440),
    "e": (500, 1800, 2500),
    "i": (290, 2050, 2950),
    "o": (460, 850, 2500),
    "u": (320, 1250, 2300),
}
NEUTRAL = (500, 1500, 2500)


@dataclass(frozen=True)
class Consonant:
    """How a consonant sounds: `voice` is the level of the pulses under it, `noise` that of frication, in dB."""

    seconds: float
    voice: float = -90.0
    noise: float = -90.0
    band: Tuple[float, float] = (1000.0, 8000.0)  # Hz, of frication or burst
    breath: float = -90.0  # dB, noise that passes through the vocal tract
    burst: float = -90.0  # dB, after a silent closure
    formants: Optional[Tuple[float, float, float]] = None


CONSONANTS = {
    "": Consonant(0.0),
    "s": Consonant(0.13, noise=-27, band=(4800, 12000)),
    "sh": Consonant(0.12, noise=-25, band=(2300, 7000)),
    "f": Consonant(0.10, noise=-36, band=(1500, 14000)),
    "z": Consonant(0.08, voice=-14, noise=-33, band=(4500, 11000)),
    "h": Consonant(0.09, breath=-14),
    "p": Consonant(0.07, burst=-21, band=(400, 2200), breath=-24),
    "t": Consonant(0.07, burst=-17, band=(2800, 9000), breath=-24),
    "k": Consonant(0.08, burst=-18, band=(1300, 4500), breath=-22),
    "m": Consonant(0.08, voice=-11, formants=(260, 1000, 2200)),
    "n": Consonant(0.07, voice=-11, formants=(260, 1500, 2500)),
    "r": Consonant(0.035, voice=-10, formants=(400, 1300, 1900)),
}


@dataclass(frozen=True)
class Voice:
    """A singer.

    Parameters
    ----------
    low, high : int, MIDI notes
    size : float > 0, scale of the formants (a shorter vocal tract has a larger one)
    cluster : fourth and fifth formant, Hz; close together they make the singer's formant
    breathiness : float, dB, of the noise in sustained vowels
    brightness : float, Hz, where the glottal spectrum of a loud note bends down once more
    vibrato : rate in Hz and depth in cents
    """

    low: int
    high: int
    size: float
    cluster: Tuple[float, float]
    breathiness: float
    brightness: float
    vibrato: Tuple[float, float]


@dataclass(frozen=True)
class Note:
    """A syllable on a pitch. `glide_to` makes the pitch move there; `pitch` None is a rest."""

    seconds: float
    pitch: Optional[float] = None  # MIDI note number, 69 is 440 Hz
    vowel: str = "a"
    consonant: str = ""
    loudness: float = 0.0  # dB
    glide_to: Optional[float] = None
    breath: bool = False


def sing(notes: Sequence[Note], voice: Voice, rng: np.random.Generator) -> Tuple[np.ndarray, np.ndarray]:
    """Sing a phrase.

    Parameters
    ----------
    notes : sequence of Note, at least one of them with a pitch
    voice : Voice
    rng : Generator, of breath, jitter and noise

    Returns
    -------
    wav : ndarray [shape=(T * STEP,)], peak at -3 dBFS
    f0 : ndarray [shape=(T,)], Hz, at samples 0, STEP, 2 STEP, ...; 0 where the voice is off
    """
    control = _controls(notes, voice, rng)
    n_samples = len(control["f0"]) * STEP
    f0 = _at_samples(control["f0"], n_samples)
    phase = np.cumsum(f0 / FS)
    phase += rng.random() - phase[0]
    voiced = _at_samples(control["voice"], n_samples)
    pulses = _pulse_train(phase, f0) * np.sqrt(f0 / 20000)  # less, but stronger, harmonics in a high voice
    pulses = lfilter(*_one_pole(160.0 * voice.size), pulses) * 8
    # Breath is let through while the glottis is open, half of each period.
    gate = 0.35 + 0.65 * (0.5 - 0.5 * np.cos(2 * np.pi * (phase + 0.6)))
    hiss = rng.standard_normal(n_samples)
    air = hiss * (voiced * gate * _gain(voice.breathiness) + _at_samples(control["breath"], n_samples))
    wav = _vocal_tract(pulses * voiced + lfilter(*_one_pole(5000.0), air), control, voice)
    wav = sosfilt(butter(2, 40, "high", fs=FS, output="sos"), wav)
    wav /= np.sqrt(np.mean(wav[voiced > 0.1] ** 2)) / _gain(-18)
    for start, noise in _frications(notes, rng):
        wav[start : start + len(noise)] += noise[: n_samples - start]
    wav *= _gain(PEAK_DB) / np.abs(wav).max()
    wav += lfilter(*_one_pole(3000.0), rng.standard_normal(n_samples)) * _gain(FLOOR_DB)
    return wav, np.where(control["voice"] > 0.01, control["f0"], 0.0)


def _controls(notes, voice, rng):
    """Everything that moves, `RATE` values a second: f0, voice, breath (gains), tilt (Hz) and formants (3, T)."""
    steps = [round(note.seconds * RATE) for note in notes]
    n_steps = sum(steps)
    pitch, vibrato = np.full(n_steps, np.nan), np.zeros(n_steps)
    level, air, tilt = np.full(n_steps, -90.0), np.full(n_steps, -90.0), np.zeros(n_steps)
    formants = np.empty((3, n_steps))
    clock = np.arange(n_steps) / RATE
    rate = voice.vibrato[0] * gaussian_filter1d(rng.normal(1, 0.4, n_steps), 0.2 * RATE)
    wobble = np.sin(2 * np.pi * np.cumsum(rate) / RATE)
    start = 0
    for note, length in zip(notes, steps):
        span, start = slice(start, start + length), start + length
        if note.pitch is None:
            formants[:, span] = np.array(NEUTRAL)[:, None]
            if note.breath:
                swell = np.sin(np.pi * np.linspace(0, 1, length)) ** 0.7
                air[span] = -32 + 20 * np.log10(np.maximum(swell, 1e-3))
            continue
        consonant = CONSONANTS[note.consonant]
        onset = slice(span.start, span.start + round(consonant.seconds * RATE))
        end = note.pitch if note.glide_to is None else note.glide_to
        pitch[span] = note.pitch + (end - note.pitch) * (0.5 - 0.5 * np.cos(np.pi * np.linspace(0, 1, length)))
        if note.seconds > 0.5:  # vibrato sets in late, and only where there is time for it
            vibrato[span] = voice.vibrato[1] * np.clip((clock[span] - clock[span.start] - 0.2) / 0.4, 0, 1)
        level[span] = note.loudness + 2.5 * np.sin(np.pi * np.linspace(0, 1, length))
        tilt[span] = note.loudness
        formants[:, span] = np.array(VOWELS[note.vowel])[:, None]
        level[onset], air[onset] = np.maximum(consonant.voice, -90), consonant.breath
        if consonant.burst > -90:  # closed first, then the burst (see _frications), then some breath
            air[onset.start : onset.stop - 5] = -90
        if consonant.formants:
            formants[:, onset] = np.array(consonant.formants)[:, None]
    known = ~np.isnan(pitch)
    pitch = np.interp(clock, clock[known], pitch[known])
    # In cents: a fast jitter and a slow drift.
    jitter = 10 * gaussian_filter1d(rng.standard_normal(n_steps), 4)
    jitter += 80 * gaussian_filter1d(rng.standard_normal(n_steps), 45)
    cents = gaussian_filter1d(vibrato, 0.05 * RATE) * wobble + jitter
    f0 = 440 * 2 ** ((gaussian_filter1d(pitch, 0.022 * RATE) - 69) / 12 + cents / 1200)
    shimmer = 1 + 0.1 * gaussian_filter1d(rng.standard_normal(n_steps), 3)
    formants = gaussian_filter1d(formants, 0.016 * RATE, axis=1) * voice.size
    # A singer opens the jaw until the first formant is not below the note.
    formants[0] = np.maximum(formants[0], 1.1 * f0)
    formants[1] = np.maximum(formants[1], formants[0] + 250)
    formants[2] = np.maximum(formants[2], formants[1] + 300)
    return {
        "f0": f0,
        "voice": gaussian_filter1d(_gain(level), 0.009 * RATE) * shimmer,
        "breath": gaussian_filter1d(_gain(air), 0.008 * RATE),
        "tilt": voice.brightness * 2 ** (gaussian_filter1d(tilt, 0.04 * RATE) / 8),
        "formants": formants,
    }


def _pulse_train(phase, f0):
    """Sum of cosines at all harmonics below the Nyquist frequency, the top one faded; in closed form."""
    top = np.floor(FS / 2 / f0)
    full, fade = top - 1, FS / 2 / f0 - top
    half = np.pi * (phase % 1.0)
    below = np.abs(np.sin(half))
    safe = np.where(below < 1e-9, 1.0, np.sin(half))
    kernel = np.where(below < 1e-9, 2 * full + 1, np.sin((2 * full + 1) * half) / safe)
    return 0.5 * (kernel - 1) + fade * np.cos(2 * top * half)


def _vocal_tract(source, control, voice):
    """Resonators in cascade: three formants and the glottal tilt move, those above stay where they are."""
    spacing = 1000.0 * voice.size
    response = np.ones((1, len(_Z)), dtype=complex)
    for frequency in [*voice.cluster, *np.arange(4.6 * spacing, 0.49 * FS, spacing)]:
        response = response * _resonance(np.array([frequency]), 110 + 0.055 * frequency)
    pole = np.exp(-2 * np.pi * control["tilt"][:, None] / FS)
    response = response * (1 - pole) / (1 - pole * _Z)
    for frequency, share in zip(control["formants"], (0.04, 0.03, 0.035)):
        # The glottis of a high voice is open for most of the time, and damps the resonances.
        response *= _resonance(frequency, 60 + share * frequency + 0.12 * control["f0"])
    # Each step's filter gets its own windowed piece of the source; the outputs overlap, so nothing ever jumps.
    window = np.hanning(2 * STEP + 1)[:-1]
    pieces = np.lib.stride_tricks.sliding_window_view(np.pad(source, STEP), 2 * STEP)[::STEP][: len(response)]
    filtered = np.fft.irfft(np.fft.rfft(pieces * window, N_FFT) * response, N_FFT)
    out = np.zeros(len(source) + STEP + N_FFT)
    for step, piece in enumerate(filtered):
        out[step * STEP : step * STEP + N_FFT] += piece
    return out[STEP : STEP + len(source)]


def _resonance(frequency, bandwidth):
    """Frequency responses ``(T, bins)`` of Klatt's resonator, which has gain one at 0 Hz."""
    radius = np.exp(-np.pi * bandwidth / FS)
    a1, a2 = (-2 * radius * np.cos(2 * np.pi * frequency / FS))[:, None], (radius**2 + 0 * frequency)[:, None]
    return (1 + a1 + a2) / (1 + a1 * _Z + a2 * _Z2)


def _one_pole(corner):
    pole = np.exp(-2 * np.pi * corner / FS)
    return [1 - pole], [1, -pole]


def _frications(notes, rng):
    """Noise of fricatives and bursts as ``(first sample, samples)``."""
    start = 0
    for note in notes:
        consonant = CONSONANTS[note.consonant if note.pitch is not None else ""]
        if consonant.noise > -90:
            length = int((consonant.seconds + 0.02) * FS)
            shape = np.minimum(1, np.minimum(np.arange(length), np.arange(length)[::-1]) / (0.025 * FS))
            noise = _band_noise(length, consonant.band, rng) * np.sin(shape * np.pi / 2) ** 2
            yield start, noise * _gain(consonant.noise)
        if consonant.burst > -90:
            length = int(0.03 * FS)
            clock = np.arange(length) / FS
            shape = np.minimum(1, clock / 0.001) * np.exp(-clock / 0.005)
            first = start + int((consonant.seconds - 0.02) * FS)
            yield first, _band_noise(length, consonant.band, rng) * shape * _gain(consonant.burst)
        start += round(note.seconds * RATE) * STEP


def _band_noise(length, band, rng):
    # Filtered from 10 ms before, so that the filter has settled.
    noise = sosfilt(butter(2, band, "band", fs=FS, output="sos"), rng.standard_normal(length + 441))[441:]
    return noise / np.sqrt(np.mean(noise**2))


def _at_samples(values, n_samples):
    return np.interp(np.arange(n_samples) / STEP, np.arange(len(values)), values)


def _gain(decibel):
    return 10 ** (np.asarray(decibel) / 20)
