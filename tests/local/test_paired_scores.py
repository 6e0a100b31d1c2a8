"""Systems compared phrase by phrase."""

import json
import sys

import paired_scores
import pytest

from espnet2_nhv.errors import UserError


@pytest.fixture
def folder(tmp_path):
    def write(name, mrstft):
        utterances = {
            f"song{n}": dict(mrstft=value, mcd=10 * value, ap_3=value, distillmos=None)
            for n, value in enumerate(mrstft)
        }
        (tmp_path / name).mkdir()
        (tmp_path / name / "scores.json").write_text(json.dumps(dict(utterances=utterances)))
        return tmp_path / name

    return write


def run(monkeypatch, capsys, *args):
    monkeypatch.setattr(sys, "argv", ["paired_scores.py", *map(str, args)])
    paired_scores.main()
    return capsys.readouterr().out


def test_seeds_are_rows_and_phrases_the_unit(folder, monkeypatch, capsys):
    start = folder("start", mrstft=[1.0, 2.0, 3.0])
    one, two = folder("b0", mrstft=[1.1, 2.3, 3.2]), folder("b1", mrstft=[0.9, 1.9, 2.8])
    shown = run(monkeypatch, capsys, f"start={start}", f"b={one}", f"b={two}", "--difference", "b-start")
    rows = {line.split(" | ")[0].lstrip("| "): line.split(" | ")[1:] for line in shown.splitlines() if line}
    assert rows["start"][:2] == ["2.000", "20.00"] and rows["b, seed 0"][0] == "2.200"
    # Differences +0.1 +0.3 +0.2 and -0.1 -0.1 -0.2; of a phrase over both 0.0 +0.1 0.0.
    assert rows["b-start, seed 0"][0] == "+0.200 (0.058)"
    assert rows["b-start, seed 1"][0] == "-0.133 (0.033)"
    assert rows["b-start, all seeds"][:2] == ["+0.033 (0.033)", "+0.33 (0.33)"]
    assert rows["start"][6] == "+2.0 / - / - / - / -"  # a sign where zero is best, "-" for what was not measured


def test_what_cannot_be_compared_is_refused(folder, monkeypatch, capsys, tmp_path):
    start, longer = folder("start", mrstft=[1.0, 2.0]), folder("longer", mrstft=[1.0, 2.0, 3.0])
    for args, message in (
        ([f"{start}"], "give NAME=FOLDER"),
        ([f"a={tmp_path}"], "no scores.json of bin.score there"),
        ([f"a={start}", f"b={longer}"], "the same phrases"),
        ([f"a={start}", "--difference", "a-b"], "--difference a-b: give A-B, of a"),
        ([*[f"a={start}"] * 2, *[f"b={start}"] * 3, "--difference", "a-b"], "a has 2 seeds and b 3"),
    ):
        with pytest.raises(UserError, match=message):
            run(monkeypatch, capsys, *args)
