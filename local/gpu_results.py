"""What a GPU's minutes left: RESULTS_GPU.md, and small files to take home."""

import argparse
import io
import json
import logging
import tarfile
from itertools import chain
from pathlib import Path
from typing import Dict, List

from gpu_joint import MODELS, joint_files, joint_rows
from half import halved

from espnet2_nhv.errors import UserError
from espnet2_nhv.train.curve import read_curve

TRAININGS = {  # folders of what trains, and what they are called
    "light": "The light tier",
    "full": "The full tier",
    "upsampling": "Ways to upsample, in HiFi-GAN V2 of half the channels",
    "real": "At their own sizes, against their own discriminators",
}
_SMALL = ("vocoder.yaml", "training.yaml", "curve.jsonl", "config.yaml", "refiner.yaml")


def finish_training(folder: Path, args: argparse.Namespace) -> None:
    """Save the vocoder of the last checkpoint, where the training could not do so itself."""
    from espnet2_nhv.train.finish import finish
    from espnet2_nhv.train.provenance import provenance

    checkpoint, saved = folder / "checkpoint.pth", folder / "vocoder" / "vocoder.yaml"
    if not checkpoint.exists() or (saved.exists() and saved.stat().st_mtime > checkpoint.stat().st_mtime):
        return
    given = dict(trained_on=args.trained_on, licence=None, sources=None, init_vocoder=None)
    data = argparse.Namespace(train_data=f"{args.dump}/train", **given)
    try:
        finish(folder, "latest.pth", *provenance(data))
    except UserError as error:
        logging.warning("%s", error)


def write_results(out: Path) -> Path:
    """Write `out`/RESULTS_GPU.md of what lies there."""
    runs = json.loads((out / "runs.json").read_text())
    parts = ["# Results on a GPU", "Nothing stands here that was not run; made by `tools/gpu.sh` in:"]
    parts.append(
        "\n".join(f"- {run['minutes']:g} minutes on {run['device']}: {', '.join(run['jobs'])}" for run in runs)
    )
    parts.append(
        f"The most processes side by side were {max(run['at_once'] for run in runs)}: they share the device, and "
        "steps a second and times are those of a shared one unless that number is 1."
    )
    for title, name in (("Against the CPU", "parity"), ("Speed", "speed"), ("Processes that train together", "nccl")):
        path = out / f"{name}.json"
        if path.exists():
            parts += [f"## {title}", _table(json.loads(path.read_text()))]
    for kind, title in TRAININGS.items():
        rows = [_training_row(folder) for folder in sorted((out / kind).glob("*")) if folder.is_dir()]
        if rows:
            parts += [f"## {title}", "Validation at the end, on segments of dev.", _table(rows)]
    rows = joint_rows(out)
    if rows:
        parts += [
            "## Acoustic model and vocoder as one",
            "ESPnet's validation after the last whole epoch.",
            _table(rows),
        ]
    path = out / "RESULTS_GPU.md"
    path.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return path


def _training_row(folder: Path) -> dict:
    curve = read_curve(folder)
    if not curve:
        return dict(vocoder=folder.name, steps=0)
    last = curve[-1]
    row = dict(vocoder=folder.name, steps=last["steps"], seconds=round(last["seconds"], 1))
    row["steps a second"] = round(last["steps"] / max(last["seconds"], 1e-9), 2)
    return {**row, **{key: last.get(key) for key in ("mr_stft", "mel", "periodicity")}}


def _table(rows: List[dict]) -> str:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    lines = [columns, ["---"] * len(columns)]
    lines += [["" if row.get(key) is None else str(row[key]) for key in columns] for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def pack(out: Path, megabytes: float) -> List[Path]:
    """Tar files of at most so many megabytes: weights as half precision, cards, curves, results; not the checkpoints.

    What does not fit into two is left out, the last in the alphabet, joint models before all, and named.
    """
    small = {}
    for path in [*out.glob("*.json"), *out.glob("*.md"), *out.rglob("curve.jsonl"), *out.rglob("*.log")]:
        content = path.read_bytes()
        small[path] = content if path.suffix != ".log" else content[-20000:]
    vocoders = sorted({path.parent for name in ("vocoder.yaml", "refiner.yaml") for path in out.rglob(name)})
    joint = sorted(folder for name in MODELS for folder in out.glob(f"joint/*/{name}"))
    files: List[Dict[Path, bytes]] = [small]
    for content in chain(map(_vocoder_files, vocoders), map(joint_files, joint)):
        if size_of(files[-1]) + size_of(content) > 1e6 * megabytes and files[-1]:
            files.append({})
        files[-1].update(content)
    for left_out in files[2:]:
        logging.warning("does not fit: %s", ", ".join(sorted({str(path.parent) for path in left_out})))
    paths = []
    for number, content in enumerate(files[:2], 1):
        paths.append(out / f"gpu-{number}.tar")
        write_tar(paths[-1], {path.relative_to(out): data for path, data in content.items()})
    return paths


def write_tar(path: Path, files: Dict[Path, bytes]) -> None:
    """Write a tar file of contents held in memory, by their paths in it."""
    with tarfile.open(path, "w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(str(name))
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))


def size_of(files: Dict[Path, bytes]) -> int:
    """Bytes of a tar file of these, or a little more."""
    return sum(1536 + len(content) for content in files.values())


def _vocoder_files(folder: Path) -> Dict[Path, bytes]:
    """Of a saved vocoder or refiner: its card, and its weights in half precision."""
    content = {path: path.read_bytes() for path in folder.iterdir() if path.name in _SMALL}
    return {**content, **{path: halved(path) for path in folder.glob("*.pth")}}
