"""Joint trainings among a GPU's minutes: acoustic model and vocoder as one, by ESPnet's trainers through joint.sh."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Dict, List

from half import halved

ROOT = Path(__file__).resolve().parents[1]
MODELS = ("xiaoice_nhv", "visinger_nhv")  # folders that joint.sh's stages 4 and 8 make
_SING, _VOCODER = ROOT / "pretrained/sing_pjs", ROOT / "pretrained/nhv"
_STRONG = ["--svs_conf discriminator_type=hifigan_multi_scale_multi_period_discriminator"]
_STRONG += ["--svs_conf discriminator_params={}"]
_HIFIGAN = '{"channels":128,"upsample_scales":[8,8,4,2],"upsample_kernel_sizes":[16,16,8,4]}'


def _weights(adversarial: float, matching: float) -> List[str]:
    return [f"--svs_conf lambda_adv={adversarial}", f"--svs_conf lambda_feat_match={matching}"]


# In order of worth: stage of joint.sh, options of the trainer. All start from pretrained/sing_pjs but VISinger.
JOBS: Dict[str, tuple] = {
    "adversary-0": (4, [*_STRONG, *_weights(0.5, 0.5), "--seed 0"]),
    "spectra-0": (4, ["--svs_conf discriminator_type=none", "--seed 0"]),
    "adversary-1": (4, [*_STRONG, *_weights(0.5, 0.5), "--seed 1"]),
    "spectra-1": (4, ["--svs_conf discriminator_type=none", "--seed 1"]),
    "visinger": (8, []),
    "hifigan": (
        4,
        [f"--svs_conf vocoder_type=hifigan_generator --svs_conf vocoder_params={_HIFIGAN}"]
        + ["--svs_conf vocoder_loss=null --svs_conf lambda_mel=45.0", *_STRONG, *_weights(1.0, 2.0)],
    ),
}


class JointTask:
    """A joint training in `songs`, where joint.sh's stages 1 and 2 have been; goes on from its last epoch."""

    trains = budget = is_done = False

    def __init__(self, name: str, songs: Path, folder: Path, device: str, train_args: str = ""):
        stage, options = JOBS[name]
        self.name, self.songs, self.folder = name, songs, folder.resolve()
        if stage == 4:
            options = [
                *options,
                "--freeze_param svs.generator.score2mel.f0_predictor",
                f"--normalize_conf stats_file={_SING / 'feats_stats.npz'}",
            ]
        # Checkpoints are of epochs, and the time is over in the middle of one.
        given = ["--max_epoch 100000 --num_iters_per_epoch 150 --use_tensorboard false", *options, train_args]
        self.command = ["bash", str(ROOT / "local/joint.sh"), "--stage", str(stage), "--stop_stage", str(stage)]
        self.command += ["--python", sys.executable, "--expdir", str(self.folder), "--vocoder", str(_VOCODER)]
        self.command += ["--ngpu", str(int(device != "cpu")), "--train_args", " ".join(given).strip()]

    def start(self, seconds: float) -> subprocess.Popen:
        """Start it; it is interrupted after so many seconds, as by Ctrl-C."""
        (self.folder / "xiaoice").mkdir(parents=True, exist_ok=True)
        for path, made in ((self.folder / "xiaoice/latest.pth", _SING / "model.pth"),
                           (self.folder / "stats", self.songs / "exp/joint/stats")):  # fmt: skip
            if not path.exists():
                path.symlink_to(made.resolve())
        # In a session of its own, whose processes timeout interrupts together.
        command = ["timeout", "--signal=INT", "--kill-after=5", f"{seconds:.1f}", *self.command]
        with open(self.folder / f"{self.name}.log", "a") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, cwd=self.songs, start_new_session=True)


def joint_tasks(songs: Path, out: Path, device: str, train_args: str = "") -> List[JointTask]:
    """All joint trainings, in order of worth."""
    return [JointTask(name, songs, out / "joint" / name, device, train_args) for name in JOBS]


def joint_rows(out: Path) -> List[dict]:
    """What ESPnet said of the last epoch of each."""
    rows = []
    for log in sorted(log for model in MODELS for log in out.glob(f"joint/*/{model}/train.log")):
        epochs = [line for line in log.read_text(errors="replace").splitlines() if "epoch results" in line]
        row = dict(model=log.parent.parent.name, epochs=len(epochs))
        if epochs:
            said = re.search(r"\[valid\](.*)", epochs[-1])
            found = dict(re.findall(r"(\w+)=([-+.\de]+)", said.group(1))) if said else {}
            row["valid mel_loss"] = found.get("mel_loss", found.get("generator_mel_loss"))
        rows.append(row)
    return rows


def joint_files(folder: Path) -> Dict[Path, bytes]:
    """Of a joint model's folder: its configuration and its last weights in half precision, without discriminators."""
    files = (folder / "config.yaml", folder / "latest.pth")
    if not all(path.exists() for path in files):
        return {}
    return {files[0]: files[0].read_bytes(), files[1]: halved(files[1], leave_out=".discriminator.")}
