"""Score what one vocoder synthesised of one set, utterance by utterance."""

import hashlib
import json
import logging
import os
from functools import partial
from pathlib import Path
from typing import Dict, Optional, Sequence, Tuple, Union

import numpy as np
import scipy.stats
import soundfile
from tqdm import tqdm

from espnet2_nhv.errors import UserError, in_one_line
from espnet2_nhv.feature.datadir import read_table
from espnet2_nhv.feature.parallel import run_jobs
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.files import write_whole
from espnet2_nhv.score.cache import cached_f0
from espnet2_nhv.score.metrics import METRICS, measure
from espnet2_nhv.score.optional import OPTIONAL, available, measure_optional
from espnet2_nhv.score.tracker import SCORE_METHOD, analyser_code

SCORES = "scores.json"
F0_CACHE = "f0_cache"  # in the folder of what was synthesised: its F0 is drawn in the report too
Outcome = Tuple[Optional[dict], Optional[str]]  # the scores, or why there are none


def evaluate(
    data: Union[str, Path],
    decode: Union[str, Path],
    nj: int = 1,
    spec_file: Optional[Union[str, Path]] = None,
    optional: Sequence[str] = (),
) -> dict:
    """Score every utterance of `data` and write `decode`/scores.json; unchanged inputs are not scored again.

    Parameters
    ----------
    data : folder with wav.scp of the references (dump/SET)
    decode : folder with wav.scp of the synthesised files
    nj : int >= 1, processes
    spec_file : the FeatureSpec, by default spec.yaml beside `data`
    optional : keys of :data:`espnet2_nhv.score.optional.OPTIONAL` to measure too, where their package is installed

    Returns
    -------
    scores : dict, as in scores.json
        utterances : {utterance: {metric: value or None}}
        mean : {metric: mean over the utterances that have a value, or None}
        count : {metric: how many have one}
        stderr : {metric: standard error of the mean, None of fewer than two}
        worst : {metric: [utterance, value] or None}
        missing : {utterance: why it has no scores}
        skipped : {optional metric: why it was not measured}
        n_utterances, n_scored, n_missing : int

    Raises
    ------
    UserError
        If a folder is not what it should be. A bad file is an entry of `missing`, not an error.
    """
    data, decode = Path(data), Path(decode)
    spec = FeatureSpec.load(spec_file or data.parent / "spec.yaml")
    references, synthesised = read_table(data / "wav.scp"), read_table(decode / "wav.scp")
    if not references:
        raise UserError(f"{data / 'wav.scp'} lists no utterance: run stage 2 for this set")
    strangers = [utt for utt in synthesised if utt not in references]
    if strangers:
        logging.warning("%s: %d utterances are not in %s, e.g. %s", decode, len(strangers), data, strangers[0])
    pairs = {utt: (path, synthesised.get(utt)) for utt, path in references.items()}

    extras, skipped = available(optional)
    fingerprint = _fingerprint(pairs, spec, extras, skipped)
    kept = _load_kept(decode / SCORES, fingerprint)
    if kept is not None:
        logging.info("%s: nothing changed since it was scored", decode)
        return kept
    job = partial(score_utterance, spec=spec, caches=(data / "score_cache", decode / F0_CACHE), optional=extras)
    results = run_jobs(job, [(utt, *paths) for utt, paths in pairs.items()], nj)
    outcomes = dict(tqdm(results, f"score {decode}", len(pairs), dynamic_ncols=True, disable=None))
    scores = summarise({utt: outcomes[utt] for utt in pairs}, extras)
    scores["skipped"] = skipped
    scores["made_from"] = fingerprint
    scores["f0_tracker"] = SCORE_METHOD
    write_whole(decode / SCORES, json.dumps(scores, indent=1, allow_nan=False, ensure_ascii=False) + "\n")
    for utt, reason in scores["missing"].items():
        logging.warning("%s has no scores: %s", utt, reason)
    return scores


