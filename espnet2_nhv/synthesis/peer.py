"""Vocoders that were trained elsewhere: a set synthesised by a command, or by a saved vocoder of another spec."""

import json
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, Optional, Union
from urllib.parse import quote

import numpy as np
import soundfile
import soxr
import torch
import yaml
from tqdm import tqdm

from espnet2_nhv.errors import UserError, in_one_line
from espnet2_nhv.feature.datadir import read_table, write_table
from espnet2_nhv.feature.mel import log_mel_of_long
from espnet2_nhv.feature.pitch.analysis import extract_f0
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.files import write_whole
from espnet2_nhv.synthesis.outputs import Outputs, leaving_out, state_of
from espnet2_nhv.synthesis.wav import write_wav
from espnet2_nhv.vocoder.saved import digest_of, load_card, load_vocoder
from espnet2_nhv.vocoder.synthesizer import Synthesizer

PEER = "peer.yaml"  # in the experiment's folder: where it comes from
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


def decode_peer(peer: Peer, data: Union[str, Path], out: Union[str, Path], licence: Optional[str] = None) -> dict:
    """Synthesise a set by a peer, from where an earlier run stopped, as :func:`decode_set` lays it out.

    A peer is given the recordings and hears them in its own way, on its own features. What it makes is brought to the
    set's sampling rate and to the recording's length.

    Parameters
    ----------
    peer : Peer
    data : folder of a set with wav.scp; spec.yaml lies in its parent
    out : folder, e.g. exp/NAME/decode/eval
    licence : of the peer's weights; None: as a saved vocoder's card says, else unknown

    Returns
    -------
    summary : dict of n_utterances, n_kept and failed (utterance to reason)

    Raises
    ------
    UserError
        If nothing could be synthesised.
    """
    data, out = Path(data), Path(out)
    spec, recordings = FeatureSpec.load(data.parent / "spec.yaml"), read_table(data / "wav.scp")
    settings = dict(peer=peer.command or str(peer.folder), fs=spec.fs)
    if peer.folder and (Path(peer.folder) / "vocoder.yaml").exists():
        settings["vocoder_of_peer"] = digest_of(peer.folder)
        licence = licence or load_card(peer.folder)["licence"]
    outputs = Outputs(out, settings, note="source.yaml", log="utt2seconds")
    make = _maker(peer, spec.fs)
    made: List[str] = []
    failed: Dict[str, str] = {}
    n_kept = 0
    for utt, recording in tqdm(recordings.items(), desc=f"{peer.name} {data.name}", unit="utt", disable=None):
        name = f"wav/{quote(utt, safe='')}"
        if outputs.is_made(name, state_of(recording)):
            n_kept += 1
        else:
            with leaving_out(utt, failed):
                write_wav(outputs.path(name), make(utt, recording), spec.fs)
                outputs.add(name, state_of(recording))
        if utt not in failed:
            made.append(utt)
    if not made:
        utt, reason = next(iter(failed.items()))
        raise UserError(f"{peer.name}: no utterance of {data} could be synthesised ({utt}: {reason})")
    write_table(out / "wav.scp", {utt: str(outputs.path(f"wav/{quote(utt, safe='')}")) for utt in made})
    (out / "rtf.json").write_text(json.dumps({}) + "\n")
    card = dict(trained="elsewhere", licence=licence or "unknown", source=settings["peer"])
    write_whole(out.parent.parent / PEER, yaml.safe_dump(card, sort_keys=False, allow_unicode=True))
    return dict(n_utterances=len(made), n_kept=n_kept, failed=failed)


def _maker(peer: Peer, fs: int) -> Callable[[str, str], np.ndarray]:
    """From an utterance and the file of its recording to what the peer makes of it, at `fs`."""
    if peer.command:
        return lambda utt, recording: _fitted(*_by_command(peer, recording), recording, fs)
    if (Path(peer.folder) / "vocoder.yaml").exists():
        vocoder = load_vocoder(peer.folder)
        return lambda utt, recording: _fitted(_by_vocoder(vocoder, recording), vocoder.fs, recording, fs)
    return lambda utt, recording: _fitted(*_read(_beside(peer, utt)), recording, fs)


def _by_command(peer: Peer, recording: str):
    with tempfile.TemporaryDirectory() as folder:
        # A plain wav file of 16 bits is read by everything.
        wav, fs = _read(recording)
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
        return _read(str(out))


def _by_vocoder(vocoder: Synthesizer, recording: str) -> np.ndarray:
    wav, fs = _read(recording)
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


def _read(path: str):
    try:
        wav, fs = soundfile.read(path, dtype="float32", always_2d=True)
    except (OSError, soundfile.SoundFileError) as error:
        raise UserError(f"{path}: not readable as audio ({in_one_line(error)})") from None
    return wav.mean(axis=1), fs


def _fitted(wav: np.ndarray, fs: int, recording: str, wanted: int) -> np.ndarray:
    """At the wanted rate, and as long as the recording."""
    n_samples, rate = soundfile.info(recording).frames, soundfile.info(recording).samplerate
    wav = soxr.resample(wav, fs, wanted) if fs != wanted else wav
    n_samples = round(n_samples * wanted / rate)
    # A frame or two more or less at the end, as features of other hops have it.
    if abs(len(wav) - n_samples) > _SLACK_SECONDS * wanted:
        raise UserError(f"what it made lasts {len(wav) / wanted:.2f} s, the recording {n_samples / wanted:.2f} s")
    return np.pad(wav, (0, max(0, n_samples - len(wav))))[:n_samples].astype(np.float32)
