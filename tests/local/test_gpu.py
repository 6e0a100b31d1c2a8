"""A GPU's minutes, rehearsed on the CPU: what is run, that it stops in time and goes on, and what is taken home."""

import json
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import gpu
import gpu_joint
import gpu_results
import gpu_sound
import pytest
import soundfile
import torch
from tiny_dump import write_dump
from waiting import LONG

from espnet2_nhv import load_vocoder
from espnet2_nhv.errors import UserError
from espnet2_nhv.train.curve import read_curve
from espnet2_nhv.vocoder.registry import build_vocoder
from espnet2_nhv.vocoder.saved import save_vocoder


def arguments(tmp_path, *options):
    given = [
        "--dump",
        str(tmp_path / "dump"),
        "--out",
        str(tmp_path / "out"),
        "--device",
        "cpu",
        "--trained_on",
        "tones",
    ]
    return gpu.get_parser().parse_args([*given, *options])


def test_everything_is_there_in_order_of_worth(tmp_path):
    tasks = gpu.tasks_of(arguments(tmp_path))
    folders = [str(task.folder.relative_to(tmp_path / "out") / task.name) for task in tasks]
    assert folders[0] == "parity" and folders[-1] == "nccl"
    assert len([name for name in folders if name.startswith("light/")]) == 10
    assert "full/bigvgan/train" in folders and "full/nhv/train" not in folders
    assert [name for name in folders if name.startswith("real/")][:2] == ["real/nhv/train", "real/hifigan/train"]
    assert not [name for name in folders if name.startswith("joint/")]  # for these there are no scores
    songs = gpu.tasks_of(arguments(tmp_path, "--songs", str(tmp_path)))
    assert [task.name for task in songs if "joint" in str(task.folder)] == list(gpu_joint.JOBS)
    with pytest.raises(UserError, match="--jobs joint needs --songs"):
        gpu.tasks_of(arguments(tmp_path, "--jobs", "joint"))
    (tmp_path / "out").mkdir()
    (tmp_path / "out/parity.json").write_text("[]")  # done in an earlier run
    assert gpu.tasks_of(arguments(tmp_path))[0].name != "parity"


@pytest.mark.slow
def test_a_rehearsal_trains_goes_on_and_packs(tmp_path, monkeypatch):
    write_dump(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(gpu.ROOT)))
    options = ["--jobs", "light", "--vocoders", "nhv", "--train_args", "--batch_size=2 --valid_segments=2"]
    args = arguments(tmp_path, *options)
    gpu.collect_statistics(args)
    (task,) = gpu.tasks_of(args)
    assert task.start(0.001).wait() == 0  # one step at least
    first = read_curve(task.folder)
    assert task.start(0.001).wait() == 0
    second = read_curve(task.folder)
    assert second[-1]["steps"] > first[-1]["steps"] >= 1 and second[-1]["seconds"] > first[-1]["seconds"]

    (tmp_path / "out/light/nhv/vocoder/vocoder.yaml").unlink()  # as if it had been stopped before it saved
    gpu_results.finish_training(task.folder, args)
    (tmp_path / "out/runs.json").write_text(json.dumps([dict(minutes=1, jobs=["light"], at_once=3, device="CPU")]))
    text = gpu_results.write_results(tmp_path / "out").read_text()
    assert "1 minutes on CPU: light" in text and f"| nhv | {second[-1]['steps']} |" in text
    (packed,) = gpu_results.pack(tmp_path / "out", 4.0)
    assert packed.stat().st_size < 2.2e6  # 0.77 M numbers in half precision
    with tarfile.open(packed) as tar:
        tar.extractall(tmp_path / "home", filter="data")
    taken, made = (load_vocoder(folder / "light/nhv/vocoder") for folder in (tmp_path / "home", tmp_path / "out"))
    for name, value in made.state_dict().items():
        assert taken.state_dict()[name].dtype == value.dtype
        assert torch.allclose(taken.state_dict()[name], value, rtol=1e-3, atol=1e-4)

    for _ in range(2):  # what is there already is kept
        gpu_sound.decode_trained(
            tmp_path / "out", [str(tmp_path / "dump/dev"), "nowhere"], "cpu", 2, time.monotonic() + LONG
        )
    assert "no feature spec" in (tmp_path / "out/light/nhv/decode_nowhere.log").read_text()
    made = sorted((tmp_path / "out/light/nhv/decode/dev/wav").glob("*.wav"))
    large, small = gpu_sound.pack_sound(tmp_path / "out", 13.0), gpu_sound.pack_sound(tmp_path / "out", 1e-6)
    assert [path.name for path in large] == [path.name for path in small] == ["sound-1.tar"]
    with tarfile.open(large[0]) as tar:
        tar.extractall(tmp_path / "heard", filter="data")
    for path in made:
        taken = tmp_path / "heard" / path.relative_to(tmp_path / "out").with_suffix(".flac")
        assert (soundfile.read(taken, dtype="int16")[0] == soundfile.read(path, dtype="int16")[0]).all()
    scp = (tmp_path / "heard/light/nhv/decode/dev/wav.scp").read_text().split()
    assert made and scp[1::2] == [str(path.with_suffix(".flac")) for path in made]


