"""The launcher: what it runs, in whose name, in spawned processes too, and what it says."""

import subprocess
import sys

import numpy as np
import pytest
import tiny_espnet  # noqa: F401  (registers)
import torch
from espnet2.tasks import abs_task
from waiting import LONG

from espnet2_nhv import run
from espnet2_nhv.errors import UserError

SCRIPT = """
import sys
import torch

def child(name):
    print("child", name, flush=True)
    # As it is for a child, which ESPnet's launcher starts with a method of a task and nothing else.
    from espnet2.gan_svs.joint.joint_score2wav import AVAILABLE_VOCODER
    from espnet2.tasks.gan_svs import GANSVSTask
    print("knows", "nhv" in AVAILABLE_VOCODER, hasattr(GANSVSTask, "build_vocoder_from_file"), flush=True)

def main():
    print("called with", sys.argv[1:], __name__, flush=True)
    process = torch.multiprocessing.get_context("spawn").Process(target=child, args=("one",))
    process.start()
    process.join()

if __name__ == "__main__":
    main()
"""


@pytest.mark.slow
def test_script_and_its_spawned_processes(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "-m", "espnet2_nhv.run", str(script), "--one", "2"],
        capture_output=True,
        text=True,
        timeout=LONG,
    )
    said = [line for line in done.stdout.splitlines() if line.startswith(("called", "child", "knows"))]
    assert said == ["called with ['--one', '2'] __main__", "child one", "knows True True"], done.stderr


def test_module_is_run_under_its_own_name(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["before"])
    with pytest.raises(SystemExit):
        run.run(["-m", "espnet2.bin.gan_svs_train", "--help"])
    assert sys.argv[0].endswith("gan_svs_train.py") and sys.argv[1:] == ["--help"]
    assert "--svs_conf" in capsys.readouterr().out
    run.run(["-c", "import sys; print(sys.argv, __name__)", "x"])
    assert capsys.readouterr().out == "['-c', 'x'] __main__\n"


MISTAKES = {
    "-m needs the name of a module after it": ["-m"],
    "-m espnet2.bin.svs_trian: there is no such module": ["-m", "espnet2.bin.svs_trian"],
    "-m nothing.at.all: there is no such module": ["-m", "nothing.at.all"],
    "no/script.py: there is no such script": ["no/script.py"],
    "there is no option -x": ["-x"],
    "--durations is 'ruled'; give predicted or label": ["--durations", "ruled", "-c", "1"],
}


@pytest.mark.parametrize("message", MISTAKES)
def test_mistakes_are_said_in_one_sentence(message, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["run", *MISTAKES[message]])
    with pytest.raises(SystemExit) as stopped:
        run.main()
    assert str(stopped.value).startswith(f"error: {message}")


def test_help_says_how(capsys):
    run.run([])
    assert "python -m espnet2_nhv.run -m espnet2.bin.gan_svs_train" in capsys.readouterr().out


def test_init_param_that_names_nothing_is_refused(tmp_path):
    path = tmp_path / "model.pth"
    torch.save({"svs.weight": torch.ones(2)}, path)
    model = torch.nn.Module()
    model.net = torch.nn.Module()
    model.net.weight = torch.nn.Parameter(torch.zeros(2))
    abs_task.load_pretrained_model(f"{path}:svs:net", model, False)
    np.testing.assert_array_equal(model.net.weight.detach(), 1.0)
    with pytest.raises(UserError, match="no weight in .* begins with 'tts.'; there are svs"):
        abs_task.load_pretrained_model(f"{path}:tts:net", model, False)
    with pytest.raises(UserError, match="there is no file"):
        abs_task.load_pretrained_model(f"{path}x:svs:net", model, False)
