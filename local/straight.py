"""A recording analysed and synthesised by legacy STRAIGHT, in GNU Octave: a peer to stand beside WORLD.

straight.py IN.wav OUT.wav, as in run.sh --peers "straight=python local/straight.py {inp} {out}". STRAIGHT_ROOT names a
checkout of https://github.com/HidekiKawahara/legacy_STRAIGHT (Apache-2.0); Octave and its signal package are Debian's
octave and octave-signal. F0 is Harvest's, as WORLD's is; STRAIGHT's own takes six times real time.

Source: H. Kawahara, I. Masuda-Katsuse and A. de Cheveigné, "Restructuring speech representations using a
pitch-adaptive time-frequency smoothing and an instantaneous-frequency-based F0 extraction", Speech Communication 1999.
"""

import argparse
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pyworld
import soundfile

from espnet2_nhv.bin.cli import run_cli
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.spec import FeatureSpec

OCTAVE = "octave-cli"
FRAME_PERIOD = 1.0  # ms, STRAIGHT's own
# What STRAIGHT does to the level is undone from outside, so its scale does not matter.
PROGRAM = """
options = argv(); addpath(options{1}); pkg load signal; warning("off", "all");
read = @(name) fread(fopen(name), Inf, "double");
wav = read("wav"); fs = str2double(options{2}); f0 = read("f0");
aperiodicity = exstraightAPind(wav, fs, f0);
spectrum = exstraightspec(wav, f0, fs);
made = exstraightsynth(f0, spectrum, aperiodicity, fs);
fwrite(fopen("made", "w"), made, "double");
"""


def straight(wav: np.ndarray, fs: int, root: Path) -> np.ndarray:
    """Analysis and synthesis.

    Parameters
    ----------
    wav : ndarray [shape=(L,)]
    fs : int, Hz
    root : a checkout of legacy STRAIGHT

    Returns
    -------
    wav : ndarray [shape=(L,)], at the recording's level

    Raises
    ------
    UserError
        If Octave is missing, or fails.
    """
    spec = FeatureSpec()
    wav = np.ascontiguousarray(wav, dtype=np.float64)
    f0, _ = pyworld.harvest(wav, fs, f0_floor=spec.f0_floor, f0_ceil=spec.f0_ceil, frame_period=FRAME_PERIOD)
    with tempfile.TemporaryDirectory() as folder:
        for name, values in (("wav", wav), ("f0", f0)):
            values.tofile(f"{folder}/{name}")
        Path(folder, "program.m").write_text(PROGRAM)
        command = [OCTAVE, "--no-gui", "--norc", "--no-history", "--quiet", "program.m", str(root.resolve()), str(fs)]
        try:
            ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace")
        except OSError as error:
            raise UserError(f"{OCTAVE} cannot be run ({error.strerror}): install octave and octave-signal") from None
        if ran.returncode or not Path(folder, "made").exists():
            said = [line for line in ran.stderr.splitlines() if line.startswith("error")] or ["it says nothing"]
            raise UserError(f"STRAIGHT failed in Octave: {said[0]}")
        made = np.fromfile(f"{folder}/made")
    made = np.pad(made, (0, max(0, len(wav) - len(made))))[: len(wav)]
    return made * np.sqrt(np.mean(wav**2) / max(np.mean(made**2), 1e-20))


def find_root() -> Path:
    """The folder of STRAIGHT's functions."""
    root = Path(os.environ.get("STRAIGHT_ROOT", ""))
    for folder in (root / "src", root):
        if "STRAIGHT_ROOT" in os.environ and (folder / "exstraightspec.m").exists():
            return folder
    raise UserError(
        "STRAIGHT_ROOT names no checkout of https://github.com/HidekiKawahara/legacy_STRAIGHT: export STRAIGHT_ROOT=..."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("inp", help="a recording")
    parser.add_argument("out", help="the wav file to write")
    args = parser.parse_args()
    root = find_root()
    try:
        wav, fs = soundfile.read(args.inp, always_2d=True)
    except (OSError, soundfile.SoundFileError) as error:
        raise UserError(f"{args.inp}: not readable as audio ({error})") from None
    soundfile.write(args.out, straight(wav.mean(axis=1), fs, root), fs, "FLOAT")


if __name__ == "__main__":
    run_cli(main)
