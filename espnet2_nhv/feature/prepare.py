"""Stage 2: a Kaldi data directory of any recordings becomes one of phrases, mono, at one rate, as FLAC."""

import dataclasses
import functools
import json
import sys
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Set, Tuple

from tqdm import tqdm

from espnet2_nhv.alone import alone_in
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.audio import MIN_SECONDS, BadAudio, is_silent, length_of, write_flac
from espnet2_nhv.feature.balance import balance_voices
from espnet2_nhv.feature.bandwidth import FILE as BANDWIDTHS
from espnet2_nhv.feature.bandwidth import measure_bandwidths
from espnet2_nhv.feature.datadir import read_table, write_data_dir
from espnet2_nhv.feature.parallel import run_jobs
from espnet2_nhv.feature.phrases import split_phrases
from espnet2_nhv.feature.recording import open_recording, part_of
from espnet2_nhv.feature.recordings import Recording, at_speeds, read_recordings
from espnet2_nhv.feature.report import print_dropped, print_findings, print_narrow, sum_by_reason
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.files import write_whole

_TABLES = ("wav.scp", "utt2spk", "spk2utt", "utt2num_samples", BANDWIDTHS, "utt2weight")


@dataclasses.dataclass
class Outcome:
    """What became of a recording: phrases as [id, utterance, start (s), samples], and what is wrong or odd."""

    recording: str
    key: str
    phrases: List[list]
    problems: List[str]
    warnings: List[str]
    dropped: Dict[str, float] = dataclasses.field(default_factory=dict)  # reason: seconds


@dataclasses.dataclass
class Report:
    """What became of a data directory."""

    recordings: int
    skipped: int  # recordings that were done before
    phrases: int
    seconds: float
    problems: List[str]
    warnings: List[str]
    dropped: Dict[str, float]  # reason: seconds
    fs: int  # Hz


def prepare_data_dir(
    data: Path,
    out: Path,
    spec: FeatureSpec,
    allow_upsampling: bool = False,
    max_phrase_seconds: float = 12.0,
    nj: int = 1,
    speed_factors: Sequence[float] = (),
    speed_speakers: Sequence[str] = (),
    balance: bool = False,
) -> Report:
    """Prepare one data directory; what an earlier run has done and is unchanged is kept.

    Parameters
    ----------
    data : folder with wav.scp, and segments and utt2spk where there are any
    out : folder to write wav.scp, utt2spk, spk2utt, utt2num_samples, utt2bandwidth (Hz, what the recordings really
        have) and ``flac/`` into; ``prepared.jsonl`` in it says which recording every phrase is from and where it
        starts. `spec` is written beside this folder. A ``sources.yaml`` in `data` goes along
    spec : FeatureSpec; only its `fs` and `n_fft` (the shortest phrase) matter here
    allow_upsampling : whether recordings of a lower rate are taken
    max_phrase_seconds : float >= 1, s
    nj : int >= 1, processes
    speed_factors : floats within 0.5 to 2, speeds at which every recording is taken once more, as
        ``spFACTOR-NAME``: pitch and formants go with the speed, so that one voice becomes several
    speed_speakers : whose recordings are taken at these speeds; everybody's if there is none
    balance : whether to write ``utt2weight``, see :func:`espnet2_nhv.feature.balance.balance_voices`

    Raises
    ------
    UserError
        If ids are doubled, a spec of other values is there, or nothing can be used. Nothing is written in the first
        two cases.
    """
    data, out = Path(data), Path(out)
    if data.resolve() == out.resolve():
        raise UserError(f"--data and --out are the same folder {data}: give --out another one")
    if max_phrase_seconds < 1:
        raise UserError(f"--max_phrase_seconds {max_phrase_seconds:g} is too short for a phrase: give 1 or more")
    min_seconds = max(MIN_SECONDS, spec.n_fft / spec.fs)
    settings = (spec.fs, min_seconds, max_phrase_seconds, allow_upsampling)
    recordings, speakers, problems = read_recordings(data, settings)
    copies, names = at_speeds(recordings, speakers, speed_factors, speed_speakers)
    recordings += copies
    speakers.update(names)
    _write_spec(spec, out.parent / "spec.yaml")
    (out / "flac").mkdir(parents=True, exist_ok=True)
    with alone_in(out):
        log = out / "prepared.jsonl"
        before, outcomes = _read_log(log, recordings, out)
        todo = [recording for recording in recordings if recording.name not in outcomes]
        skipped = len(outcomes)
        if todo:
            # From here until the end the old tables may be wrong.
            for name in _TABLES:
                (out / name).unlink(missing_ok=True)
            _rewrite_log(log, outcomes)
            results = run_jobs(functools.partial(prepare_recording, out=out), todo, nj)
            with open(log, "a", encoding="utf-8") as file:
                for outcome in tqdm(
                    results, f"audio {out.name}", len(todo), unit="file", dynamic_ncols=True, disable=None
                ):
                    outcomes[outcome.recording] = outcome
                    file.write(_line(outcome))
                    file.flush()
        ordered = [outcomes[recording.name] for recording in recordings]
        problems += [problem for outcome in ordered for problem in outcome.problems]
        phrases = {phrase[0]: phrase for outcome in ordered for phrase in outcome.phrases}
        if not phrases:
            raise UserError(f"{data}: none of its {len(recordings)} recordings can be used (the first: {problems[0]})")
        tables = {
            "wav.scp": {name: str(_flac(out, name)) for name in phrases},
            "utt2spk": {name: speakers.get(utterance, utterance) for name, utterance, _, _ in phrases.values()},
            "utt2num_samples": {name: str(n_samples) for name, _, _, n_samples in phrases.values()},
        }
        tables[BANDWIDTHS] = _bandwidths(out, tables, spec.fs)
        if balance:
            samples = {name: int(count) for name, count in tables["utt2num_samples"].items()}
            weights = balance_voices(samples, tables["utt2spk"])
            tables["utt2weight"] = {name: f"{weight:.4g}" for name, weight in weights.items()}
        if not _tables_are(out, tables):
            write_data_dir(out, tables.pop("wav.scp"), tables.pop("utt2spk"), **tables)
        _copy_sources(data / "sources.yaml", out / "sources.yaml")
        _rewrite_log(log, outcomes)
        for name in before - set(phrases):  # of recordings that are gone or were cut otherwise
            _flac(out, name).unlink(missing_ok=True)
        return Report(
            recordings=len(recordings),
            skipped=skipped,
            phrases=len(phrases),
            seconds=sum(n_samples for *_, n_samples in phrases.values()) / spec.fs,
            problems=problems,
            warnings=[warning for outcome in ordered for warning in outcome.warnings],
            dropped=sum_by_reason(outcome.dropped for outcome in ordered),
            fs=spec.fs,
        )


