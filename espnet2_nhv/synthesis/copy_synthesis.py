"""Copy synthesis of recordings: analysed, changed where wanted, and synthesised again."""

import dataclasses
import logging
from pathlib import Path
from typing import Dict, Optional, Union

import numpy as np
import torch
from tqdm import tqdm

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.pitch.registry import DEFAULT
from espnet2_nhv.feature.warp import between_harmonics, shift_formants
from espnet2_nhv.synthesis.inputs import AUDIO, LISTS, input_files
from espnet2_nhv.synthesis.outputs import Outputs, leaving_out, state_of
from espnet2_nhv.synthesis.recording import analyse, progress_bar
from espnet2_nhv.synthesis.wav import write_wav
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


def copy_synthesis(
    source: Union[str, Path],
    target: Union[str, Path],
    vocoder: Synthesizer,
    digest: str,
    change: Change = Change(),
    f0_method: str = DEFAULT,
    subtype: str = "PCM_16",
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
    f0_method : a row of :data:`espnet2_nhv.feature.pitch.registry.TRACKERS`
    subtype : ['PCM_16', 'FLOAT'], sample format

    Returns
    -------
    failed : dict of a file to the reason it was left out, in a run over many

    Raises
    ------
    UserError
        If a single recording cannot be used, or none of many.
    """
    source, target = Path(source), Path(target)
    if not source.is_dir() and source.suffix.lower() not in LISTS:
        if target.is_dir():
            target = target / f"{source.stem}.wav"
        if not target.parent.is_dir():
            raise UserError(f"{target}: there is no folder {target.parent} to write it to")
        with progress_bar(source.name) as bar:
            _copy_one(str(source), target, vocoder, change, f0_method, subtype, bar)
        return {}

    files = input_files(source, AUDIO)
    settings = dict(vocoder=digest, **dataclasses.asdict(change), f0_method=f0_method, subtype=subtype)
    outputs = Outputs(target, settings)
    todo = {name: path for name, path in files.items() if not outputs.is_made(name, state_of(path))}
    if len(todo) < len(files):
        logging.info("%d of %d files were made before and are kept", len(files) - len(todo), len(files))

    failed: Dict[str, str] = {}
    for number, (name, path) in enumerate(todo.items(), start=1):
        state = state_of(path)
        with leaving_out(path, failed), progress_bar(f"{number}/{len(todo)} {name}") as bar:
            _copy_one(path, outputs.path(name), vocoder, change, f0_method, subtype, bar)
            outputs.add(name, state)
    if len(failed) == len(files):
        raise UserError(f"{source}: none of its files could be synthesised (the first: {next(iter(failed.values()))})")
    return failed


def _copy_one(source: str, target: Path, vocoder, change: Change, f0_method: str, subtype: str, bar: tqdm) -> None:
    if vocoder.needs_wav and change != Change():
        raise UserError(
            "this vocoder analyses recordings itself: to change pitch or formants use one that reads features"
        )
    mel, f0, recording = analyse(source, vocoder, f0_method, bar.update)
    if f0 is not None and change != Change():
        mel = between_harmonics(mel, f0, vocoder.spec)
    if change.formant_shift != 1.0:
        mel = shift_formants(mel, vocoder.spec, change.formant_shift)
    f0 = _shifted(f0, change.f0_factor, vocoder.fs)
    wav = vocoder.inference(
        mel,
        torch.from_numpy(f0) if vocoder.needs_f0 else None,
        **({"wav": torch.from_numpy(recording)} if vocoder.needs_wav else {}),
    )
    write_wav(target, wav.cpu().numpy(), vocoder.fs, subtype)
    bar.update(bar.total - bar.n)


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
