"""Synthesis from features that somebody else has computed."""

import logging
from pathlib import Path
from typing import Dict, Optional, Union

import torch
from tqdm import tqdm

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.spec import FeatureSpec, check_compatible
from espnet2_nhv.synthesis.decode import write_wav
from espnet2_nhv.synthesis.features import SUFFIXES, continuous_f0, frames_first, read_f0s, read_mels
from espnet2_nhv.vocoder.synthesizer import Synthesizer


def synthesize_files(
    mel: Union[str, Path],
    f0: Optional[Union[str, Path]],
    out: Union[str, Path],
    vocoder: Synthesizer,
    spec: Optional[FeatureSpec] = None,
    subtype: str = "PCM_16",
) -> Dict[str, int]:
    """Write ``out/UTT.wav`` of every utterance in `mel`.

    Parameters
    ----------
    mel : path, see :func:`espnet2_nhv.synthesis.features.read_mels`
    f0 : path, see :func:`espnet2_nhv.synthesis.features.read_f0s`; None where the files of `mel` hold it. Zeros
        count as unvoiced and are interpolated
    out : path of a folder, made where missing
    vocoder : Synthesizer
    spec : FeatureSpec of the features; None means the vocoder's own
    subtype : ['PCM_16', 'FLOAT']

    Returns
    -------
    samples : dict of an utterance to its number of samples

    Raises
    ------
    UserError
        If features cannot be read or do not fit the vocoder.
    """
    if spec is not None:
        check_compatible(spec, vocoder.spec, what=f"features in {mel}")
    out = Path(out)
    if out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file: give a folder")
    f0s = read_f0s(f0) if f0 is not None and vocoder.needs_f0 else {}
    samples: Dict[str, int] = {}
    filled = 0
    for utt, frames, own_f0 in tqdm(read_mels(mel), desc="synthesise", unit="utt", dynamic_ncols=True, disable=None):
        where = f"{utt} in {mel}"
        contour = None
        if vocoder.needs_f0:
            if f0 is None and own_f0 is None:
                raise UserError(f"{where}: there is no F0 beside the mel: give --f0")
            if len(f0s) == 1 and Path(mel).suffix in SUFFIXES:
                f0s = {utt: next(iter(f0s.values()))}  # two files belong together whatever their names
            if f0 is not None and utt not in f0s:
                raise UserError(f"{utt}: it has a mel in {mel} but no F0 in {f0}, which has {', '.join(list(f0s)[:3])}")
            contour, zeros = continuous_f0(own_f0 if f0 is None else f0s[utt](), where)
            filled += zeros
        try:
            wav = vocoder.inference(
                torch.from_numpy(frames_first(frames, vocoder.spec.n_mels, where)),
                None if contour is None else torch.from_numpy(contour),
                spec,
            )
        except UserError as error:
            raise UserError(f"{where}: {error}") from None
        path = out / f"{utt}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_wav(path, wav.cpu().numpy(), vocoder.fs, subtype)
        samples[utt] = len(wav)
    if not samples:
        raise UserError(f"{mel}: there is no utterance in it")
    if filled:
        logging.info("F0 was 0 (unvoiced) in %d frames and has been interpolated there", filled)
    return samples


def find_spec(mel: Union[str, Path], given: Optional[Union[str, Path]]) -> Optional[FeatureSpec]:
    """The spec of features: as given, else from the ``spec.yaml`` beside them or a folder up; None if there is none."""
    if given is not None:
        return FeatureSpec.load(given)
    mel = Path(mel)
    for folder in (mel if mel.is_dir() else mel.parent, mel.resolve().parent, mel.resolve().parent.parent):
        if (folder / "spec.yaml").exists():
            return FeatureSpec.load(folder / "spec.yaml")
    return None
