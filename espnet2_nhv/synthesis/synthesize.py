"""Synthesis from features that somebody else has computed."""

import contextlib
import dataclasses
import hashlib
import logging
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, Optional, Tuple, Union

import numpy as np
import soundfile
import torch
from tqdm import tqdm

from espnet2_nhv.alone import alone_in
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.knobs import KnobSource
from espnet2_nhv.feature.pitch.curve import Curve
from espnet2_nhv.feature.pitch.given import as_contour, continuous_f0
from espnet2_nhv.feature.spec import FeatureSpec, check_compatible
from espnet2_nhv.feature.stored import StoredArray
from espnet2_nhv.synthesis.features import SUFFIXES, Layout, MelFrames, read_f0s, read_mels
from espnet2_nhv.synthesis.outputs import Outputs, leaving_out
from espnet2_nhv.synthesis.pack import Pack, Segment, placed
from espnet2_nhv.synthesis.recording import progress_bar
from espnet2_nhv.synthesis.wav import writing_wav
from espnet2_nhv.text import same_name
from espnet2_nhv.vocoder.in_blocks import inference_in_blocks
from espnet2_nhv.vocoder.synthesizer import Synthesizer

BLOCK_FRAMES = 2048  # 12 s at a time
_LONG_SECONDS = 60.0  # from here on, an utterance shows how far it is


