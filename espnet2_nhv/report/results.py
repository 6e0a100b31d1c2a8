"""exp/RESULTS.md and exp/RESULTS.json: every vocoder in one table per set."""

import json
import logging
from pathlib import Path
from typing import List, Optional, Sequence, Union

from espnet2_nhv.errors import UserError
from espnet2_nhv.files import write_whole
from espnet2_nhv.report.curves import CURVES, curve_table, read_curves
from espnet2_nhv.report.ranks import add_ranks
from espnet2_nhv.report.table import COPY_SYNTHESIS, render
from espnet2_nhv.score.evaluate import SCORES
from espnet2_nhv.score.files import load_facts
from espnet2_nhv.score.metrics import METRICS
from espnet2_nhv.score.optional import OPTIONAL
from espnet2_nhv.score.robustness.rows import collect_robustness
from espnet2_nhv.synthesis.decode import SOURCE
from espnet2_nhv.synthesis.peer_set import PEER
from espnet2_nhv.vocoder.saved import is_another, load_vocoder


def write_results(
    expdir: Union[str, Path],
    vocoders: Sequence[str],
    sets: Sequence[str],
    tag: str = "",
    command: Optional[str] = None,
    made_from: str = COPY_SYNTHESIS,
) -> List[dict]:
    """Gather scores, speed, size and training facts, and write `expdir`/RESULTS.md and RESULTS.json.

    Parameters
    ----------
    expdir : folder of the experiments: expdir/NAME[_TAG]/{vocoder,decode/SET/{scores.json,rtf.json}}
    vocoders : names of experiments
    sets : e.g. ["dev", "eval"]
    tag : suffix of the experiments' folders
    command : what made the results, quoted in RESULTS.md
    made_from : what was synthesised, e.g. the recordings' own features

    Returns
    -------
    rows : list of dict, see :func:`collect_row` and :func:`~espnet2_nhv.report.ranks.add_ranks`; behind them, where
        `espnet2_nhv.bin.robustness` measured any, those of
        :func:`~espnet2_nhv.score.robustness.rows.collect_robustness`

    Raises
    ------
    UserError
        If `expdir` is not there. A vocoder without scores has a row that says why.
    """
    expdir = Path(expdir)
    if not expdir.is_dir():
        raise UserError(f"{expdir}: not there; train, decode and score first, or name the folder with --expdir")
    rows, utterances, robustness = [], [], []
    for name in vocoders:
        folder = expdir / (f"{name}_{tag}" if tag else name)
        vocoder = {} if (folder / PEER).is_file() else describe(folder / "vocoder")
        rows += [collect_row(folder, name, set_name, tag, **vocoder) for set_name in sets]
        utterances += [load_facts(folder / "decode" / set_name / SCORES).get("utterances", {}) for set_name in sets]
        robustness += collect_robustness(folder, name, tag)
    for set_name in sets:
        ours = [index for index, row in enumerate(rows) if row["set"] == set_name]
        add_ranks([rows[index] for index in ours], [utterances[index] for index in ours])
    rows += robustness
    write_whole(expdir / "RESULTS.json", json.dumps(rows, indent=1, allow_nan=False, ensure_ascii=False) + "\n")
    text = render(rows, command, made_from)
    curves = read_curves(expdir, [f"{name}_{tag}" if tag else name for name in vocoders])
    if curves:
        text += f"\n## Learning curves\n\n{CURVES}\n\n{curve_table(curves)}\n"
    write_whole(expdir / "RESULTS.md", text)
    return rows


def describe(folder: Path) -> dict:
    """Of a saved vocoder, what :func:`collect_row` has to be told of it; nothing where it is not loadable."""
    try:
        vocoder = load_vocoder(folder)
    except UserError as error:
        logging.warning("%s", error)
        return {}
    params = sum(parameter.numel() for parameter in vocoder.parameters())
    return dict(params=params, reads_recording=vocoder.needs_wav, bitrate=vocoder.bitrate)


