"""Trainings in processes of their own: killed, interrupted, two at a time."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
from pathlib import Path

import pytest
import torch
from tiny_dump import SPEC, features, tone, write_set
from tiny_training import epochs, here, options, root, train  # noqa: F401
from waiting import LONG, until

from espnet2_nhv import load_vocoder
from espnet2_nhv.train.checkpoint import trained_so_far


@pytest.mark.slow
def test_killed_and_run_again():
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "espnet2_nhv.bin.train", *options("killed")]
    process = subprocess.Popen([*command, "--max_epoch", "100000"], env=environment, stderr=subprocess.DEVNULL)
    try:
        log = Path("exp/killed/train.log")
        until(lambda: log.exists() and "3/100000epoch started" in log.read_text(), process)
    finally:
        process.kill()
        process.wait()
    log = log.read_text()
    started = max(int(line.split("/")[0].split()[-1]) for line in log.splitlines() if "epoch started" in line)
    assert started >= 3

    last = started + 2
    done = subprocess.run([*command, "--max_epoch", str(last)], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "saved vocoder: exp/killed/vocoder"
    log = Path("exp/killed/train.log").read_text()
    assert "The training was resumed" in log and "Model structure" in log and "command: " in log
    # A pipe gets a line an epoch and hardly more, all of them ours.
    said = done.stderr.splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\d [\d:,]+ INFO: ", line) for line in said), done.stderr
    words = re.compile(r"INFO: epoch (\d+), step (\d+): generator .*; [\d.e+-]+ steps/s, .*; validation: generator ")
    lines = map(words.search, said)
    trained = [(int(line[1]), int(line[2])) for line in lines if line]
    assert trained == [(epoch, 3 * epoch) for epoch in range(trained[0][0], last + 1)], said
    # Killed as an epoch starts, before the checkpoint is known to be whole: the one before it counts.
    assert started - 1 <= trained[0][0] <= started + 1
    assert len(said) < 10
    stats = epochs("killed")
    assert sorted(stats) == list(range(1, last + 1))
    assert trained_so_far(Path("exp/killed"))["steps"] == 3 * last
    assert not Path("exp/killed/checkpoint.before.pth").exists()
    load_vocoder("exp/killed/vocoder")


@pytest.mark.slow
def test_a_terminal_shows_one_live_line_until_ctrl_c():
    # A shell's background jobs ignore SIGINT, and so would this one if the tests run in one.
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    code += "import runpy; runpy.run_module('espnet2_nhv.bin.train', run_name='__main__', alter_sys=True)"
    arguments = options("live", "--max_epoch", "100000", "--num_iters_per_epoch", "100000", "--max_epoch_time", "1h")
    terminal, end = pty.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 150, 0, 0))  # rows and columns; a new one has none
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments], env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=end, stderr=end,
    )  # fmt: skip
    os.close(end)
    said, sent, alarm = b"", 0, threading.Timer(LONG, process.kill)
    alarm.start()
    try:
        while True:
            said += os.read(terminal, 4096)
            # Again where it goes on all the same: Python drops an exception that meets it in a destructor.
            if said.count(b"steps/s") > 2 + 50 * sent:
                process.send_signal(signal.SIGINT)
                sent += 1
    except OSError:  # the other end is closed
        pass
    finally:
        alarm.cancel()
        process.kill()
        os.close(terminal)
    assert sent and process.wait() == 130, said.decode()
    lines = [line for line in re.split(r"[\r\n]+", said.decode()) if line.strip()]
    live = [line for line in lines if "steps/s" in line]
    rate = r"[\d.e+-]+ steps/s, [\d.]+ (s|min|h) left"
    assert re.search(rf"\d+%\|.*\| epoch 1, step \d+, {rate}, generator [\d.]+ \(mr_stft", live[-1]), live
    assert lines[-1] == "interrupted; the same command goes on where it stopped", lines[-3:]
    assert "Model structure" not in said.decode() and "Traceback" not in said.decode()


SMALL_DISCRIMINATOR = """{
    scales: 1, periods: [2], period_discriminator_params: {channels: 4, max_downsample_channels: 16},
    scale_discriminator_params: {channels: 8, max_downsample_channels: 32, max_groups: 4},
}"""


@pytest.mark.slow
def test_two_processes_train_as_one_does():
    """ESPnet's distributed path, as --ngpu 2 takes it, with gloo on the CPU: the same losses, the same weights."""
    # Utterances of one segment each, so that chance has no part in what is cut out of them.
    utterances = {}
    for index in range(4):
        wav, f0 = tone(16 * SPEC.hop_length / SPEC.fs, 150 * (index + 1), seed=index)
        utterances[f"utt{index}"] = wav, *features(wav, f0)
    for name in ("train", "dev"):
        write_set(Path("same") / name, utterances)
    train(
        "one", "--train_data", "same/train", "--valid_data", "same/dev", "--stats_dir", "exp/same_stats",
        "--batch_size", "4", "--budget", "5steps", "--optim", "sgd", "--optim_conf", "lr=0.01", "--optim2", "sgd",
        "--optim2_conf", "lr=0.01", "--discriminator", "hifigan_msmpd", "--discriminator_conf", SMALL_DISCRIMINATOR,
        "--loss_weights", "{mr_stft: 1.0, mel: 1.0, adversarial: 1.0, feature_matching: 1.0}",
        # The linear term is divided by the level of what a process has of the batch.
        "--adversarial_start_steps", "2", "--stft_loss_conf", "linear_weight=0.0", "--shuffle_within_batch", "false",
    )  # fmt: skip
    script = Path("distributed.py")
    script.write_text(DISTRIBUTED)
    processes = [
        subprocess.Popen(
            [sys.executable, str(script), str(rank)], env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.DEVNULL, stderr=open(f"said{rank}", "w"),
        )
        for rank in range(2)
    ]  # fmt: skip
    try:
        until(lambda: all(process.poll() is not None for process in processes) or any(p.poll() for p in processes))
        for rank, process in enumerate(processes):
            assert process.poll() == 0, Path(f"said{rank}").read_text()
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert trained_so_far(Path("exp/two"))["steps"] == 5
    one, two = epochs("one"), epochs("two")
    assert sorted(one) == sorted(two) == [1, 2]
    for epoch in one:
        for phase, losses in (
            ("train", ("generator_loss", "mr_stft", "mel", "adversarial", "feature_matching", "discriminator_loss")),
            ("valid", ("generator_loss", "mr_stft", "mel")),
        ):
            for loss in losses:
                assert two[epoch][phase][loss] == pytest.approx(one[epoch][phase][loss], rel=1e-4), (epoch, phase, loss)
    # Gradients are shared, so both end with the same weights, steps and time; those of one process.
    hashes = [Path(f"hash{rank}").read_text() for rank in range(2)]
    assert hashes[0] == hashes[1]
    weights = [torch.load(f"exp/{name}/latest.pth", weights_only=True) for name in ("one", "two")]
    for name, value in weights[0].items():
        if value.is_floating_point():
            torch.testing.assert_close(weights[1][name], value, rtol=1e-3, atol=1e-4, msg=name)


DISTRIBUTED = """
import argparse
import sys
from pathlib import Path

import yaml

from espnet2_nhv.train.task import GANVocoderTask

rank = int(sys.argv[1])
args = argparse.Namespace(**yaml.safe_load(Path("exp/one/config.yaml").read_text()))
args.output_dir = "exp/two"
args.distributed, args.multiprocessing_distributed = True, False
args.dist_world_size, args.dist_rank, args.local_rank = 2, rank, None
args.dist_backend, args.dist_init_method = "gloo", f"file://{Path('rendezvous').resolve()}"
models, build = [], GANVocoderTask.build_model
GANVocoderTask.build_model = lambda args: models.append(build(args)) or models[-1]
GANVocoderTask.main_worker(args)
total = sum(float(p.detach().double().sum()) for p in models[0].parameters())
Path(f"hash{rank}").write_text(f"{total:.9f} {int(models[0].steps)} {int(models[0].milliseconds)}")
"""
