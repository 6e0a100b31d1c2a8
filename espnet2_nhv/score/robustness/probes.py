"""What the robustness command asks of a vocoder, made of a set's own features."""

import dataclasses
from pathlib import Path
from typing import Dict, List, Optional, Tuple, Union

import numpy as np

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.ark import ArkTable
from espnet2_nhv.feature.datadir import read_table
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.score.robustness.unvoiced import NOISES

SCALES = (0.5, 0.75, 1.5, 2.0)
KEYS = (-3, 3)  # semitones
VOICES = {"low_male": 82.4, "high_soprano": 880.0}  # Hz, E2 and A5, to which the median of a phrase is moved
KNOWN = "_mel_f0"  # what ends the names of probes in which the vocoder is told the F0 of the mel
CYCLES = (0, -5, 7)  # semitones, there and back
GAINS = (0, -12, -24, -36, -48)  # dB
LIMITS = (4, 8, 12, 16)  # kHz
STEADY_FRAMES = 8  # either side of a frame, 46 ms at hop 256, that must be alike for it to be steady
LONGEST = 10.0  # seconds of a phrase that are taken


@dataclasses.dataclass
class Phrase:
    """A recorded phrase and its features, cut to one length.

    Attributes
    ----------
    utt : str
    mel : ndarray [shape=(T, n_mels)]
    f0, vuv : ndarray [shape=(T,)], Hz > 0, and in {0, 1}
    wav : path of the recording
    """

    utt: str
    mel: np.ndarray
    f0: np.ndarray
    vuv: np.ndarray
    wav: str


def shift_probes(takes_mel_f0: bool = False) -> List[str]:
    """Names of the probes that sing phrases with another F0; where the vocoder can be told the mel's, both ways."""
    blind = [*_factors(), *VOICES]
    return [*blind, *(f"{probe}{KNOWN}" for probe in blind if takes_mel_f0 and not probe.startswith("key_"))]


def cycle_probes(takes_mel_f0: bool = False) -> List[str]:
    """Names of the probes that sing phrases in another key, analyse that, and sing it back."""
    blind = [f"cycle_{key:+d}" for key in CYCLES]
    return [*blind, *(f"{probe}{KNOWN}" for probe in blind if takes_mel_f0)]


def level_probes() -> List[str]:
    """Names of the probes that copy phrases turned down."""
    return [f"level_{gain}" for gain in GAINS]


def noise_probes() -> List[str]:
    """Names of the probes that copy noises."""
    return [f"noise_{name}" for name in NOISES]


def limit_probes(spec: FeatureSpec) -> List[str]:
    """Names of the probes that copy phrases without what lies above a frequency, kHz."""
    return [f"limit_{limit:g}" for limit in LIMITS if 1000 * limit < 0.45 * spec.fs]


def _factors() -> Dict[str, float]:
    """The factor of F0, of those probes where it is the same for every phrase."""
    return {
        **{f"f0_x{scale:g}": scale for scale in SCALES},
        **{f"key_{key:+d}": 2 ** (key / 12) for key in KEYS},
    }


def asked_f0(probe: str, phrase: Phrase, spec: FeatureSpec) -> np.ndarray:
    """The F0 that a probe asks of a phrase, Hz; not beyond what the contract knows as F0."""
    probe = probe.removesuffix(KNOWN)
    if probe.startswith("cycle_"):
        factor = 2 ** (int(probe.removeprefix("cycle_")) / 12)
    elif probe in VOICES:
        factor = VOICES[probe] / float(np.median(phrase.f0[phrase.vuv > 0.5]))
    else:
        factor = _factors()[probe]
    return np.clip(phrase.f0 * factor, spec.f0_floor, spec.f0_ceil).astype(np.float32)


def load_phrases(data: Union[str, Path], count: int) -> List[Phrase]:
    """`count` phrases of a set that have voiced frames, evenly picked.

    Raises
    ------
    UserError
        If the set has no features, or no voice in them.
    """
    data = Path(data)
    spec = FeatureSpec.load(data.parent / "spec.yaml")
    tables = [ArkTable(data / f"{name}.scp") for name in ("feats", "f0", "vuv")]
    wavs = read_table(data / "wav.scp")
    utts = [utt for utt in tables[0] if utt in wavs and all(utt in table for table in tables)]
    phrases, longest = [], int(LONGEST * spec.frame_rate)
    for position in _even_order(len(utts)):
        if len(phrases) == count:
            break
        mel, f0, vuv = (table[utts[position]] for table in tables)
        n_frames = min(len(mel), len(f0), len(vuv), longest)
        phrase = Phrase(utts[position], mel[:n_frames], f0[:n_frames, 0], vuv[:n_frames, 0], wavs[utts[position]])
        if (phrase.vuv > 0.5).sum() > 2 * STEADY_FRAMES:
            phrases.append(phrase)
    if not phrases:
        raise UserError(f"{data}: no utterance with features and a voice in it; run stages 2 and 3 for this set")
    return sorted(phrases, key=lambda phrase: phrase.utt)


def _even_order(count: int) -> List[int]:
    """All of 0..count-1 so that any first few are spread over the whole."""
    bits = max(count - 1, 1).bit_length()
    mirrored = (int(f"{number:0{bits}b}"[::-1], 2) for number in range(2**bits))
    return [number for number in mirrored if number < count]


def steady_frame(phrases: List[Phrase]) -> Tuple[Phrase, int]:
    """The voiced frame whose surroundings change least, of the louder half; the phrase and the frame's number."""
    best: Optional[Tuple[float, Phrase, int]] = None
    for phrase in phrases:
        level = phrase.mel.mean(axis=1)
        loud = level >= np.median(level[phrase.vuv > 0.5])
        for frame in range(STEADY_FRAMES, len(phrase.mel) - STEADY_FRAMES):
            around = slice(frame - STEADY_FRAMES, frame + STEADY_FRAMES + 1)
            if not (loud[frame] and (phrase.vuv[around] > 0.5).all()):
                continue
            change = float(np.abs(phrase.mel[around] - phrase.mel[frame]).mean())
            change += float(np.abs(12 * np.log2(phrase.f0[around] / phrase.f0[frame])).mean())
            if best is None or change < best[0]:
                best = change, phrase, frame
    if best is None:
        raise UserError(f"no sung note of {2 * STEADY_FRAMES + 1} frames in {', '.join(p.utt for p in phrases)}")
    return best[1], best[2]