def collect_row(
    folder: Path,
    vocoder: str,
    set_name: str,
    tag: str = "",
    params: Optional[int] = None,
    reads_recording: bool = False,
    bitrate: Optional[float] = None,
) -> dict:
    """One row of RESULTS.json; what is not known is None.

    Returns
    -------
    row : dict
        vocoder, set, tag : str
        <key of each metric> : float, mean over the utterances; optional ones too, None where not measured
        skipped : {optional metric: why it was not measured}
        worst : {metric: [utterance, value]}
        lsd_worst_at : float, seconds, where in its utterance the worst frame of all is
        count : {metric: how many utterances have one}
        stderr : {metric: standard error of the mean}
        n_utterances, n_scored, n_missing : int
        rtf : float; rtf_device : str; rtf_threads : int
        params : int, numbers that inference uses (weight normalisation folded, buffers left out)
        reads_recording : bool, whether it analyses the recording itself rather than reads features
        bitrate : float, bit/s, of a codec
        f0_tracker : str, which F0 scores were made with; features_f0 : str, which features were
        steps : int; train_seconds : float; train_device : str
        peer : str, of a vocoder that was trained elsewhere the licence of its weights; else None
        refined : bool, whether mels passed a refiner first
        stale : bool, whether another vocoder has been saved since the set was synthesised
        failed : str, what has failed since the scores were written
        error : str, why there are no scores
    """
    decode = folder / "decode" / set_name
    files = (decode / SCORES, decode / "rtf.json", folder / "vocoder" / "training.yaml", folder / "config.yaml")
    scores, rtf, training, config = map(load_facts, files)
    row = dict(vocoder=vocoder, set=set_name, tag=tag)
    row.update({metric.key: scores.get("mean", {}).get(metric.key) for metric in METRICS})
    row.update({key: scores.get("mean", {}).get(key) for key in OPTIONAL})
    row["skipped"] = scores.get("skipped", {})
    row["worst"] = {key: value for key, value in scores.get("worst", {}).items() if value}
    utt = row["worst"].get("lsd_worst", [None])[0]
    row["lsd_worst_at"] = scores.get("utterances", {}).get(utt, {}).get("lsd_worst_at")
    row.update({key: scores.get(key) for key in ("count", "stderr", "n_utterances", "n_scored", "n_missing")})
    row.update(rtf=rtf.get("rtf"), rtf_device=rtf.get("device"), rtf_threads=rtf.get("threads"))
    row.update(params=params, reads_recording=reads_recording, bitrate=bitrate)
    row.update(steps=training.get("steps"), train_seconds=training.get("seconds"))
    row["train_device"] = ("cuda" if config["ngpu"] else "cpu") if "ngpu" in config else None
    row.update(f0_tracker=scores.get("f0_tracker"), features_f0=load_facts(decode / SOURCE).get("f0_method"))
    row["peer"] = load_facts(folder / PEER).get("licence")
    row["refined"] = "refiner" in load_facts(decode / SOURCE)
    row["stale"] = is_another(folder / "vocoder", load_facts(decode / SOURCE).get("vocoder"))
    scored = bool(scores.get("n_scored"))
    row["failed"] = _failure(folder, since=decode / SCORES) if scored else None
    row["error"] = None if scored else _why_failed(folder, set_name, scores)
    return row


def _failure(folder: Path, since: Optional[Path] = None) -> Optional[str]:
    """What run.sh noted of a stage that failed, if it was after the file `since` was written."""
    note = folder / "failed.txt"
    if not note.is_file() or (since is not None and note.stat().st_mtime_ns < since.stat().st_mtime_ns):
        return None
    lines = note.read_text(encoding="utf-8").strip().splitlines()
    return lines[0] if lines else None


def _why_failed(folder: Path, set_name: str, scores: dict) -> str:
    decode = folder / "decode" / set_name
    if scores.get("missing"):
        utt, reason = next(iter(scores["missing"].items()))
        return f"no utterance could be scored, e.g. {utt}: {reason}"
    failure = _failure(folder)
    if failure is not None:
        return failure
    if not (folder / PEER).is_file() and not (folder / "vocoder" / "vocoder.yaml").is_file():
        return f"not trained ({folder.name}/vocoder is not a saved vocoder)"
    if not (decode / "wav.scp").is_file():
        return f"not decoded ({folder.name}/decode/{set_name}/wav.scp is missing)"
    return f"not scored ({folder.name}/decode/{set_name}/{SCORES} is missing or unreadable)"
