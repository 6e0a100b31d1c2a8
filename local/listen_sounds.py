"""What docs/listen lets hear: short phrases of the built-in singer, and what vocoders make of them, changed or not."""

from typing import Callable, Dict, List, NamedTuple, Tuple

import numpy as np
import pyworld
import torch
from demo_data import VOICES, compose
from demo_singer import FS, Note, sing

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.mel import log_mel_of_long
from espnet2_nhv.feature.pitch.analysis import extract_f0
from espnet2_nhv.feature.warp import between_harmonics
from espnet2_nhv.vocoder.synthesizer import Synthesizer

SECONDS = 3.2
# "Ah! vous dirai-je, maman" (France, before 1761): steps of the major scale, semitones above its first note, in beats.
_SONG = ((0, 1), (0, 1), (7, 1), (7, 1), (9, 1), (9, 1), (7, 2))
_WORDS = (("a", ""), ("u", "t"), ("i", "r"), ("e", "r"), ("e", "sh"), ("a", "m"), ("a", "m"))
_BREATH_DB = 9.0


class Change(NamedTuple):
    """What is different from the phrase: key in semitones, how much slower, level of the noise in dB."""

    title: str
    key: float = 0.0
    slower: float = 1.0
    breath: float = 0.0


CHANGES = {
    "as_sung": Change("as sung"),
    "up": Change("five semitones up", key=5.0),
    "down": Change("five semitones down", key=-5.0),
    "breathier": Change("breathier", breath=_BREATH_DB),
    "slower": Change("slower, at two thirds", slower=1.5),
}


def phrases() -> Dict[str, np.ndarray]:
    """Name to samples at FS: a phrase of three of the singers, and a song by the fourth."""
    made = {}
    for index, (name, voice) in enumerate(sorted(VOICES.items())):
        rng = np.random.default_rng([7, index])
        if name == "tenor":
            first, beat = voice.low + 5, 0.42
            notes = [
                Note(beats * beat, first + step, vowel, consonant)
                for (step, beats), (vowel, consonant) in zip(_SONG, _WORDS)
            ]
        else:
            notes = _beginning(compose(voice, 2, rng))
        made[f"{name}_song" if name == "tenor" else name] = sing([Note(0.15), *notes, Note(0.15)], voice, rng)[0]
    return made


def _beginning(notes: List[Note]) -> List[Note]:
    sung, seconds = [], 0.0
    for note in notes:
        if note.pitch is None:
            continue
        sung.append(note)
        seconds += note.seconds
        if seconds > SECONDS - 0.4:
            break
    return sung


def can_sing(vocoder: Synthesizer, change: Change) -> bool:
    """Whether a vocoder can be asked for a change at all."""
    if change.breath and not getattr(vocoder, "takes_knobs", False):
        return False
    return not vocoder.needs_wav and (change.key == 0 or vocoder.needs_f0)


def synthesize(vocoder: Synthesizer, wav: np.ndarray, change: Change) -> np.ndarray:
    """A phrase by a vocoder that reads features; harmonics of the old pitch are taken out of the mel, or it is told."""
    spec = vocoder.spec
    if spec.fs != FS:
        raise UserError(f"a vocoder of {spec.fs} Hz cannot be heard beside others of {FS} Hz")
    mel, more = log_mel_of_long(wav, spec), {}
    f0 = torch.from_numpy(extract_f0(wav, spec)[0]) if vocoder.needs_f0 else None
    if change.key and vocoder.takes_mel_f0:
        more["mel_f0"] = f0
    elif change.key:
        mel = between_harmonics(mel, f0.numpy(), spec)
    if change.breath:
        more["knobs"] = {"breathiness": change.breath}
    if change.slower != 1.0:
        mel = _slower(mel.T, change.slower).T
        f0 = None if f0 is None else _slower(f0.log(), change.slower).exp()
    pitch = None if f0 is None else f0 * 2 ** (change.key / 12)
    return vocoder.inference(mel.contiguous(), pitch, **more).cpu().numpy()


def _slower(x: torch.Tensor, factor: float) -> torch.Tensor:
    """Frames ``(..., T)`` to ``(..., T * factor)``, linearly."""
    shape = x.reshape(1, -1, x.shape[-1])
    stretched = torch.nn.functional.interpolate(shape, scale_factor=factor, mode="linear")
    return stretched.reshape(*x.shape[:-1], -1)


def world(wav: np.ndarray, change: Change) -> np.ndarray:
    """The same by WORLD, which analyses the phrase itself."""
    samples = np.ascontiguousarray(wav, dtype=np.float64)
    f0, times = pyworld.harvest(samples, FS, f0_floor=50.0, f0_ceil=1200.0)
    envelope = pyworld.cheaptrick(samples, f0, times, FS)
    aperiodicity = pyworld.d4c(samples, f0, times, FS)
    # Aperiodicity is the amplitude of noise as a share of the whole.
    aperiodicity = np.minimum(aperiodicity * 10 ** (change.breath / 20), 1.0)
    return pyworld.synthesize(f0 * 2 ** (change.key / 12), envelope, aperiodicity, FS, 5.0 * change.slower)


def renderers(vocoders: Dict[str, Synthesizer], change: Change) -> Dict[str, Callable[[np.ndarray], np.ndarray]]:
    """Who can sing it: name to function of a phrase."""
    able = {
        name: (lambda wav, vocoder=vocoder: synthesize(vocoder, wav, change))
        for name, vocoder in vocoders.items()
        if can_sing(vocoder, change)
    }
    first = list(able)[:1]
    order: List[Tuple[str, Callable]] = [(name, able[name]) for name in first]
    order.append(("world", lambda wav: world(wav, change)))
    return dict([*order, *((name, made) for name, made in able.items() if name not in first)])
