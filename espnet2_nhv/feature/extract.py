"""Stage 3: the phrases of a dump folder become log-mel and F0 in Kaldi ark files."""

import dataclasses
import math
import re
import sys
from pathlib import Path
from typing import Dict, List, Optional, Tuple

from tqdm import tqdm

from espnet2_nhv.alone import alone_in
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.audio import stamp
from espnet2_nhv.feature.audit import TSV_HEADER, tsv_row
from espnet2_nhv.feature.datadir import read_table, write_table
from espnet2_nhv.feature.extract_job import ARKS, Job, Outcome, run_job
from espnet2_nhv.feature.parallel import run_jobs
from espnet2_nhv.feature.pitch.registry import DEFAULT
from espnet2_nhv.feature.report import print_findings
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.files import write_whole

F0_METHOD = "f0_method"  # a file that names the tracker
_TABLES = ("utt2num_frames", "vuv.scp", "f0.scp", "feats.scp")
# Small jobs lose little when a run is killed; many files are a burden.
_JOB_UTTERANCES, _MAX_JOBS = 4, 100


@dataclasses.dataclass
class Report:
    """What became of a dump folder."""

    utterances: int
    kept: int  # utterances whose features an earlier run made
    seconds: float
    problems: List[str]
    warnings: List[str]


def extract_features(
    data: Path, spec: FeatureSpec, nj: int = 1, method: str = DEFAULT, curves: Optional[str] = None
) -> Report:
    """Extract the features of one set; what an earlier run has done and is unchanged is kept.

    Writes feats.scp, f0.scp, vuv.scp, utt2num_frames, f0_audit.tsv and f0_method (its name) into `data`, the matrices
    into its ``ark/``, and there ``spec.yaml``: what they were made with.

    Parameters
    ----------
    data : folder with wav.scp, as stage 2 leaves it
    spec : FeatureSpec; must be that of the spec.yaml beside `data`, which is written where it is missing
    nj : int >= 1, processes
    method : F0 method, see :func:`espnet2_nhv.feature.pitch.analysis.extract_f0`

    curves : path of F0 curves by utterance, for the method `file`

    Raises
    ------
    UserError
        If wav.scp is missing or empty, audio has another rate than the spec, the spec beside `data` is another one,
        or no utterance can be used.
    """
    data = Path(data)
    if not data.is_dir():
        raise UserError(f"{data} is missing: run stage 2 first")
    sources = read_table(data / "wav.scp")
    if not sources:
        raise UserError(f"{data}/wav.scp is empty: there is nothing to extract features of")
    _agree_on_spec(spec, data.parent / "spec.yaml")
    with alone_in(data):
        jobs = _split(sources, spec, method, data / "ark", curves)
        outcomes = {job.number: Outcome.load(job) for job in jobs}
        damaged = {job.number: outcome.damaged(job) for job in jobs if (outcome := outcomes[job.number])}
        todo = [job for job in jobs if outcomes[job.number] is None or damaged[job.number]]
        n_todo = sum(len(job.utterances) for job in todo)
        if todo:
            for path in (path for paths in damaged.values() for path in paths):
                print(f"{path} is missing or cut short: it is made again", file=sys.stderr)
            _begin(data, spec)
        progress = tqdm(
            desc=f"features {data.name}", total=len(sources), initial=len(sources) - n_todo,
            unit="utt", dynamic_ncols=True, disable=None if todo else True,
        )  # fmt: skip
        with progress:
            for number, outcome in run_jobs(run_job, todo, nj):
                outcomes[number] = outcome
                progress.update(len(outcome.n_frames) + len(outcome.problems))
        _merge(data, spec, jobs, outcomes, written=bool(todo))
        note = data / F0_METHOD
        if not note.exists() or note.read_text(encoding="utf-8").strip() != method:
            write_whole(note, method + "\n")
        audits = {utt: audit for outcome in outcomes.values() for utt, audit in outcome.audits.items()}
        return Report(
            utterances=len(audits),
            kept=len(sources) - n_todo,
            seconds=sum(audit.seconds for audit in audits.values()),
            problems=[f"{utt}: {text}" for outcome in outcomes.values() for utt, text in outcome.problems.items()],
            warnings=[f"{utt}: {text}" for utt, audit in sorted(audits.items()) for text in audit.warnings(spec)],
        )


