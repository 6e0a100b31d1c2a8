"""An experiment folder with scores put together by hand, and its tables read back."""

import json
import re

import pytest

from espnet2_nhv.score.evaluate import summarise
from espnet2_nhv.score.metrics import METRICS
from espnet2_nhv.vocoder import build_vocoder, save_vocoder


def write_scores(folder, set_name, values, rtf=None, missing=()):
    """scores.json of two utterances, u1 with `values` and u2 with 1 more of each; other metrics are 5 and None."""
    decode = folder / "decode" / set_name
    decode.mkdir(parents=True)
    first = {metric.key: values.get(metric.key, 5.0) for metric in METRICS} | {"lsd_worst_at": 0.5}
    second = {key: None if value is None else value + 1 for key, value in first.items()}
    outcomes = {"u1": (first, None), "u2": (second, None), **{utt: (None, "it was not synthesised") for utt in missing}}
    (decode / "scores.json").write_text(json.dumps(summarise(outcomes)))
    (decode / "wav.scp").write_text("u1 u1.wav\n")
    if rtf is not None:
        (decode / "rtf.json").write_text(
            json.dumps({"rtf": rtf, "audio_seconds": 10, "compute_seconds": 10 * rtf, "threads": 1, "device": "cpu"})
        )


@pytest.fixture
def expdir(tmp_path):
    exp = tmp_path / "exp"
    for name in ("nhv", "hifigan"):
        vocoder = build_vocoder("hifigan", channels=16)
        save_vocoder(vocoder, exp / name / "vocoder", licence="CC0", trained_on="nothing")
    write_scores(exp / "nhv", "eval", {"mrstft": 0.5, "mcd": 3.0, "f0_rmse": None}, rtf=0.01)
    write_scores(exp / "hifigan", "eval", {"mrstft": 0.4, "mcd": 4.0, "f0_rmse": 7.0}, rtf=0.5)
    (exp / "nhv" / "vocoder" / "training.yaml").write_text("{steps: 12000, seconds: 1200.0}")
    (exp / "nhv" / "config.yaml").write_text("{ngpu: 1}")
    return exp


def table(text, heading):
    """The rows of the first table under `heading`, as dicts by column title."""
    lines = text.split(f"## {heading}\n")[1].strip().splitlines()
    lines = [line for line in lines[: next((i for i, line in enumerate(lines) if not line), len(lines))]]
    rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    assert all(len(row) == len(rows[0]) for row in rows)
    return [dict(zip(rows[0], row)) for row in rows[2:]]
