"""tools/all_vocoders.sh: every vocoder is asked for, and whoever has no scores or no sound is named."""

import json
import re
import shlex
import subprocess
import sys

from conftest import ROOT

from espnet2_nhv.vocoder.registry import VOCODERS

STUB = """#!/bin/sh
[ "$1" != - ] || exec {python} "$@"
echo "$@" >> {calls}
case "$*" in
    *bin.report*) mkdir -p exp; cp {rows} exp/RESULTS.json; touch exp/RESULTS.md; for name in {heard}; do
        mkdir -p exp/report/data/eval/000; touch exp/report/data/eval/000/1-$name.js; done ;;
    *local/*data.py*) mkdir -p data ;;
esac
"""


def run(tmp_path, errors, heard, *options):
    """The script with a Python that only notes what it is called for, and finds such results."""
    rows = [dict(vocoder=name, set="eval", error=error) for name, error in errors.items()]
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    python = tmp_path / "python"
    paths = dict(python=sys.executable, calls=tmp_path / "calls", rows=tmp_path / "rows.json")
    python.write_text(STUB.format(**paths, heard=" ".join(heard)))
    python.chmod(0o755)
    tool = [str(ROOT / "tools/all_vocoders.sh"), "--python", str(python), "--folder", str(tmp_path / "out"), *options]
    return subprocess.run(tool, capture_output=True, text=True)


def test_all_are_asked_for_and_found(tmp_path):
    ended = run(tmp_path, dict.fromkeys(VOCODERS), VOCODERS)
    assert ended.returncode == 0, ended.stderr
    assert f"{len(VOCODERS)} of {len(VOCODERS)} vocoders went from nothing to the page" in ended.stdout
    calls = (tmp_path / "calls").read_text()
    assert all(f"--output_dir exp/{name} " in calls and f"exp/{name}/decode/eval" in calls for name in VOCODERS)
    assert "--budget 20s" in calls
    assert "--eval_voices soprano" in calls  # what is asked of the slowest is one phrase
    made_by = re.search(r"--command ./run.sh (.*) --dumpdir", calls).group(1)
    given = dict(zip(*[iter(shlex.split(made_by))] * 2))
    assert given["--local_data_opts"] == "--eval_voices soprano" and given["--vocoders"] == "all"


def test_who_fails_is_named(tmp_path):
    ended = run(tmp_path, {"nhv": None, "world": "no voice"}, ["world"], "--vocoders", "nhv world vocos")
    assert ended.returncode == 1, ended.stderr
    said = ended.stderr.splitlines()
    assert {"nhv: the page has no sound of it", "world: no voice", "vocos: it has no row"} <= set(said)
    assert "0 of 3 vocoders went from nothing to the page" in ended.stdout
