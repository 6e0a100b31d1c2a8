"""What starting costs: nothing is imported that is not used. How much that is in seconds, `bin.bench --start` says."""

import json
import subprocess
import sys

import pytest
from exports import save_small

COMMANDS = ["copy_synthesis", "synthesize", "live", "decode"]


def modules_after(code, *arguments):
    """Names of what is imported once a fresh interpreter has run the code."""
    code += "\nimport json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_a_first_synthesis_imports_what_it_uses(tmp_path):
    code = """
import sys
import numpy as np
from espnet2_nhv import load_vocoder
vocoder = load_vocoder(sys.argv[1])
vocoder(np.full((9, vocoder.spec.n_mels), -2.0), np.full(9, 220.0))
"""
    modules = modules_after(code, str(save_small(tmp_path / "saved")))
    unused = {"scipy", "librosa.filters", "numba", "matplotlib", "sklearn", "onnx", "onnxruntime", "pyworld", "espnet2"}
    assert not unused & modules
    ours = {name for name in modules if name.startswith("espnet2_nhv.vocoder.")}
    top = {"base", "registry", "saved", "synthesizer", "control_network", "knobs", "late_stream", "nhv"}
    assert {name.split(".")[2] for name in ours} <= top
    assert not any(name.startswith(("espnet2_nhv.train", "espnet2_nhv.loss", "espnet2_nhv.score")) for name in modules)


def test_options_are_read_without_pytorch():
    code = "".join(f"from espnet2_nhv.bin.{name} import get_parser; get_parser().format_help()\n" for name in COMMANDS)
    assert not {"torch", "scipy.signal", "librosa", "matplotlib"} & modules_after(code)


@pytest.mark.slow
def test_bench_measures_the_start(monkeypatch, capsys, tmp_path):
    from espnet2_nhv.bin import bench

    path = tmp_path / "start.json"
    monkeypatch.setattr(sys, "argv", ["bench", "--start", "--repeats", "1", "--json", str(path)])
    bench.main()
    rows = json.loads(path.read_text())
    assert rows[0]["x_seconds"] == rows[0]["x_peak_mb"] == 1.0
    assert [row["start"].split()[0] for row in rows[1:]] == ["copy_synthesis", "load_vocoder,", "copy_synthesis"]
    # Singing takes more than reading the options, in time as in memory.
    assert rows[3]["cpu_seconds"] > rows[1]["cpu_seconds"] > 0 and rows[3]["peak_mb"] > rows[1]["peak_mb"] > 10
    assert capsys.readouterr().out.count("\n") == len(rows) + 2


def test_the_quick_tracker_does_without_scipy():
    code = """
import numpy as np
from espnet2_nhv.feature.pitch.analysis import extract_f0
from espnet2_nhv.feature.spec import FeatureSpec
extract_f0(0.1 * np.sin(np.arange(44100) * 0.03), FeatureSpec(), "swift")
"""
    assert not {"scipy.signal", "scipy.ndimage", "librosa"} & modules_after(code)


def test_singing_a_score_does_without_espnets_type_checks():
    look = """
import typeguard
given = typeguard.typechecked
{how}
from espnet2.tasks.svs import SVSTask
assert typeguard.typechecked is given
names = SVSTask.build_model.__func__.__code__.co_names
print(any(name.startswith("check_") and "type" in name for name in names))
"""
    for how, checked in (
        ("from espnet2_nhv.synthesis.sing import sing", "False"),
        ("import espnet2_nhv.espnet", "True"),
    ):
        run = subprocess.run([sys.executable, "-c", look.format(how=how)], capture_output=True, text=True, check=True)
        assert run.stdout.split() == [checked], how