def prepare_recording(recording: Recording, out: Path) -> Outcome:
    """Read, check, resample and cut one recording, and write its phrases."""
    outcome = Outcome(recording.name, _key(recording), [], [], [])
    try:
        wav, warnings = open_recording(
            recording.source,
            recording.fs,
            recording.min_seconds,
            recording.allow_upsampling,
            strict=True,
            speed=recording.speed,
            folder=out,
        )
    except BadAudio as error:
        outcome.problems.append(f"{recording.name}: {error}")
        # Reasons begin with a word or two of their own: "clipped: ...", "too short: ...".
        outcome.dropped[_short(str(error))] = length_of(recording.source) / recording.speed
        return outcome
    outcome.warnings += [f"{recording.name}: {warning}" for warning in warnings]
    seconds = len(wav) / recording.fs
    for utterance, start, end in recording.spans:
        first, last = round(start * recording.fs), round(min(end, seconds) * recording.fs)
        piece = part_of(wav, first, last)
        if len(piece) < recording.min_seconds * recording.fs:
            outcome.problems.append(f"{utterance}: too short: its segment has {len(piece) / recording.fs:.3g} s")
            _count(outcome, "too short", len(piece) / recording.fs)
            continue
        if is_silent(piece):
            outcome.problems.append(f"{utterance}: silent: every sample of its segment is zero")
            _count(outcome, "silent", len(piece) / recording.fs)
            continue
        if end != float("inf") and end > seconds + 0.1:
            outcome.warnings.append(f"{utterance}: its segment ends at {end:g} s, after the recording ({seconds:g} s)")
        for number, (left, right) in enumerate(split_phrases(piece, recording.fs, recording.max_seconds)):
            name = f"{utterance}_{number:04d}"
            write_flac(_flac(out, name), piece[left:right], recording.fs)
            outcome.phrases.append([name, utterance, (first + left) / recording.fs, right - left])
    kept = sum(n_samples for *_, n_samples in outcome.phrases) / recording.fs
    inside = sum(min(end, seconds) - min(start, seconds) for _, start, end in recording.spans)
    _count(outcome, "outside the segments", seconds - inside)
    _count(
        outcome,
        "silence between phrases",
        inside - kept - sum(map(outcome.dropped.get, ("too short", "silent"), (0, 0))),
    )
    return outcome


