"""A listening page of tones, whose frequency says who is heard."""

import json

import numpy as np
import pytest
import soundfile

from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.report.page.build import build_page
from espnet2_nhv.report.results import write_results
from espnet2_nhv.score import cache
from espnet2_nhv.score.metrics import METRICS
from espnet2_nhv.train.curve import add_point

SPEC = FeatureSpec()
FS = SPEC.fs
PITCH = {"reference": 1000.0, "nhv": 1500.0, "hifigan": 2000.0}  # Hz: who is heard can be told by the tone
SECONDS = {"song/1": 20.0, "song 2": 1.0, "song3": 1.0}
SCORES = {
    "nhv": {"mrstft": 0.5, "mcd": 10.5, "f0_rmse": None, "ap_6": 2.0},
    "hifigan": {"mrstft": 0.9, "mcd": 9.5, "f0_rmse": 3.0, "ap_6": -8.0},
}


def write_tones(folder, name, utts=SECONDS):
    (folder / "wav").mkdir(parents=True)
    lines = []
    for number, utt in enumerate(utts):
        wav = 0.1 * np.sin(2 * np.pi * PITCH[name] * np.arange(int(SECONDS[utt] * FS)) / FS)
        soundfile.write(folder / "wav" / f"{number}.wav", wav, FS, subtype="PCM_16")
        lines.append(f"{utt.replace(' ', '_')} {folder}/wav/{number}.wav\n")
    (folder / "wav.scp").write_text("".join(lines))


@pytest.fixture(scope="session")
def page_folders(tmp_path_factory):
    """exp with two vocoders (of which hifigan lacks the last utterance), dump, and the rows of RESULTS.json."""
    root = tmp_path_factory.mktemp("page")
    exp, dump = root / "exp", root / "dump"
    write_tones(dump / "eval", "reference")
    SPEC.save(dump / "spec.yaml")
    for name, utts in (("nhv", list(SECONDS)), ("hifigan", list(SECONDS)[:2])):
        decode = exp / name / "decode" / "eval"
        write_tones(decode, name, utts)
        mean = {metric.key: SCORES[name].get(metric.key, 1.0) for metric in METRICS}
        each = {utt.replace(" ", "_"): {**mean, "lsd_worst_at": 0.25} for utt in utts}
        scores = dict(mean=mean, utterances=each, n_utterances=3, n_scored=len(utts), n_missing=3 - len(utts))
        (decode / "scores.json").write_text(json.dumps(scores))
        for epoch in (1, 2, 3):
            losses = dict(mr_stft=SCORES[name]["mrstft"] * (2 - epoch / 3), mel=0.1)
            add_point(exp / name, epoch, 100 * epoch, 60.0 * epoch, losses)
        (decode / "rtf.json").write_text('{"rtf": %g, "threads": 1, "device": "cpu"}' % SCORES[name]["mrstft"])
    rows = write_results(exp, ["nhv", "hifigan", "absent"], ["dev", "eval"])
    return exp, dump, rows


@pytest.fixture(scope="session")
def page(page_folders):
    """index.html; the tones' F0 is not analysed but known."""
    exp, dump, rows = page_folders
    with pytest.MonkeyPatch.context() as patch:
        n_frames = lambda wav: len(wav) // SPEC.hop_length  # noqa: E731
        known = lambda wav, spec: (np.full(n_frames(wav), 440.0), np.ones(n_frames(wav)))  # noqa: E731
        patch.setattr(cache.tracker, "heard_f0", known)
        notes = dump / "notes.json"
        notes.write_text(json.dumps({"song/1": [[1.0, 2.0, 72], [5.0, 5.5, 66]]}))
        return build_page(exp, dump, rows, command="./run.sh <all> & more", notes=notes)
