"""Vocoders that were trained elsewhere: a command, a saved vocoder of another spec, or sounds made beforehand."""

import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import Callable, NamedTuple, Optional, Tuple

import numpy as np
import soundfile
import soxr
import torch

from espnet2_nhv.errors import UserError, in_one_line
from espnet2_nhv.feature.mel import log_mel_of_long
from espnet2_nhv.feature.pitch.analysis import extract_f0
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.synthesis.wav import write_wav
from espnet2_nhv.vocoder.saved import load_vocoder
from espnet2_nhv.vocoder.synthesizer import Synthesizer

_PLACES = ("{inp}", "{out}")
_SLACK_SECONDS = 0.1  # by which a peer may be shorter or longer than the recording
_LAST_LINE = 300  # characters of what a command has complained of


class Peer(NamedTuple):
    """
    Attributes
    ----------
    name : str, of its experiment
    command : str with {inp} and {out}, the recording and what to write, or empty
    folder : path of a saved vocoder, or of sounds made elsewhere and called as the utterances are, or empty
    """

    name: str
    command: str
    folder: str

    @property
    def is_saved(self) -> bool:
        """Whether it is a saved vocoder's folder."""
        return bool(self.folder) and (Path(self.folder) / "vocoder.yaml").exists()

    @classmethod
    def parse(cls, text: str) -> "Peer":
        """Read ``NAME=DIR`` or ``NAME=command {inp} {out}``.

        Raises
        ------
        UserError
            If it is neither.
        """
        name, _, value = (part.strip() for part in text.partition("="))
        if not name or not value or "/" in name:
            raise UserError(f"peer {text!r}: give NAME=DIR or NAME=command {{inp}} {{out}}")
        if Path(value).is_dir():
            return cls(name, "", value)
        if not all(place in value for place in _PLACES):
            raise UserError(f"peer {name}: {value!r} is no folder, nor a command with {{inp}} and {{out}} in it")
        return cls(name, value, "")


class PeerVocoder(Synthesizer):
    """A peer with the calls of any vocoder that analyses a recording, such as WORLD.

    Parameters
    ----------
    peer : Peer, a command or a saved vocoder
    spec : FeatureSpec, of what it is compared with; its own features may be others

    Raises
    ------
    UserError
        For a folder of sounds, which knows utterances by name and no recording.
    """

    needs_wav = True

    def __init__(self, peer: Peer, spec: FeatureSpec):
        if peer.folder and not peer.is_saved:
            raise UserError(
                f"peer {peer.name}: {peer.folder} has no vocoder.yaml; sounds made elsewhere are scored as a set, "
                "by bin.peer"
            )
        self.spec, self._make = spec, maker(peer, spec.fs)

    def synthesize(self, mel: torch.Tensor, f0: Optional[torch.Tensor]) -> torch.Tensor:
        raise UserError("a peer hears a recording: features alone do not drive it")

    def resynthesize(self, wav: Optional[torch.Tensor], n_samples: int) -> torch.Tensor:
        if wav is None:
            raise UserError("a peer hears a recording: features alone do not drive it")
        return torch.from_numpy(self._make("", torch.as_tensor(wav).float().cpu().numpy(), self.fs))[:n_samples]


def maker(peer: Peer, fs: int) -> Callable[[str, np.ndarray, int], np.ndarray]:
    """From an utterance's name, its recording and that one's sampling rate to what the peer makes of it.

    Parameters
    ----------
    peer : Peer
    fs : int, Hz, of what is returned

    Returns
    -------
    make : callable (utt, wav [shape=(L,)], rate) -> ndarray [shape=(L * fs / rate,)], float32; raises UserError if the
        peer fails, or if what it makes is more than 0.1 s shorter or longer than the recording
    """
    if peer.command:
        return lambda utt, wav, rate: _fitted(*_by_command(peer, wav, rate), wav, rate, fs)
    if peer.is_saved:
        vocoder = load_vocoder(peer.folder)
        return lambda utt, wav, rate: _fitted(_by_vocoder(vocoder, wav, rate), vocoder.fs, wav, rate, fs)
    return lambda utt, wav, rate: _fitted(*read_sound(_beside(peer, utt)), wav, rate, fs)


def read_sound(path: str) -> Tuple[np.ndarray, int]:
    """A sound file in mono, and its sampling rate."""
    try:
        wav, fs = soundfile.read(path, dtype="float32", always_2d=True)
    except (OSError, soundfile.SoundFileError) as error:
        raise UserError(f"{path}: not readable as audio ({in_one_line(error)})") from None
    return wav.mean(axis=1), fs


def _by_command(peer: Peer, wav: np.ndarray, fs: int) -> Tuple[np.ndarray, int]:
    with tempfile.TemporaryDirectory() as folder:
        # A plain wav file of 16 bits is read by everything.
        inp, out = Path(folder) / "in.wav", Path(folder) / "out.wav"
        write_wav(inp, wav, fs)
        words = [word.replace("{inp}", str(inp)).replace("{out}", str(out)) for word in shlex.split(peer.command)]
        try:
            run = subprocess.run(words, capture_output=True, text=True, errors="replace")
        except OSError as error:
            raise UserError(f"{words[0]} cannot be run ({error.strerror})") from None
        if run.returncode:
            said = (run.stderr or run.stdout).strip().splitlines() or ["it says nothing"]
            raise UserError(f"{words[0]} ended with status {run.returncode}: {said[-1][:_LAST_LINE]}")
        return read_sound(str(out))


def _by_vocoder(vocoder: Synthesizer, wav: np.ndarray, fs: int) -> np.ndarray:
    wav = soxr.resample(wav, fs, vocoder.fs) if fs != vocoder.fs else wav
    torch.manual_seed(0)
    f0 = torch.from_numpy(extract_f0(wav, vocoder.spec)[0]) if vocoder.needs_f0 else None
    samples = torch.from_numpy(np.ascontiguousarray(wav)) if vocoder.needs_wav else None
    return vocoder.inference(log_mel_of_long(wav, vocoder.spec), f0, wav=samples).cpu().numpy()


def _beside(peer: Peer, utt: str) -> str:
    for suffix in (".wav", ".flac"):
        path = Path(peer.folder) / f"{utt}{suffix}"
        if path.exists():
            return str(path)
    raise UserError(f"{peer.folder} has neither a vocoder.yaml nor a sound {utt}.wav or {utt}.flac")


def _fitted(made: np.ndarray, fs: int, recording: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """At the wanted rate, and as long as the recording."""
    made = soxr.resample(made, fs, wanted) if fs != wanted else made
    n_samples = round(len(recording) * wanted / rate)
    # A frame or two more or less at the end, as features of other hops have it.
    if abs(len(made) - n_samples) > _SLACK_SECONDS * wanted:
        raise UserError(f"what it made lasts {len(made) / wanted:.2f} s, the recording {n_samples / wanted:.2f} s")
    return np.pad(made, (0, max(0, n_samples - len(made))))[:n_samples].astype(np.float32)