def test_a_joint_training_is_interrupted_in_time_and_taken_home_without_its_judge(tmp_path, monkeypatch):
    task = gpu_joint.JointTask("adversary-0", tmp_path, tmp_path / "out/joint/adversary-0", "cpu", "--batch_size 2")
    options = task.command[task.command.index("--train_args") + 1]
    assert (
        "discriminator_type=hifigan_multi_scale_multi_period_discriminator" in options and "--batch_size 2" in options
    )
    assert task.command[task.command.index("--ngpu") + 1] == "0"
    task.command = [sys.executable, "-c", "import time; time.sleep(10000)"]
    assert task.start(0.5).wait(LONG) == 124
    assert (task.folder / "xiaoice/latest.pth").samefile(gpu.ROOT / "pretrained/sing_pjs/model.pth")

    model = task.folder / "xiaoice_nhv"
    model.mkdir()
    (model / "config.yaml").write_text("svs: joint_score2wav\n")
    (model / "train.log").write_text(
        "1epoch results: [train] mel_loss=3.1, [valid] mel_loss=2.5, loss=9\n"
        "2epoch results: [train] mel_loss=2.1, [valid] mel_loss=-1.5e+01, loss=9\n"
    )
    weights = {"svs.generator.a": torch.randn(64, 64), "svs.discriminator.b": torch.randn(64, 64)}
    torch.save(weights, model / "latest.pth")
    assert gpu_joint.joint_rows(tmp_path / "out") == [
        dict(model="adversary-0", epochs=2, **{"valid mel_loss": "-1.5e+01"})
    ]
    (packed,) = gpu_results.pack(tmp_path / "out", 1.0)
    with tarfile.open(packed) as tar:
        tar.extractall(tmp_path / "home", filter="data")
    taken = torch.load(tmp_path / "home/joint/adversary-0/xiaoice_nhv/latest.pth", weights_only=True)
    assert list(taken) == ["svs.generator.a"] and taken["svs.generator.a"].dtype == torch.float16
    assert (tmp_path / "home/joint/adversary-0/xiaoice_nhv/config.yaml").read_text() == "svs: joint_score2wav\n"


class Clock:
    """Time that passes only where somebody sleeps."""

    now = 100.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


def test_it_stops_in_time(tmp_path, monkeypatch):
    class Sleeper(gpu.Task):
        def start(self, seconds):
            given.append(seconds)
            command = [sys.executable, "-c", self.command[0]] if self.command else ["true"]
            started.append(subprocess.Popen(command, start_new_session=True))
            if not self.command:
                started[-1].wait()
            return started[-1]

    given, started, clock = [], [], Clock()
    sleepers = [Sleeper(str(n), ["import time; time.sleep(10000)"], tmp_path, trains=False) for n in range(2)]
    quick = Sleeper("quick", [], tmp_path, trains=False)
    monkeypatch.setattr(gpu, "STARTING", 0.5)
    monkeypatch.setattr(gpu, "time", clock)
    gpu.spend([quick, *sleepers], clock.now + 3.0, at_once=2)
    assert clock.now == pytest.approx(103.1, abs=0.11)
    # Two turns for three tasks, so half of the time for the first two; then what is left.
    assert given == pytest.approx([1.0, 1.0, 2.3])
    assert all(process.wait(LONG) != 0 for process in started[1:])


def test_what_does_not_fit_is_left_out_and_named(tmp_path, caplog):
    for name in ("a", "b", "c"):
        save_vocoder(build_vocoder("hifigan", channels=64), tmp_path / "light" / name / "vocoder", "CC0", "nothing")
    whole = gpu_results.pack(tmp_path, 13.0)
    size = whole[0].stat().st_size / 1e6
    paths = gpu_results.pack(tmp_path, size / 2.5)
    assert len(paths) == 2 and all(path.stat().st_size / 1e6 <= size / 2.5 for path in paths)
    assert "does not fit" in caplog.text and "light/c/vocoder" in caplog.text
    names = [name for path in paths for name in tarfile.open(path).getnames() if name.endswith(".pth")]
    assert names == ["light/a/vocoder/vocoder.pth", "light/b/vocoder/vocoder.pth"]


def test_the_front_says_what_is_wrong():
    tool = [str(gpu.ROOT / "tools/gpu.sh"), "--minutes", "0.1"]
    run = subprocess.run(tool, capture_output=True, text=True, env={"PYTHON": sys.executable, "PATH": "/usr/bin:/bin"})
    assert run.returncode == 1 and run.stderr.strip().startswith("error: --minutes is 0.1: give more than")
    assert len(run.stderr.strip().splitlines()) == 1
