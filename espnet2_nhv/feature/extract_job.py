"""A few utterances of stage 3: read, analysed and written, or found done."""

import contextlib
import dataclasses
import hashlib
import json
import os
from pathlib import Path
from typing import Dict, List, Optional, Tuple

import numpy as np
import torch

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.ark import ArkWriter
from espnet2_nhv.feature.audio import BadAudio, read_mono, stamp
from espnet2_nhv.feature.audit import F0Audit, audit_f0
from espnet2_nhv.feature.mel import LogMel
from espnet2_nhv.feature.pitch.analysis import analyse_pitch
from espnet2_nhv.feature.pitch.curve_files import curve_file, find_curve
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.files import write_whole

VERSION = 2  # of the analysis: what another version made is made again
ARKS = ("feats", "f0", "vuv")


@dataclasses.dataclass(frozen=True)
class Job:
    """Some utterances, as (id, source, size and time of change), that go into one ark of each kind."""

    number: int
    utterances: Tuple[Tuple[str, str, Tuple[int, ...]], ...]
    spec: FeatureSpec
    method: str
    folder: Path
    curves: Optional[str] = None  # where the method `file` finds F0

    @property
    def key(self) -> str:
        """Changes with all that decides the outcome."""
        spec = self.spec.to_dict()
        if not self.spec.frame_centre:  # as before there was that word: what was made then holds
            del spec["frame_centre"]
        facts = [VERSION, spec, self.method, self.utterances]
        if self.curves is not None:
            facts += [self.curves, [stamp(str(curve_file(self.curves, utt))) for utt, *_ in self.utterances]]
        facts = json.dumps(facts, ensure_ascii=False)
        return hashlib.sha256(facts.encode()).hexdigest()

    @property
    def log(self) -> Path:
        """Where its outcome is kept; written last, so a job that has it is finished."""
        return self.folder / f"job.{self.number}.json"

    def ark(self, kind: str) -> Path:
        """One of its ark files."""
        return self.folder / f"{kind}.{self.number}.ark"


@dataclasses.dataclass
class Outcome:
    """What became of a job: sizes of its arks, places in them, facts of its utterances, and what is wrong."""

    key: str
    sizes: Dict[str, int]
    offsets: Dict[str, Dict[str, int]]
    n_frames: Dict[str, int]
    audits: Dict[str, F0Audit]
    problems: Dict[str, str]

    def save(self, path: Path) -> None:
        """Write as JSON; the file appears when it is whole."""
        write_whole(path, json.dumps(dataclasses.asdict(self), ensure_ascii=False))

    @classmethod
    def load(cls, job: Job) -> Optional["Outcome"]:
        """That of `job`, if it was finished once; None if not, or if something has changed since."""
        try:
            outcome = cls(**json.loads(job.log.read_text(encoding="utf-8")))
            outcome.audits = {utt: F0Audit(**facts) for utt, facts in outcome.audits.items()}
        except (FileNotFoundError, ValueError, TypeError):
            return None
        return outcome if outcome.key == job.key else None

    def damaged(self, job: Job) -> List[Path]:
        """Arks of `job` that are not as it left them."""
        paths = {job.ark(kind): size for kind, size in self.sizes.items()}
        return [path for path, size in paths.items() if not path.exists() or path.stat().st_size != size]


def run_job(job: Job) -> Tuple[int, Outcome]:
    """Number and outcome of `job`, which runs on one thread: jobs run beside each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return job.number, _run_job(job)
    finally:
        torch.set_num_threads(threads)


def _run_job(job: Job) -> Outcome:
    job.log.unlink(missing_ok=True)
    log_mel, spec = LogMel(job.spec), job.spec
    n_frames, audits, problems = {}, {}, {}
    with contextlib.ExitStack() as stack:
        writers = {kind: stack.enter_context(ArkWriter(job.ark(kind))) for kind in ARKS}
        for utt, source, _ in job.utterances:
            try:
                wav = _read(utt, source, spec)
                curve = None if job.curves is None else find_curve(job.curves, utt)
                if curve is not None:
                    curve.check_length(spec, len(wav))
            except BadAudio as error:
                problems[utt] = str(error)
                continue
            except UserError as error:
                if job.curves is None:
                    raise
                problems[utt] = str(error)
                continue
            with torch.no_grad():
                mel = log_mel(torch.from_numpy(wav))[0].T.numpy()
            pitch = analyse_pitch(wav, spec, job.method, curve=curve, watch=True)
            f0, vuv = pitch.f0, pitch.vuv
            for kind, matrix in zip(ARKS, (mel, f0[:, None], vuv[:, None])):
                writers[kind][utt] = matrix
            n_frames[utt], audits[utt] = len(mel), audit_f0(f0, vuv, spec, pitch.beyond)
    offsets = {kind: writer.offsets for kind, writer in writers.items()}
    sizes = {kind: os.path.getsize(job.ark(kind)) for kind in ARKS}
    outcome = Outcome(job.key, sizes, offsets, n_frames, audits, problems)
    outcome.save(job.log)
    return outcome


def _read(utt: str, source: str, spec: FeatureSpec) -> np.ndarray:
    wav, fs, _ = read_mono(source)
    if fs != spec.fs:
        raise UserError(
            f"{utt}: {source} has a sampling rate of {fs} Hz but the feature spec is for {spec.fs} Hz: "
            "run stage 2 with this spec, it resamples"
        )
    if len(wav) < spec.hop_length:
        raise BadAudio(f"too short: it has {len(wav)} samples and a frame has {spec.hop_length}")
    return wav
