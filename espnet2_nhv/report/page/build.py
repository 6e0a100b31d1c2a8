"""The listening page: a folder that a browser opens from disk, or any web server serves."""

import json
import logging
import re
import shutil
from functools import partial
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Union

import jinja2
from tqdm import tqdm

from espnet2_nhv.errors import UserError, in_one_line
from espnet2_nhv.feature.datadir import read_table
from espnet2_nhv.feature.parallel import run_jobs
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.files import write_whole
from espnet2_nhv.report.curves import CURVE_METRICS, read_curves
from espnet2_nhv.report.page.sample import Sample, is_made, make_sample, seconds_of
from espnet2_nhv.report.page.tables import result_tables
from espnet2_nhv.report.table import known_metrics, ranked
from espnet2_nhv.score.evaluate import F0_CACHE, SCORES
from espnet2_nhv.score.files import load_facts
from espnet2_nhv.score.frames import spectrum_size
from espnet2_nhv.score.lsd import mel_triangles

REFERENCE = "reference"
HERE = Path(__file__).parent
TICKS = (250, 1000, 4000, 10000)  # Hz, marked beside the spectrograms


def build_page(
    expdir: Union[str, Path],
    dumpdir: Union[str, Path],
    rows: Sequence[dict],
    command: Optional[str] = None,
    n_utterances: int = 50,
    nj: int = 1,
    out: Optional[Union[str, Path]] = None,
    sound: str = "flac",
    title: str = "Vocoders side by side",
    about: str = "",
    results: bool = True,
    notes: Optional[Union[str, Path]] = None,
) -> Path:
    """Write `expdir`/report, or `out`; what an earlier run made of the same files stays.

    Parameters
    ----------
    expdir : folder of the experiments
    dumpdir : folder of the sets that were decoded: dumpdir/SET/wav.scp
    rows : of RESULTS.json, as :func:`espnet2_nhv.report.results.write_results` returns them
    command : what made the results, shown on the page
    n_utterances : int >= 1, of each set at most, evenly picked where there are more
    nj : int >= 1, processes
    out : folder of the page, None takes `expdir`/report
    sound : ['flac', 'mp3'], see :func:`make_sample`
    title, about : said on top of it
    results : bool, whether there are tables and plots beside what is heard
    notes : JSON file, for each utterance of a score a list of notes: start and end (s) and MIDI number

    Returns
    -------
    index : Path, of index.html

    Raises
    ------
    UserError
        If nothing was decoded of any set, or `dumpdir` is not what it should be.
    """
    expdir, dumpdir = Path(expdir), Path(dumpdir)
    out = Path(out) if out is not None else expdir / "report"
    spec = FeatureSpec.load(dumpdir / "spec.yaml")
    copied = [row for row in rows if "probe" not in row]
    sets, samples, notes_of = [], [], _read_notes(notes)
    for set_name in dict.fromkeys(row["set"] for row in copied):
        ours = ranked([row for row in copied if row["set"] == set_name])
        utterances, new = _collect_set(expdir, dumpdir, set_name, ours, n_utterances)
        if utterances:
            sets.append(dict(name=set_name, utterances=utterances))
            samples += new
    if not sets:
        raise UserError(f"{expdir}: nothing was decoded that could be listened to; run stage 5")
    out.mkdir(parents=True, exist_ok=True)
    job = partial(make_sample, data=out / "data", spec=spec, sound=sound)
    todo = [sample for sample in samples if not is_made(sample, out / "data", spec, sound)]
    problems = {}
    for key, reason in tqdm(run_jobs(job, todo, nj), "listening page", len(todo), dynamic_ncols=True, disable=None):
        if reason is not None:
            problems[key] = reason
            logging.warning("the listening page shows no %s: %s", key, reason)
    seconds = {sample.key: seconds_of(sample) for sample in samples}
    for utterance in (utterance for group in sets for utterance in group["utterances"]):
        for sample in utterance["samples"]:
            sample["problem"] = problems.get(sample["key"]) or sample.get("problem")
            sample["seconds"] = seconds.get(sample["key"], 0.0)
        if utterance["id"] in notes_of:
            utterance["notes"] = notes_of[utterance["id"]]
        utterance["seconds"] = max(sample["seconds"] for sample in utterance["samples"])
    _remove_others(out / "data", set(seconds))
    metrics = [{**metric._asdict(), "better": metric.better} for metric in known_metrics(copied)]
    content = dict(sets=sets, metrics=metrics, rows=copied, ticks=_tick_places(spec), fs=spec.fs)
    # With results the last set, eval, that they are of; without them the first.
    content["opened"] = len(sets) - 1 if results else 0
    content["curves"] = read_curves(expdir, list(dict.fromkeys(map(_experiment, copied))))
    content["curve_metrics"] = [metric._asdict() for metric in CURVE_METRICS]
    (out / "data").mkdir(exist_ok=True)
    write_whole(out / "data" / "index.js", f"page.data = {json.dumps(content, allow_nan=False)};\n")
    shutil.copytree(HERE / "assets", out / "assets", dirs_exist_ok=True)
    loader = jinja2.FileSystemLoader(HERE)
    template = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    html = template.get_template("index.html.j2").render(
        command=command, tables=result_tables(rows) if results else [], title=title, about=about
    )
    write_whole(out / "index.html", html)
    return out / "index.html"