def synthesize_files(
    mel: Union[str, Path],
    f0: Optional[Union[str, Path]],
    out: Union[str, Path],
    vocoder: Synthesizer,
    digest: str,
    spec: Optional[FeatureSpec] = None,
    subtype: str = "PCM_16",
    knobs: KnobSource = KnobSource(),
    mel_layout: Optional[str] = None,
) -> Tuple[Dict[str, int], Dict[str, str]]:
    """Write ``out/UTT.wav`` of every utterance in `mel`; what an earlier run has made of the same is kept.

    Parameters
    ----------
    mel : path, see :func:`espnet2_nhv.synthesis.features.read_mels`
    f0 : path, see :func:`espnet2_nhv.synthesis.features.read_f0s`; None where the files of `mel` hold it. 0 and
        NaN count as unvoiced and are interpolated; an utterance without a voiced frame is made as noise, with a warning
    out : path of a folder, made where missing
    vocoder : Synthesizer
    digest : str that tells the vocoder from others (:func:`espnet2_nhv.vocoder.saved.digest_of`)
    spec : FeatureSpec of the features; None means the vocoder's own
    subtype : ['PCM_16', 'FLOAT']
    knobs : KnobSource, how far knobs are turned; curves count in the time of the features
    mel_layout : ['frames_first', 'bands_first'] or None, of mels with as many frames as bands; None takes that of the
        others, and of those alone warns

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
    f0s = read_f0s(f0) if f0 is not None and vocoder.needs_f0 else None
    settings = dict(vocoder=digest, spec=(spec or vocoder.spec).to_dict(), subtype=subtype, **knobs.settings())
    if Path(out).is_file():
        raise UserError(f"{out} is a file: give a folder for the results of several inputs")
    with alone_in(out):
        outputs = Outputs(out, settings)
        layout = Layout(vocoder.spec.n_mels, mel_layout)
        samples: Dict[str, int] = {}
        failed: Dict[str, str] = {}
        filled = kept = 0
        mels = tqdm(read_mels(mel), desc="synthesise", unit="utt", dynamic_ncols=True, disable=None)
        for utt, stored, own_f0 in _doubtful_last(mels, layout):
            where = f"{utt} in {mel}"
            with leaving_out(where, failed):
                if isinstance(stored, UserError):
                    raise stored
                if f0s is not None and len(f0s) == 1 and Path(mel).suffix in SUFFIXES:
                    own_f0 = next(iter(f0s.values()))()  # two files belong together whatever their names
                elif f0s is not None and not isinstance(stored, Pack):
                    if same_name(utt) not in f0s:
                        found = ", ".join(list(f0s)[:3])
                        raise UserError(f"{utt}: it has a mel in {mel} but no F0 in {f0}, which has {found}")
                    own_f0 = f0s[same_name(utt)]()
                segments = stored.segments if isinstance(stored, Pack) else [Segment(stored, own_f0, 0.0)]
                ready = [_features(segment, vocoder, layout, spec, where) for segment in segments]
                turned = [knobs.at_frames(spec or vocoder.spec, len(one.mel), utt) for one in ready]
                state = _state_of(ready, turned, where)
                if outputs.is_made(utt, state):
                    samples[utt] = soundfile.info(outputs.path(utt)).frames
                    kept += 1
                    continue
                try:
                    samples[utt] = _write(
                        outputs.path(utt), vocoder, list(zip(ready, turned)), spec or vocoder.spec, subtype, utt
                    )
                except UserError as error:
                    raise UserError(f"{where}: {error}") from None
                outputs.add(utt, state)
                filled += sum(one.n_unvoiced for one in ready)
        if not samples:
            raise UserError(next(iter(failed.values()), f"{mel}: there is no utterance in it"))
        if kept:
            logging.info("%d of %d utterances were made before and are kept", kept, len(samples))
        if filled:
            logging.info("F0 was unvoiced in %d frames and has been interpolated there", filled)
        return samples, failed


@dataclasses.dataclass(frozen=True)
class _Ready:
    """Features as a vocoder takes them, and where in the song they begin, s."""

    mel: MelFrames
    f0: Optional[np.ndarray]
    n_unvoiced: int
    offset: float

    def samples(self, spec: FeatureSpec) -> Tuple[int, int]:
        """At which sample of the song it begins, and how many it has."""
        n_frames = len(self.mel) if self.f0 is None else min(len(self.mel), len(self.f0))
        return round(self.offset * spec.fs), n_frames * spec.hop_length


def _features(
    segment: Segment, vocoder: Synthesizer, layout: Layout, spec: Optional[FeatureSpec], where: str
) -> _Ready:
    frames = layout.frames_first(segment.mel, where)
    if not vocoder.needs_f0:
        return _Ready(frames, None, 0, segment.offset)
    if segment.f0 is None:
        raise UserError(f"{where}: there is no F0 beside the mel: give --f0")
    f0 = segment.f0 if isinstance(segment.f0, Curve) else as_contour(segment.f0, where)
    if isinstance(f0, Curve):
        f0 = f0.at_frames(spec or vocoder.spec, len(frames))
    return _Ready(frames, *continuous_f0(f0, where, vocoder.spec), segment.offset)


def _write(
    path: Path,
    vocoder: Synthesizer,
    segments: List[Tuple[_Ready, Optional[dict]]],
    spec: FeatureSpec,
    subtype: str,
    utt: str,
) -> int:
    """Sing features and knobs into a file, block by block, and show how far it is; the number of samples."""
    n_samples = max(sum(one.samples(spec)) for one, _ in segments)
    if len(segments) == 1 and not segments[0][0].offset:
        blocks = _sing(vocoder, *segments[0], spec)
    else:
        segments = sorted(segments, key=lambda pair: pair[0].samples(spec)[0])
        blocks = placed(
            (one.samples(spec)[0], np.concatenate(list(_sing(vocoder, one, turned, spec)))) for one, turned in segments
        )
    with contextlib.ExitStack() as stack:
        is_long = n_samples > _LONG_SECONDS * spec.fs
        bar = stack.enter_context(progress_bar(utt, leave=False)) if is_long else None
        write = stack.enter_context(writing_wav(path, n_samples, spec.fs, subtype))
        for block in blocks:
            write(block)
            if bar is not None:
                bar.update(len(block) / n_samples)
    return n_samples


def _sing(vocoder: Synthesizer, features: _Ready, knobs: Optional[dict], spec: FeatureSpec) -> Iterator[np.ndarray]:
    f0 = None if features.f0 is None else torch.from_numpy(features.f0)
    mels = map(torch.from_numpy, features.mel.blocks(BLOCK_FRAMES))
    for wav in inference_in_blocks(vocoder, mels, len(features.mel), f0, spec, knobs):
        yield wav.cpu().numpy()


def _doubtful_last(utterances: Iterable[tuple], layout: Layout) -> Iterator[tuple]:
    """Mels that could be read in two ways come after the others, which tell the way."""
    doubtful = []
    for utterance in utterances:
        if isinstance(utterance[1], StoredArray) and layout.is_open(utterance[1]):
            doubtful.append(utterance)
        else:
            yield utterance
    yield from doubtful


def _state_of(features: List[_Ready], knobs: List[Optional[dict]], where: str) -> str:
    """Sixteen digits that tell the features of an utterance from others; all of them are read, and looked at, for it.

    Raises
    ------
    UserError
        Where a mel is damaged or not finite.
    """
    contents = hashlib.sha256()
    for one, turned in zip(features, knobs):
        contents.update(repr((one.mel.shape, one.offset)).encode())
        n_frames = 0
        for block in one.mel.blocks(BLOCK_FRAMES):
            good = np.isfinite(block).all(axis=1)
            if not good.all():
                raise UserError(f"{where}: mel is not finite at frame {n_frames + int(np.argmin(good))}")
            contents.update(block)
            n_frames += len(block)
        for array in (one.f0, *(turned or {}).values()):
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
