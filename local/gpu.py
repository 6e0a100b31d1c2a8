"""Spend some minutes of a GPU in order of worth: checks against the CPU, speed, trainings side by side.

What is done is not done again; a training goes on where the last run stopped. tools/gpu.sh calls this.
"""

import argparse
import json
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Dict, List

from gpu_joint import joint_tasks
from gpu_results import finish_training, pack, write_results
from gpu_sound import decode_trained, pack_sound

from espnet2_nhv.bin.cli import run_cli
from espnet2_nhv.errors import UserError
from espnet2_nhv.train.curve import read_curve
from espnet2_nhv.vocoder.upsample_layer import UPSAMPLINGS

ROOT = Path(__file__).resolve().parents[1]
KINDS = ("parity", "light", "full", "joint", "refiner", "upsampling", "speed", "real", "nccl")  # in order of worth
TIERS = ("light", "full")  # all configurations of conf/train/TIER
CLOSING = 15.0  # s, to end what still runs, save and write the results
DECODING = 90.0  # s at most, to decode what was trained
STARTING = 20.0  # s, that a process needs before its first step
REAL = ("nhv", "hifigan", "bigvgan", "vocos", "wavehax")  # at their own sizes, against their own discriminators


class Task:
    """A process: what it is called, its command without a budget, and whether it trains.

    A task that does not train takes --seconds and is done where it has written its result.
    """

    def __init__(self, name: str, command: List[str], folder: Path, trains: bool, budget: bool = False):
        self.name, self.command, self.folder = name, command, folder
        self.trains, self.budget = trains, budget

    @property
    def is_done(self) -> bool:
        return not self.trains and (self.folder / f"{self.name}.json").exists()

    def start(self, seconds: float) -> subprocess.Popen:
        """Start it with so many seconds of its own, beside what it has had in earlier runs."""
        self.folder.mkdir(parents=True, exist_ok=True)
        limit = []
        if self.trains:
            curve = read_curve(self.folder)
            limit = ["--budget", f"{seconds + (curve[-1]['seconds'] if curve else 0.0):.3f}s"]
            limit += ["--max_epoch_time", f"{max(seconds / 12, 1.0):.1f}s"]
        elif self.budget:
            limit = ["--budget", f"{seconds:.3f}s"]
        else:
            limit = ["--seconds", f"{seconds:.1f}"]
        with open(self.folder / f"{self.name}.log", "a") as log:
            return subprocess.Popen(
                [sys.executable, *self.command, *limit], stdout=log, stderr=log, start_new_session=True
            )


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tools/gpu.sh", description=__doc__)
    add = parser.add_argument
    add("--minutes", type=float, default=60.0, help="to spend in all (60)")
    add("--dump", default="dump", help="features: folder with train and dev (dump)")
    add(
        "--songs",
        type=Path,
        help="of joint trainings: where run.sh and stages 1 and 2 of joint.sh worked",
    )
    add("--out", default="exp/gpu", help="for everything that is made (exp/gpu)")
    add("--jobs", nargs="+", default=list(KINDS), choices=KINDS, help="which, in this order (all, in order of worth)")
    add("--vocoders", nargs="+", help="of the tiers and of the checks, only these (all)")
    add("--at_once", type=int, default=1, help="processes side by side (1: times are those of a machine for itself)")
    add("--device", default="cuda", help="cuda, or cpu for a rehearsal")
    add("--train_args", default="", help='further options of every training, e.g. "--batch_size 16"')
    add("--joint_args", default="", help='further options of every joint training, e.g. "--use_tf32 true"')
    add(
        "--decode",
        nargs="+",
        default=[],
        metavar="SET",
        help="sets of features, e.g. dump/eval, that all who are trained then sing",
    )
    add("--trained_on", default="unknown", help="the corpus and its licence; written beside the weights")
    add("--megabytes", type=float, default=13.0, help="the most that a packed file holds (13)")
    return parser


def tasks_of(args: argparse.Namespace) -> List[Task]:
    """All that was asked for, in order of worth."""
    out, made = Path(args.out), []
    chosen = ["--vocoders", *args.vocoders] if args.vocoders else []
    data = ["--train_data", f"{args.dump}/train", "--valid_data", f"{args.dump}/dev", "--stats_dir", f"{out}/stats"]
    for kind in args.jobs:
        if kind in ("parity", "speed", "nccl"):
            command = ["-m", "espnet2_nhv.bin.device", kind, "--device", args.device, "--out", f"{out}/{kind}.json"]
            command += [] if kind == "nccl" else chosen
            if kind == "speed":
                command += ["--configs", str(ROOT / "conf/train"), *([] if args.device != "cpu" else ["--tiny"])]
            made.append(Task(kind, command, out, trains=False))
        elif kind == "refiner":
            command = ["-m", "espnet2_nhv.bin.train_refiner", "--data", f"{args.dump}/train", "--out", f"{out}/refiner"]
            command += ["--channels", "160", "--n_blocks", "4", "--device", args.device]
            made.append(Task("train", command, out / "refiner", trains=False, budget=True))
        elif kind == "joint":
            if args.songs:
                made += joint_tasks(args.songs, out, args.device, args.joint_args)
            elif args.jobs != list(KINDS):
                raise UserError("--jobs joint needs --songs, the folder in which joint.sh made scores and statistics")
        elif kind == "upsampling":
            # HiFi-GAN V2 of half the channels in the light tier, which differs in one option.
            for name in UPSAMPLINGS:
                command = ["--config", str(ROOT / "conf/train/light/hifigan-v2.yaml"), *data]
                command += ["--vocoder_conf", "channels=64", "--vocoder_conf", f"upsampling={name}"]
                made.append(_training(command, out / kind / name, args))
        else:
            configs = ROOT / "conf/train" / (kind if kind in TIERS else ".")
            names = sorted(p.stem for p in configs.glob("[!_]*.yaml")) if kind in TIERS else REAL
            for name in names:
                if args.vocoders and name not in args.vocoders:
                    continue
                made.append(_training(["--config", str(configs / f"{name}.yaml"), *data], out / kind / name, args))
    return [task for task in made if not task.is_done]