def _split(sources: Dict[str, str], spec: FeatureSpec, method: str, folder: Path, curves: Optional[str]) -> List[Job]:
    """Jobs by the utterances alone: another --nj finds what is done."""
    utterances = [(utt, sources[utt], stamp(sources[utt])) for utt in sorted(sources)]
    size = max(_JOB_UTTERANCES, math.ceil(len(utterances) / _MAX_JOBS))
    groups = [tuple(utterances[start : start + size]) for start in range(0, len(utterances), size)]
    return [Job(number, group, spec, method, folder, curves) for number, group in enumerate(groups, start=1)]


def _agree_on_spec(spec: FeatureSpec, path: Path) -> None:
    """Later stages read the spec beside the sets; features of another one would be misread."""
    if not path.exists():
        spec.save(path)
        return
    difference = _difference(FeatureSpec.load(path), spec)
    if difference:
        raise UserError(
            f"{path} has {difference[0]} but {difference[1]} is asked for: "
            f"change that file (every set is extracted again then), or use another --dumpdir"
        )


def _begin(data: Path, spec: FeatureSpec) -> None:
    """Take away what would be wrong while this run lasts, or if it is killed; say so if all is made again."""
    made_with = data / "ark" / "spec.yaml"
    made_with.parent.mkdir(exist_ok=True)
    difference = _difference(FeatureSpec.load(made_with), spec) if made_with.exists() else None
    if difference:
        print(f"{data}: the spec has changed ({' -> '.join(difference)}): all is extracted again", file=sys.stderr)
    for name in (*_TABLES, "f0_audit.tsv"):
        (data / name).unlink(missing_ok=True)
    spec.save(made_with)


def _difference(old: FeatureSpec, new: FeatureSpec) -> Optional[Tuple[str, str]]:
    for name, value in old.to_dict().items():
        if value != getattr(new, name):
            return f"{name} {value}", f"{name} {getattr(new, name)}"
    return None


def _merge(data: Path, spec: FeatureSpec, jobs: List[Job], outcomes: Dict[int, Outcome], written: bool) -> None:
    """Write the tables, feats.scp last, unless nothing has changed: later stages look at their dates."""
    tables: Dict[str, Dict[str, object]] = {name: {} for name in _TABLES}
    rows = {}
    for job in jobs:
        outcome = outcomes[job.number]
        tables["utt2num_frames"].update(outcome.n_frames)
        for kind in ARKS:
            places = {utt: f"{job.ark(kind)}:{offset}" for utt, offset in outcome.offsets[kind].items()}
            tables[f"{kind}.scp"].update(places)
        rows.update({utt: tsv_row(utt, audit, spec) for utt, audit in outcome.audits.items()})
    if not rows:
        utt, text = next(iter(outcomes[jobs[0].number].problems.items()))
        raise UserError(f"{data}: none of its utterances can be used (the first, {utt}: {text})")
    audit = data / "f0_audit.tsv"
    if written or not audit.exists() or not all(_is(data / name, table) for name, table in tables.items()):
        write_whole(audit, "\t".join(TSV_HEADER) + "\n" + "".join(rows[utt] for utt in sorted(rows)))
        for name in _TABLES:
            write_table(data / name, tables[name])
    for path in (data / "ark").iterdir():
        match = re.fullmatch(r"(?:feats|f0|vuv|job)\.(\d+)\.(?:ark|json)(?:\.part)?", path.name)
        if match and (int(match[1]) > len(jobs) or path.suffix == ".part"):
            path.unlink()


def _is(path: Path, table: Dict[str, object]) -> bool:
    return path.exists() and read_table(path) == {utt: str(value) for utt, value in table.items()}


def print_report(report: Report, data: Path) -> None:
    """Say on stderr what was done, what was left out and what is odd (all of it is in f0_audit.tsv)."""
    print_findings(report.problems, report.warnings, f"; warnings are in {data}/f0_audit.tsv")
    print(
        f"{data}: features of {report.utterances} utterances, {report.seconds / 60:.1f} minutes "
        f"({report.kept} were done before); {len(report.problems)} left out",
        file=sys.stderr,
    )
