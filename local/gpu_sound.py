"""What a GPU's vocoders sing: decoded there, where networks too large to take home are quick, and packed as FLAC."""

import io
import logging
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import Dict, List, Sequence, Tuple

import soundfile
from gpu_results import TRAININGS, size_of, write_tar

_KEPT = ("wav.scp", "rtf.json", "source.yaml")


def decode_trained(out: Path, sets: Sequence[str], device: str, at_once: int, end: float) -> None:
    """Each set by every vocoder trained under `out`, side by side, until `end` (of time.monotonic).

    What was decoded before is kept. A vocoder that fails is named with its log, and costs the others nothing.
    """

    def decode(job: Tuple[Path, str]) -> None:
        folder, data = job
        command = ["-m", "espnet2_nhv.bin.decode", "--vocoder", str(folder / "vocoder"), "--data", data]
        command += ["--out", str(folder / "decode" / Path(data).name), "--ngpu", str(int(device.startswith("cuda")))]
        try:
            with open(folder / f"decode_{Path(data).name}.log", "w") as log:
                seconds = max(end - time.monotonic(), 0.0)
                run = subprocess.run(
                    [sys.executable, *command, "--threads", "1"], stdout=log, stderr=log, timeout=seconds
                )
            if run.returncode:
                logging.warning("%s ended with status %d", log.name, run.returncode)
        except subprocess.TimeoutExpired:
            logging.warning("no time left for all of %s by %s", data, folder.name)

    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(decode, product(_trained(out), sets)))


def pack_sound(out: Path, megabytes: float) -> List[Path]:
    """Tar files sound-1.tar, sound-2.tar ... of at most so many megabytes, a decoded set whole in one of them.

    A set larger than that has a file to itself. wav.scp names the FLAC files as they lie once the tar files are
    unpacked in the folder `out`.
    """
    decoded = sorted(path.parent for folder in _trained(out) for path in folder.glob("decode/*/wav.scp"))
    contents = [_sound_files(folder) for folder in decoded]
    files: List[Dict[Path, bytes]] = []
    for content in sorted(contents, key=size_of, reverse=True):
        room = [file for file in files if size_of(file) + size_of(content) <= 1e6 * megabytes]
        if room:
            room[0].update(content)
        else:
            files.append(dict(content))
    paths = [out / f"sound-{number}.tar" for number in range(1, len(files) + 1)]
    for path, content in zip(paths, files):
        write_tar(path, {file.relative_to(out): data for file, data in content.items()})
    return paths


def _trained(out: Path) -> List[Path]:
    return sorted(path.parents[1] for kind in TRAININGS for path in out.glob(f"{kind}/*/vocoder/vocoder.yaml"))


def _sound_files(folder: Path) -> Dict[Path, bytes]:
    """Of a decoded set: its sound as FLAC of 16 bits, and what scores ask for beside it."""
    content = {folder / name: (folder / name).read_bytes() for name in _KEPT if (folder / name).exists()}
    lines = []
    for line in content[folder / "wav.scp"].decode().splitlines():
        utterance, path = line.split(maxsplit=1)
        samples, fs = soundfile.read(path, dtype="int16")
        flac = io.BytesIO()
        soundfile.write(flac, samples, fs, format="FLAC")
        content[Path(path).with_suffix(".flac")] = flac.getvalue()
        lines.append(f"{utterance} {Path(path).with_suffix('.flac')}\n")
    content[folder / "wav.scp"] = "".join(lines).encode()
    return content
