"""Copy synthesis of recordings: analysed, changed where wanted, and synthesised again."""

import contextlib
import dataclasses
import logging
import math
from pathlib import Path
from typing import Dict, Optional, Union

import numpy as np
import torch
from tqdm import tqdm

from espnet2_nhv.alone import alone_in
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.finding import AUDIO
from espnet2_nhv.feature.knobs import NAMES, KnobSource
from espnet2_nhv.feature.mel import mel_blocks
from espnet2_nhv.feature.pitch.source import PitchSource
from espnet2_nhv.feature.warp import between_harmonics, shift_formants
from espnet2_nhv.synthesis.inputs import LISTS, input_files
from espnet2_nhv.synthesis.keep import begin_keeping, keeping
from espnet2_nhv.synthesis.outputs import Outputs, leaving_out, state_of
from espnet2_nhv.synthesis.recording import f0_of, progress_bar, read_recording
from espnet2_nhv.synthesis.wav import writing_wav
from espnet2_nhv.vocoder.synthesizer import Synthesizer


@dataclasses.dataclass(frozen=True)
class Change:
    """What is to be different from the recording.

    Attributes
    ----------
    key_shift : float, semitones up; the formants stay
    f0_scale : float > 0, factor of F0, on top of it
    formant_shift : float in [0.25, 4], factor of the formants' frequencies; the pitch stays
    """

    key_shift: float = 0.0
    f0_scale: float = 1.0
    formant_shift: float = 1.0

    def __post_init__(self):
        if not 0 < self.f0_scale < float("inf"):
            raise UserError(f"f0_scale is {self.f0_scale:g}: give a factor above 0 (1 leaves the pitch)")
        if not abs(self.key_shift) <= 60:
            raise UserError(f"key_shift is {self.key_shift:g}: give semitones from -60 to 60")
        if not 0.25 <= self.formant_shift <= 4:
            raise UserError(f"formant_shift is {self.formant_shift:g}: give a factor from 0.25 to 4")

    @property
    def f0_factor(self) -> float:
        """By which F0 is multiplied."""
        return self.f0_scale * 2 ** (self.key_shift / 12)


@dataclasses.dataclass(frozen=True)
class _Job:
    """What is to be done with each recording."""

    change: Change
    pitch: PitchSource
    subtype: str
    keep: Optional[Path]
    knobs: KnobSource

    def is_kept(self, name: str) -> bool:
        """Whether the features of a recording are where they are to be kept."""
        return self.keep is None or (self.keep / f"{name}.npz").exists()


def copy_synthesis(
    source: Union[str, Path],
    target: Union[str, Path],
    vocoder: Synthesizer,
    digest: str,
    change: Change = Change(),
    pitch: PitchSource = PitchSource(),
    subtype: str = "PCM_16",
    keep: Optional[Union[str, Path]] = None,
    knobs: KnobSource = KnobSource(),
) -> Dict[str, str]:
    """Copy synthesis of a recording, or of a folder or list of them, with a progress bar.

    Parameters
    ----------
    source : path of an audio file, a folder or a list (:func:`espnet2_nhv.synthesis.inputs.input_files`)
    target : path of the wav file, or of the folder for those of many; there, what an earlier run with the same settings
        has made is kept
    vocoder : Synthesizer
    digest : str that tells the vocoder from others (:func:`espnet2_nhv.vocoder.saved.digest_of`)
    change : Change
    pitch : PitchSource, where F0 comes from
    subtype : ['PCM_16', 'FLOAT'], sample format
    keep : path of a folder for the features of each recording (``NAME.npz`` of mel, f0 and vuv, before any change, and
        ``spec.yaml``), or None
    knobs : KnobSource, how far knobs are turned

    Returns
    -------
    failed : dict of a file to the reason it was left out, in a run over many

    Raises
    ------
    UserError
        If a single recording cannot be used, or none of many.
    """
    source, target = Path(source), Path(target)
    job = _Job(change, pitch, subtype, None if keep is None else Path(keep), knobs)
    if job.keep is not None:
        if vocoder.needs_wav:
            raise UserError("--keep_features: this vocoder analyses recordings itself and has no features to keep")
        begin_keeping(job.keep, pitch.spec(vocoder.spec))
    if not source.is_dir() and source.suffix.lower() not in LISTS:
        if target.is_dir():
            target = target / f"{source.stem}.wav"
        if not target.parent.is_dir():
            raise UserError(f"{target}: there is no folder {target.parent} to write it to")
        with progress_bar(source.name) as bar:
            _copy_one(str(source), target, vocoder, job, bar)
        return {}

    files = input_files(source, AUDIO)
    settings = dict(
        vocoder=digest, **dataclasses.asdict(change), **pitch.settings(), subtype=subtype, **knobs.settings()
    )
    if target.is_file():
        raise UserError(f"{target} is a file: give a folder for the results of several inputs")
    with alone_in(target):
        outputs = Outputs(target, settings)

        def is_done(name, path):
            return outputs.is_made(name, _state(path, name, job)) and job.is_kept(name)

        todo = {name: path for name, path in files.items() if not is_done(name, path)}
        if len(todo) < len(files):
            logging.info("%d of %d files were made before and are kept", len(files) - len(todo), len(files))

        failed: Dict[str, str] = {}
        for number, (name, path) in enumerate(todo.items(), start=1):
            state = _state(path, name, job)
            with leaving_out(path, failed), progress_bar(f"{number}/{len(todo)} {name}") as bar:
                _copy_one(path, outputs.path(name), vocoder, job, bar, name)
                outputs.add(name, state)
        if len(failed) == len(files):
            first = next(iter(failed.values()))
            raise UserError(f"{source}: none of its files could be synthesised (the first: {first})")
        return failed


