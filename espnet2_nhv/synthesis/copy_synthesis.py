"""Copy synthesis of recordings: analysed, changed where wanted, and synthesised again."""

import contextlib
import dataclasses
import logging
import os
from pathlib import Path
from typing import Dict, Optional, Union

import numpy as np
import torch
from tqdm import tqdm

from espnet2_nhv.alone import alone_in
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.finding import AUDIO
from espnet2_nhv.feature.knobs import KnobSource
from espnet2_nhv.feature.mel import mel_blocks
from espnet2_nhv.feature.pitch.note_moves import NoteMoves
from espnet2_nhv.feature.pitch.source import PitchSource
from espnet2_nhv.synthesis.change import Change, ChangedFeatures
from espnet2_nhv.synthesis.inputs import LISTS, input_files
from espnet2_nhv.synthesis.keep import begin_keeping, keeping
from espnet2_nhv.synthesis.outputs import Outputs, leaving_out, state_of
from espnet2_nhv.synthesis.recording import f0_of, progress_bar, read_recording
from espnet2_nhv.synthesis.targets import check_target
from espnet2_nhv.synthesis.wav import writing_wav
from espnet2_nhv.vocoder.in_blocks import stream_of
from espnet2_nhv.vocoder.synthesizer import Synthesizer


@dataclasses.dataclass(frozen=True)
class _Job:
    """What is to be done with each recording."""

    change: Change
    pitch: PitchSource
    subtype: str
    keep: Optional[Path]
    knobs: KnobSource
    moves: NoteMoves

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
    moves: NoteMoves = NoteMoves(),
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
    moves : NoteMoves, notes moved singly

    Returns
    -------
    failed : dict of a file to the reason it was left out, in a run over many

    Raises
    ------
    UserError
        If a single recording cannot be used, or none of many.
    """
    source, target = Path(source), Path(target)
    job = _Job(change, pitch, subtype, None if keep is None else Path(keep), knobs, moves)
    if job.keep is not None:
        if vocoder.needs_wav:
            raise UserError("--keep_features: this vocoder analyses recordings itself and has no features to keep")
        begin_keeping(job.keep, pitch.spec(vocoder.spec))
    if not source.is_dir() and source.suffix.lower() not in LISTS:
        if target.is_dir():
            target = target / f"{source.stem}.wav"
        check_target(target, source)
        with progress_bar(source.name) as bar:
            _copy_one(str(source), target, vocoder, job, bar)
        return {}

    files = _recordings(source, target)
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
    spec = vocoder.spec
    wav = read_recording(source, spec)
    f0 = vuv = None
    if vocoder.needs_f0:
        f0, vuv = f0_of(wav, name or source, spec, job.pitch, bar.update, is_single=not name)
    n_frames, left, recording = len(wav) // spec.hop_length, bar.total - bar.n, name or Path(source).stem
    changed = ChangedFeatures(vocoder, job.change, job.knobs, job.moves, f0, vuv, n_frames, recording)
    n_samples, stream = changed.n_frames * spec.hop_length, stream_of(vocoder)
    whole, begin = [], 0
    with contextlib.ExitStack() as stack:
        keep = None
        if job.keep is not None:
            keep = stack.enter_context(keeping(job.keep / f"{recording}.npz", n_frames, spec.n_mels, f0, vuv))
        write = stack.enter_context(writing_wav(target, n_samples, vocoder.fs, job.subtype))

        def analysed():
            for mel in mel_blocks(wav, spec):
                if keep is not None:
                    keep(mel.numpy())
                yield mel

        for mel in changed.blocks(analysed()):
            end = begin + len(mel)
            if stream is None:
                whole.append(mel)
            else:
                curves = {key: x[begin:end] for key, x in changed.curves.items()}
                write(stream.push(mel, **curves).cpu().numpy())
            bar.update(left * 0.9 * len(mel) / changed.n_frames)
            begin = end
        if stream is None:
            more = {"wav": torch.from_numpy(np.asarray(wav))} if vocoder.needs_wav else {}
            write(vocoder.inference(torch.cat(whole), **changed.curves, **more).cpu().numpy())
        else:
            write(stream.flush().cpu().numpy())
    bar.update(bar.total - bar.n)


def _recordings(source: Path, target: Path) -> Dict[str, str]:
    """Recordings by name, without results of earlier runs in a folder among them; none that would be written over."""
    files = input_files(source, AUDIO)
    inside = target.resolve()
    if source.is_dir() and inside != source.resolve():
        files = {name: path for name, path in files.items() if inside not in Path(path).resolve().parents}
        if not files:
            raise UserError(f"{source}: all of its sounds are in {target}, where the results go")
    for name, path in files.items():
        result = target / f"{name}.wav"
        if result.exists() and os.path.exists(path) and result.samefile(path):
            raise UserError(f"{path} would be lost: results of that name are written there: give another folder")
    return files


def _state(path: str, name: str, job: "_Job") -> str:
    """What tells that neither a recording nor the curves and notes that go with it have changed."""
    return " ".join(filter(None, (state_of(path), job.knobs.state(name), job.moves.state(name))))
