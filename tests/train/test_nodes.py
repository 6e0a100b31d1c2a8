"""Trainings of several machines: who prepares, who waits, and the scripts that start them."""

import argparse
import os
import subprocess
import threading
from pathlib import Path

import pytest
from waiting import LONG

from espnet2_nhv.errors import UserError
from espnet2_nhv.train.nodes import Nodes

JOBS = Path(__file__).resolve().parents[2] / "local" / "jobs"


def node(rank, init="file:///nowhere", count=2):
    return Nodes(argparse.Namespace(dist_world_size=count, dist_rank=rank, dist_launcher=None, dist_init_method=init))


def test_all_but_the_first_wait_for_it(tmp_path):
    init = f"file://{tmp_path}/init"
    first, second = node(0, init), node(1, init)
    assert first.is_first and not second.is_first and first.count == 2
    first.wait()  # at once
    passed = threading.Event()
    waiting = threading.Thread(target=lambda: (second.wait(), passed.set()))
    waiting.start()
    assert not passed.wait(0.5)
    first.announce()
    waiting.join(timeout=LONG)
    assert passed.is_set()
    with pytest.raises(UserError, match="the first process has not got ready"):
        node(1, f"file://{tmp_path}/other").wait(patience=0.0)


def test_one_process_waits_for_nobody():
    alone = node(None, "env://", count=None)
    assert alone.is_first and alone.count == 1
    alone.wait()
    alone.announce()


def test_local_jobs_log_and_tell_their_status(tmp_path):
    log = tmp_path / "log" / "job.log"
    done = subprocess.run(
        [JOBS / "run.pl", "--gpu", "0", log, "bash", "-c", "echo said; exit 3"], stderr=subprocess.PIPE
    )
    assert done.returncode == 3 and f"see {log}" in done.stderr.decode()
    assert "said" in log.read_text().splitlines() and "status 3" in log.read_text()
    assert subprocess.run([JOBS / "run.pl", log, "true"]).returncode == 0


def test_slurm_jobs_are_submitted_and_waited_for(tmp_path):
    sbatch = tmp_path / "bin" / "sbatch"
    sbatch.parent.mkdir()
    sbatch.write_text('#!/usr/bin/env bash\necho "$@" > sbatch.txt\nbash\n')
    sbatch.chmod(0o755)
    env = {**os.environ, "PATH": f"{sbatch.parent}:{os.environ['PATH']}", "SBATCH_OPTIONS": "--partition gpu"}
    command = [JOBS / "slurm.pl", "--gpu", "4", "--num_threads", "4", "--num_nodes", "2", "x.log", "touch", "a b"]
    assert subprocess.run(command, env=env, cwd=tmp_path).returncode == 0
    assert (tmp_path / "a b").exists()
    asked = (tmp_path / "sbatch.txt").read_text()
    for option in ("--wait", "--nodes 2", "--gres gpu:4", "--cpus-per-task 4", "--output x.log", "--partition gpu"):
        assert option in asked