def _training(config: List[str], folder: Path, args: argparse.Namespace) -> Task:
    options = ["-m", "espnet2_nhv.bin.train", *config]
    options += ["--output_dir", str(folder), "--num_iters_per_epoch", "1000000", "--num_workers", "1"]
    options += ["--ngpu", "1" if args.device.startswith("cuda") else "0"]
    options += ["--inference_model", "latest.pth", "--trained_on", args.trained_on, *args.train_args.split()]
    return Task("train", options, folder, trains=True)


def spend(tasks: List[Task], end: float, at_once: int) -> None:
    """Run the tasks, `at_once` side by side, in equal shares of what is left until `end` (of time.monotonic)."""
    running: Dict[Task, subprocess.Popen] = {}
    waiting = list(tasks)
    while (waiting or running) and time.monotonic() < end:
        for task, process in list(running.items()):
            if process.poll() is not None:
                del running[task]
                if process.returncode not in (0, 124, 137):  # the two of timeout
                    logging.warning("%s ended with status %d, see its log", task.folder / task.name, process.returncode)
        while waiting and len(running) < at_once:
            left, turns = end - time.monotonic(), -(-(len(waiting) + len(running)) // at_once)
            seconds = left / turns - STARTING
            if seconds <= 0:
                logging.warning("no time left for %d of %d", len(waiting), len(tasks))
                waiting.clear()
                break
            task = waiting.pop(0)
            logging.info("%s/%s: %.0f s", task.folder, task.name, seconds)
            running[task] = task.start(seconds)
        time.sleep(0.2)
    for process in running.values():  # what has not ended by itself goes on from its checkpoint another time
        os.killpg(process.pid, signal.SIGINT)
    for process in running.values():
        try:
            process.wait(timeout=3)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def main() -> None:
    args = get_parser().parse_args()
    end = time.monotonic() + 60 * args.minutes
    if args.minutes * 60 <= CLOSING + STARTING:
        raise UserError(f"--minutes is {args.minutes}: give more than {(CLOSING + STARTING) / 60:.1f}")
    if args.at_once < 1:
        raise UserError(f"--at_once is {args.at_once}: give 1 or more")
    import torch

    if args.device.startswith("cuda") and not torch.cuda.is_available():
        raise UserError("PyTorch sees no CUDA device here: --device cpu rehearses on the CPU")
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    tasks = tasks_of(args)
    if any(task.trains or task.budget for task in tasks):
        collect_statistics(args)
    device = torch.cuda.get_device_name(0) if args.device.startswith("cuda") else "CPU (a rehearsal)"
    runs = json.loads((out / "runs.json").read_text()) if (out / "runs.json").exists() else []
    runs.append(dict(minutes=args.minutes, jobs=args.jobs, at_once=args.at_once, device=device))
    (out / "runs.json").write_text(json.dumps(runs, indent=1) + "\n")
    singing = min(DECODING, 0.2 * 60 * args.minutes) if args.decode else 0.0
    spend(tasks, end - CLOSING - singing, args.at_once)
    for task in tasks:
        if task.trains:
            finish_training(task.folder, args)
    if args.decode:
        decode_trained(out, args.decode, args.device, args.at_once, end - CLOSING)
    print(f"results: {write_results(out)}")
    for path in [*pack(out, args.megabytes), *pack_sound(out, args.megabytes)]:
        print(f"packed: {path}")


def collect_statistics(args: argparse.Namespace) -> None:
    """Of the features, once, for all trainings: side by side they would each begin to make them."""
    from espnet2_nhv.train.config import load_config
    from espnet2_nhv.train.dump import Dump
    from espnet2_nhv.train.stats import collect_stats
    from espnet2_nhv.train.task import GANVocoderTask

    train, dev = Dump.load(f"{args.dump}/train"), Dump.load(f"{args.dump}/dev")
    options = vars(GANVocoderTask.get_parser().parse_args([]))
    options.update(load_config(ROOT / "conf/train/light/nhv.yaml"), spec=train.spec.to_dict())
    collect_stats(GANVocoderTask, argparse.Namespace(**{**options, "stats_dir": f"{args.out}/stats"}), train, dev)


if __name__ == "__main__":
    run_cli(main)