def _copy_one(source: str, target: Path, vocoder: Synthesizer, job: "_Job", bar: tqdm, name: str = "") -> None:
    """One recording, block by block where the vocoder can do so; `name` is what it is called among many."""
    if vocoder.needs_wav and job.change != Change():
        raise UserError(
            "this vocoder analyses recordings itself: to change pitch or formants use one that reads features"
        )
    spec, change = vocoder.spec, job.change
    wav = read_recording(source, spec)
    f0 = vuv = None
    if vocoder.needs_f0:
        f0, vuv = f0_of(wav, name or source, spec, job.pitch, bar.update, is_single=not name)
    n_frames = len(wav) // spec.hop_length
    n_samples, left = n_frames * spec.hop_length, bar.total - bar.n
    sung = _shifted(f0, change.f0_factor, vocoder.fs)
    knobs = _turned(vocoder, job, n_frames, name or Path(source).stem)
    is_changed = change != Change() or (knobs is not None and bool(knobs[:, NAMES.index("gender")].any()))
    # Where formants are not moved by the vocoder but in the mel, its harmonics move along.
    in_mel = 1.0 if vocoder.takes_knobs else change.formant_shift
    told = {"mel_f0": f0 * np.float32(in_mel)} if vocoder.takes_mel_f0 and is_changed else {}
    stream = _stream_of(vocoder)
    whole = []
    with contextlib.ExitStack() as stack:
        keep = None
        if job.keep is not None:
            kept = job.keep / f"{name or Path(source).stem}.npz"
            keep = stack.enter_context(keeping(kept, n_frames, spec.n_mels, f0, vuv))
        write = stack.enter_context(writing_wav(target, n_samples, vocoder.fs, job.subtype))
        begin = 0
        for mel in mel_blocks(wav, spec):
            if keep is not None:
                keep(mel.numpy())
            end = begin + len(mel)
            if f0 is not None and is_changed and not told:
                mel = between_harmonics(mel, f0[begin:end], spec)
            if in_mel != 1.0:
                mel = shift_formants(mel, spec, in_mel)
            if stream is None:
                whole.append(mel)
            else:
                curves = {"f0": sung, **told}
                curves = {key: torch.from_numpy(x[begin:end]) for key, x in curves.items()}
                if knobs is not None:
                    curves["knobs"] = knobs[begin:end]
                write(stream.push(mel, **curves).cpu().numpy())
            bar.update(left * 0.9 * len(mel) / n_frames)
            begin = end
        if stream is None:
            pitch = None if sung is None else torch.from_numpy(sung)
            more = {key: torch.from_numpy(x) for key, x in told.items()}
            more["knobs"] = knobs
            if vocoder.needs_wav:
                more["wav"] = torch.from_numpy(np.asarray(wav))
            write(vocoder.inference(torch.cat(whole), pitch, **more).cpu().numpy())
        else:
            write(stream.flush().cpu().numpy())
    bar.update(bar.total - bar.n)


def _turned(vocoder: Synthesizer, job: "_Job", n_frames: int, recording: str) -> Optional[torch.Tensor]:
    """Knobs ``(n_frames, len(KNOBS))`` of a recording, its formant shift among them if the vocoder has knobs."""
    knobs = job.knobs.at_frames(vocoder.spec, n_frames, recording) or {}
    if vocoder.takes_knobs and job.change.formant_shift != 1.0:
        knobs["gender"] = knobs.get("gender", 0.0) + 12 * math.log2(job.change.formant_shift)
    return vocoder.check_knobs(knobs, n_frames)


def _state(path: str, name: str, job: "_Job") -> str:
    """What tells that neither a recording nor the curves of its knobs have changed."""
    return " ".join(filter(None, (state_of(path), job.knobs.state(name))))


def _stream_of(vocoder: Synthesizer):
    """A stream of the vocoder, so that memory does not grow with length, or None where it has none."""
    try:
        return vocoder.stream() if hasattr(vocoder, "stream") and vocoder.needs_f0 else None
    except UserError:  # exported for whole utterances
        return None


def _shifted(f0: Optional[np.ndarray], factor: float, fs: int) -> Optional[np.ndarray]:
    if f0 is None:
        if factor != 1.0:
            raise UserError(
                "this vocoder makes its pitch from the mel alone: key_shift and f0_scale need one that reads F0"
            )
        return None
    f0 = f0 * np.float32(factor)
    if f0.max() >= fs / 4 or f0.min() < 5:
        raise UserError(f"F0 times {factor:.4g} reaches from {f0.min():.1f} to {f0.max():.0f} Hz: use a smaller shift")
    return f0