def _collect_set(expdir: Path, dumpdir: Path, set_name: str, rows: Sequence[dict], n_utterances: int):
    """What the page says of the utterances of a set, and the samples to make of them."""
    decoded: Dict[str, Dict[str, str]] = {}
    scores: Dict[str, dict] = {}
    for row in rows:
        name = _experiment(row)
        folder = expdir / name / "decode" / set_name
        if (folder / "wav.scp").is_file():
            decoded[name] = read_table(folder / "wav.scp")
            scores[name] = load_facts(folder / SCORES).get("utterances", {})
    if not decoded:
        return [], []
    references = read_table(dumpdir / set_name / "wav.scp")
    utterances, samples = [], []
    for number, utt in enumerate(_pick(list(references), n_utterances)):
        place = f"{_plain(set_name)}/{number:03d}"
        reference, cache = references[utt], str(dumpdir / set_name / "score_cache")
        sources = {REFERENCE: (reference, cache)}
        for name, wavs in decoded.items():
            if utt in wavs:
                sources[name] = wavs[utt], str(expdir / name / "decode" / set_name / F0_CACHE)
        shown = []
        for index, name in enumerate([REFERENCE, *decoded]):
            entry = dict(name=name, key=f"{place}/{index}-{_plain(name)}", scores=scores.get(name, {}).get(utt))
            if name in sources:
                wav, cache = sources[name]
                samples.append(Sample(entry["key"], utt, wav, reference, cache))
            else:
                entry["problem"] = "it was not synthesised"
            shown.append(entry)
        utterances.append(dict(id=utt, samples=shown))
    return utterances, samples


def _experiment(row: dict) -> str:
    """The name of its folder."""
    return f"{row['vocoder']}_{row['tag']}" if row["tag"] else row["vocoder"]


def _read_notes(path: Optional[Union[str, Path]]) -> Dict[str, list]:
    if path is None:
        return {}
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = in_one_line(error)
        raise UserError(f"{path}: not readable as notes ({reason}); local/song_data.py writes them") from None


def _pick(utts: List[str], count: int) -> List[str]:
    if len(utts) <= count:
        return utts
    return [utts[index * len(utts) // count] for index in range(count)]


def _plain(name: str) -> str:
    """A name that is the same in a file system and in an address."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", name)


def _tick_places(spec: FeatureSpec) -> List[dict]:
    """Where frequencies lie in a picture, as a share of its height from the bottom."""
    _, centres = mel_triangles(spec.fs, spectrum_size(spec.fs))
    places = []
    for hertz in TICKS:
        if hertz < centres[-1]:
            share = float((abs(centres - hertz).argmin() + 0.5) / len(centres))
            places.append(dict(label=f"{hertz / 1000:g}k" if hertz >= 1000 else str(hertz), share=round(share, 4)))
    return places


def _remove_others(data: Path, keys: set) -> None:
    """Delete samples of an earlier page that this one does not show."""
    for path in sorted(data.glob("*/[0-9][0-9][0-9]*/*"), reverse=True):
        if path.suffix in (".js", ".png") and path.relative_to(data).with_suffix("").as_posix() not in keys:
            path.unlink()
            if not any(path.parent.iterdir()):
                path.parent.rmdir()
