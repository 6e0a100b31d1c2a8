"""Synthesis from features that somebody else has computed."""

import hashlib
import logging
from pathlib import Path
from typing import Dict, Optional, Tuple, Union

import numpy as np
import soundfile
import torch
from tqdm import tqdm

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.knobs import KnobSource
from espnet2_nhv.feature.pitch.curve import Curve
from espnet2_nhv.feature.spec import FeatureSpec, check_compatible
from espnet2_nhv.synthesis.features import SUFFIXES, continuous_f0, frames_first, read_f0s, read_mels
from espnet2_nhv.synthesis.outputs import Outputs, leaving_out
from espnet2_nhv.synthesis.wav import write_wav
from espnet2_nhv.vocoder.synthesizer import Synthesizer


def synthesize_files(
    mel: Union[str, Path],
    f0: Optional[Union[str, Path]],
    out: Union[str, Path],
    vocoder: Synthesizer,
    digest: str,
    spec: Optional[FeatureSpec] = None,
    subtype: str = "PCM_16",
    knobs: KnobSource = KnobSource(),
) -> Tuple[Dict[str, int], Dict[str, str]]:
    """Write ``out/UTT.wav`` of every utterance in `mel`; what an earlier run has made of the same is kept.

    Parameters
    ----------
    mel : path, see :func:`espnet2_nhv.synthesis.features.read_mels`
    f0 : path, see :func:`espnet2_nhv.synthesis.features.read_f0s`; None where the files of `mel` hold it. Zeros
        count as unvoiced and are interpolated
    out : path of a folder, made where missing
    vocoder : Synthesizer
    digest : str that tells the vocoder from others (:func:`espnet2_nhv.vocoder.saved.digest_of`)
    spec : FeatureSpec of the features; None means the vocoder's own
    subtype : ['PCM_16', 'FLOAT']
    knobs : KnobSource, how far knobs are turned; curves count in the time of the features

    Returns
    -------
    samples : dict of an utterance to its number of samples
    failed : dict of an utterance to the reason it was left out

    Raises
    ------
    UserError
        If no features can be read, or none fit the vocoder.
    """
    if spec is not None:
        check_compatible(spec, vocoder.spec, what=f"features in {mel}")
    f0s = read_f0s(f0) if f0 is not None and vocoder.needs_f0 else {}
    settings = dict(vocoder=digest, spec=(spec or vocoder.spec).to_dict(), subtype=subtype, **knobs.settings())
    outputs = Outputs(out, settings)
    samples: Dict[str, int] = {}
    failed: Dict[str, str] = {}
    filled = kept = 0
    for utt, frames, own_f0 in tqdm(read_mels(mel), desc="synthesise", unit="utt", dynamic_ncols=True, disable=None):
        where = f"{utt} in {mel}"
        with leaving_out(where, failed):
            contour, zeros = None, 0
            if vocoder.needs_f0:
                if f0 is None and own_f0 is None:
                    raise UserError(f"{where}: there is no F0 beside the mel: give --f0")
                if len(f0s) == 1 and Path(mel).suffix in SUFFIXES:
                    f0s = {utt: next(iter(f0s.values()))}  # two files belong together whatever their names
                if f0 is not None and utt not in f0s:
                    found = ", ".join(list(f0s)[:3])
                    raise UserError(f"{utt}: it has a mel in {mel} but no F0 in {f0}, which has {found}")
                contour = own_f0 if f0 is None else f0s[utt]()
            frames = frames_first(frames, vocoder.spec.n_mels, where)
            if vocoder.needs_f0:
                if isinstance(contour, Curve):
                    contour = contour.at_frames(spec or vocoder.spec, len(frames))
                contour, zeros = continuous_f0(contour, where)
            turned = knobs.at_frames(spec or vocoder.spec, len(frames), utt)
            state = _state_of(frames, contour, *(turned or {}).values())
            if outputs.is_made(utt, state):
                samples[utt] = soundfile.info(outputs.path(utt)).frames
                kept += 1
                continue
            try:
                wav = vocoder.inference(
                    torch.from_numpy(frames),
                    None if contour is None else torch.from_numpy(contour),
                    spec,
                    knobs=turned,
                )
            except UserError as error:
                raise UserError(f"{where}: {error}") from None
            write_wav(outputs.path(utt), wav.cpu().numpy(), vocoder.fs, subtype)
            outputs.add(utt, state)
            samples[utt] = len(wav)
            filled += zeros
    if not samples:
        raise UserError(next(iter(failed.values()), f"{mel}: there is no utterance in it"))
    if kept:
        logging.info("%d of %d utterances were made before and are kept", kept, len(samples))
    if filled:
        logging.info("F0 was 0 (unvoiced) in %d frames and has been interpolated there", filled)
    return samples, failed


def _state_of(mel: np.ndarray, *curves: Optional[np.ndarray]) -> str:
    """Sixteen digits that tell the features of an utterance from others."""
    contents = hashlib.sha256(repr(mel.shape).encode())
    for array in (mel, *curves):
        if array is not None:
            contents.update(np.ascontiguousarray(array))
    return contents.hexdigest()[:16]


def find_spec(mel: Union[str, Path], given: Optional[Union[str, Path]]) -> Optional[FeatureSpec]:
    """The spec of features: as given, else from the ``spec.yaml`` beside them or a folder up; None if there is none."""
    if given is not None:
        return FeatureSpec.load(given)
    mel = Path(mel)
    for folder in (mel if mel.is_dir() else mel.parent, mel.resolve().parent, mel.resolve().parent.parent):
        if (folder / "spec.yaml").exists():
            return FeatureSpec.load(folder / "spec.yaml")
    return None