def score_utterance(
    job: Tuple[str, str, Optional[str]], spec: FeatureSpec, caches: Tuple[Path, Path], optional: Sequence[str] = ()
) -> Tuple[str, Outcome]:
    """Metrics of (utterance, reference file, synthesised file), or the reason why there are none.

    `caches` are the folders where the F0 of references and of what was synthesised is kept.
    """
    utt, reference, synthesised = job
    if synthesised is None:
        return utt, (None, "it was not synthesised")
    try:
        ref, syn = load_wav(reference, spec.fs), load_wav(synthesised, spec.fs)
        if not len(ref):
            raise UserError(f"{reference}: empty")
        f0 = [
            cached_f0(wav, spec, cache, utt) if len(wav) >= spec.hop_length else None
            for wav, cache in zip((ref, syn), caches)
        ]
        scores = measure(ref, syn, spec, *f0)
        for key in optional:
            scores.update(measure_optional(key, ref, syn, spec))
        return utt, (scores, None)
    except UserError as error:
        return utt, (None, str(error))


def load_wav(path: str, fs: int) -> np.ndarray:
    """A mono file at `fs` as float64, ndarray [shape=(L,)]; UserError where it is anything else."""
    try:
        wav, rate = soundfile.read(path, dtype="float64")
    except (soundfile.LibsndfileError, OSError) as error:
        raise UserError(f"{path}: not readable ({in_one_line(error)})") from None
    if wav.ndim != 1:
        raise UserError(f"{path}: has {wav.shape[1]} channels, mono is needed")
    if rate != fs:
        raise UserError(f"{path}: has {rate} Hz where the feature spec says {fs} Hz")
    if not np.isfinite(wav).all():
        raise UserError(f"{path}: contains samples that are not finite")
    return wav


def summarise(outcomes: Dict[str, Outcome], optional: Sequence[str] = ()) -> dict:
    """Means, standard errors, counts and the worst utterance of each metric; see :func:`evaluate`."""
    scored = {utt: scores for utt, (scores, _) in outcomes.items() if scores is not None}
    missing = {utt: reason for utt, (scores, reason) in outcomes.items() if scores is None}
    mean, stderr, count, worst = {}, {}, {}, {}
    for metric in [*METRICS, *(OPTIONAL[key].metric for key in optional)]:
        values = {utt: scores[metric.key] for utt, scores in scored.items() if scores[metric.key] is not None}
        count[metric.key] = len(values)
        mean[metric.key] = round(float(np.mean(list(values.values()))), 6) if values else None
        stderr[metric.key] = round(float(scipy.stats.sem(list(values.values()))), 6) if len(values) > 1 else None
        worst[metric.key] = list(max(values.items(), key=lambda item: metric.fault(item[1]))) if values else None
    counts = dict(n_utterances=len(outcomes), n_scored=len(scored), n_missing=len(missing))
    return dict(**counts, mean=mean, stderr=stderr, count=count, worst=worst, missing=missing, utterances=scored)


def _fingerprint(pairs: dict, spec: FeatureSpec, extras: Sequence[str], skipped: Dict[str, str]) -> str:
    """Changes when a file, the spec, the metrics asked for or the code that measures them does."""
    digest = hashlib.sha256(json.dumps(spec.to_dict(), sort_keys=True).encode() + analyser_code())
    here, asked = Path(__file__).parent, {OPTIONAL[key].file for key in extras}
    unused = {"recordings", *({extra.file for extra in OPTIONAL.values()} - asked)}
    for code in sorted(here.glob("*.py")):
        if code.stem not in unused:
            digest.update(code.read_bytes())
    digest.update(repr((sorted(extras), sorted(skipped))).encode())
    for utt, paths in pairs.items():
        digest.update(repr([utt, *((path, _state(path)) for path in paths)]).encode())
    return digest.hexdigest()


def _state(path: Optional[str]):
    try:
        stat = os.stat(path)
    except (OSError, TypeError):
        return None
    return stat.st_size, stat.st_mtime_ns


def _load_kept(path: Path, fingerprint: str) -> Optional[dict]:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return kept if isinstance(kept, dict) and kept.get("made_from") == fingerprint else None