def _count(outcome: Outcome, reason: str, seconds: float) -> None:
    if seconds > 0:
        outcome.dropped[reason] = outcome.dropped.get(reason, 0.0) + seconds


def _short(problem: str) -> str:
    return "its rate is too low" if "sampling rate" in problem else problem.split(":")[0].split(" (")[0]


def _write_spec(spec: FeatureSpec, path: Path) -> None:
    if path.exists():
        old, new = FeatureSpec.load(path).to_dict(), spec.to_dict()
        for name in new:
            if old[name] != new[name]:
                raise UserError(
                    f"{path} was made with {name} {old[name]} and {name} {new[name]} is asked for: "
                    f"use another --dumpdir, or remove {path.parent}"
                )
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    spec.save(path)


def _read_log(log: Path, recordings: List[Recording], out: Path) -> Tuple[Set[str], Dict[str, Outcome]]:
    """All phrases of earlier runs, and the outcomes that still hold; a recording with a problem is tried again."""
    wanted = {recording.name: _key(recording) for recording in recordings}
    phrases, outcomes = set(), {}
    for line in log.read_text(encoding="utf-8").splitlines() if log.exists() else ():
        outcome = _parse(line)
        if outcome is None:
            continue
        names = [phrase[0] for phrase in outcome.phrases]
        phrases.update(names)
        if wanted.get(outcome.recording) == outcome.key and not outcome.problems:
            if all(_is_there(_flac(out, name)) for name in names):
                outcomes[outcome.recording] = outcome
    return phrases, outcomes


def _rewrite_log(log: Path, outcomes: Dict[str, Outcome]) -> None:
    write_whole(log, "".join(_line(outcome) for outcome in outcomes.values()))


def _parse(line: str) -> Optional[Outcome]:
    try:
        return Outcome(**json.loads(line))
    except (json.JSONDecodeError, TypeError):
        return None  # the last line of a run that was killed


def _bandwidths(out: Path, tables: Dict[str, Dict[str, str]], fs: int) -> Dict[str, str]:
    """Those of an earlier run, where it prepared the very same phrases; otherwise measured."""
    path = out / BANDWIDTHS
    known = read_table(path) if _is_there(path) else {}
    if known.keys() == tables["wav.scp"].keys():
        return known
    measured = measure_bandwidths(tables["wav.scp"], tables["utt2spk"], fs)
    return {name: f"{bandwidth:g}" for name, bandwidth in measured.items()}


def _tables_are(out: Path, tables: Dict[str, Dict[str, str]]) -> bool:
    there = {name for name in _TABLES if _is_there(out / name)}
    return there == {*tables, "spk2utt"} and all(read_table(out / name) == table for name, table in tables.items())


def _copy_sources(path: Path, copy: Path) -> None:
    """What is to be said of the voices goes with them."""
    if not path.exists():
        copy.unlink(missing_ok=True)
    elif not copy.exists() or copy.read_bytes() != path.read_bytes():
        write_whole(copy, path.read_bytes())


def _is_there(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0


def _line(outcome: Outcome) -> str:
    return json.dumps(dataclasses.asdict(outcome), ensure_ascii=False) + "\n"


def _key(recording: Recording) -> str:
    values = dataclasses.astuple(recording)
    return json.dumps(values if recording.speed != 1 else values[:-1], ensure_ascii=False)


def _flac(out: Path, name: str) -> Path:
    return out / "flac" / f"{name}.flac"


def print_report(report: Report, out: Path) -> None:
    """Say on stderr what was done, what was left out and what is odd; everything is also in ``out/problems.txt``."""
    lines = print_findings(report.problems, report.warnings, f", all in {out}/problems.txt")
    write_whole(out / "problems.txt", "".join(line + "\n" for line in lines))
    print(
        f"{out}: {report.phrases} phrases, {report.seconds / 60:.1f} minutes, of {report.recordings} recordings "
        f"({report.skipped} were done before); {len(report.problems)} left out",
        file=sys.stderr,
    )
    print_dropped(report.seconds, report.dropped, out)
    bandwidths = {name: float(bandwidth) for name, bandwidth in read_table(out / BANDWIDTHS).items()}
    print_narrow(bandwidths, read_table(out / "utt2spk"), report.fs, out)
