"""How well the F0 trackers hear: on voices whose pitch is known, in quiet and in noise. Writes a Markdown table."""

import argparse
import dataclasses
import json
import time
from pathlib import Path
from typing import Dict, Iterator, List, Tuple

import numpy as np
import pyworld
import soundfile
import soxr
from demo_data import VOICES, compose
from demo_singer import FS, STEP, sing
from scipy.signal import lfilter
from tqdm import tqdm

from espnet2_nhv.bin.cli import run_cli
from espnet2_nhv.errors import UserError, in_one_line
from espnet2_nhv.feature.pitch.analysis import extract_f0
from espnet2_nhv.feature.pitch.registry import METHODS
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.files import write_whole

SPEC = FeatureSpec()
WIDE = dataclasses.replace(SPEC, f0_floor=45.0, f0_ceil=1600.0)
NEAR, GROSS = 50.0, 300.0  # cents
# group: the range of the search, and which clips it is made of
RANGES = {"high": WIDE, "low": WIDE, "real high": WIDE, "real low": WIDE}
Clip = Tuple[np.ndarray, np.ndarray]  # samples, true F0 at the frames (Hz, 0 where unvoiced)


def at_frames(f0: np.ndarray, step: int, n_samples: int) -> np.ndarray:
    """F0 every `step` samples as F0 at the frames: the nearest value, because 0 is no pitch."""
    frames = np.arange(n_samples // SPEC.hop_length) * SPEC.hop_length
    return f0[np.minimum(np.round(frames / step).astype(int), len(f0) - 1)]


def synthetic(names: List[str], low: int = 0, high: int = 0, clips: int = 2) -> Iterator[Clip]:
    """Melodies of the demo singers, in a range of MIDI notes where one is given."""
    for number in range(clips):
        for name in names:
            rng = np.random.default_rng([77, number, *name.encode()])
            voice = dataclasses.replace(VOICES[name], **(dict(low=low, high=high) if high else {}))
            wav, f0 = sing(compose(voice, 2, rng), voice, rng)
            yield wav, at_frames(f0, STEP, len(wav))


def creaky(clips: int = 6) -> Iterator[Clip]:
    """Vowels of single pulses at 42 to 110 Hz: each period is off by 4 %, and every other pulse weaker by 30 %."""
    for number in range(clips):
        rng = np.random.default_rng([78, number])
        n_samples, edge = 3 * FS, FS // 2
        wav, f0 = np.zeros(n_samples), np.zeros(n_samples)
        ends = rng.uniform(np.log(42), np.log(110), 2)
        at, index = float(edge), 0
        while at < n_samples - edge:
            pitch = float(np.exp(np.interp(at, (edge, n_samples - edge), ends)))
            period = FS / pitch * (1 + 0.04 * rng.standard_normal())
            wav[int(at)] = (0.7 if index % 2 else 1.0) * (1 + 0.05 * rng.standard_normal())
            f0[int(at) : int(min(at + period, n_samples - edge))] = pitch
            at, index = at + period, index + 1
        for frequency, width in ((600, 90), (1100, 110), (2500, 160), (3500, 220)):
            radius = np.exp(-np.pi * width / FS)
            wav = lfilter([1.0], [1.0, -2 * radius * np.cos(2 * np.pi * frequency / FS), radius**2], wav)
        wav = 0.3 * wav / np.abs(wav).max() + 3e-4 * rng.standard_normal(n_samples)
        yield wav, at_frames(f0, 1, n_samples)


def resynthesised(recordings: List[Path], seconds: float, median: float = 0.0) -> Iterator[Clip]:
    """Real singing made again by WORLD, of which F0 is known then; moved to a median of `median` Hz, where given."""
    for path in recordings:
        try:
            wav, fs = soundfile.read(path, always_2d=True)
        except (OSError, soundfile.SoundFileError) as error:
            raise UserError(f"{path}: not readable as audio ({in_one_line(error)})") from None
        wav = soxr.resample(wav.mean(axis=1), fs, FS)
        begin = max(0, (len(wav) - int(seconds * FS)) // 2)
        wav = np.ascontiguousarray(wav[begin : begin + int(seconds * FS)])
        f0, vuv = (x.astype(np.float64) for x in extract_f0(wav, SPEC, "harvest"))
        if vuv.mean() < 0.1:
            raise UserError(f"{path}: hardly anything is voiced in its middle: give singing")
        moments = np.arange(len(f0)) * SPEC.hop_length / FS
        envelope = pyworld.cheaptrick(wav, f0 * vuv, moments, FS, f0_floor=SPEC.f0_floor)
        roughness = pyworld.d4c(wav, f0 * vuv, moments, FS, fft_size=2 * (envelope.shape[1] - 1))
        if median:
            f0 = f0 * median / np.median(f0[vuv > 0])
        again = pyworld.synthesize(f0 * vuv, envelope, roughness, FS, 1000 * SPEC.hop_length / FS)
        yield again[: len(wav)], f0 * vuv


def in_noise(clips: List[Clip], kind: str, snr: float) -> Iterator[Clip]:
    """Clips with white noise, or babble (all other clips at once), so many dB below them."""
    rng = np.random.default_rng(79)
    for number, (wav, f0) in enumerate(clips):
        if kind == "white":
            noise = rng.standard_normal(len(wav))
        else:
            others = [other for index, (other, _) in enumerate(clips) if index != number]
            noise = sum(np.resize(np.roll(x, rng.integers(len(x))) / x.std(), len(wav)) for x in others)
        voiced = np.repeat(f0 > 0, SPEC.hop_length)[: len(wav)]
        power = np.mean(np.square(wav[: len(voiced)][voiced]))
        yield wav + noise * np.sqrt(power / np.mean(noise**2)) * 10 ** (-snr / 20), f0


def groups(recordings: List[Path], seconds: float) -> Dict[str, List[Clip]]:
    """All clips, by what they try."""
    clips = {
        "middle": list(synthetic(list(VOICES))),
        "high": list(synthetic(["soprano"], 84, 90, 4)),
        "low": list(synthetic(["bass"], 35, 47, 4)),
        "creaky": list(creaky()),
    }
    if recordings:
        clips["real"] = list(resynthesised(recordings, seconds))
        clips["real high"] = list(resynthesised(recordings, seconds, 1150.0))
        clips["real low"] = list(resynthesised(recordings, seconds, 70.0))
    clean = [*clips["middle"], *clips.get("real", [])][::2]
    for kind in ("white", "babble"):
        for snr in (20, 10):
            clips[f"{kind} {snr} dB"] = list(in_noise(clean, kind, snr))
    return clips


def judge(clips: List[Clip], found: List[Tuple[np.ndarray, np.ndarray]]) -> Dict[str, float]:
    """Errors of a tracker over the clips of a group.

    Returns
    -------
    errors : dict of float, percent if not said otherwise
        near : share of the voiced frames within 50 cents, interpolated ones among them
        gross, octave : share of the frames voiced in truth and by the tracker that are off by more than 300 cents, and
            of those within 100 cents of an octave
        recall, false_alarm : share of the voiced and of the unvoiced frames that the tracker calls voiced
        median : cents, of the frames within 50 cents
    """
    true, f0, vuv = (np.concatenate(x) for x in zip(*((t, *pair) for (_, t), pair in zip(clips, found))))
    voiced, called = true > 0, vuv > 0.5
    cents = 1200 * np.log2(f0 / np.where(voiced, true, 1.0))
    near, both = voiced & (np.abs(cents) < NEAR), voiced & called
    octave = (np.abs(np.abs(cents) - 1200) < 100) & both
    return dict(
        near=100 * near.sum() / voiced.sum(),
        gross=100 * (np.abs(cents[both]) > GROSS).mean() if both.any() else np.nan,
        octave=100 * octave.sum() / both.sum() if both.any() else np.nan,
        recall=100 * called[voiced].mean(),
        false_alarm=100 * called[~voiced].mean(),
        median=float(np.median(np.abs(cents[near]))) if near.any() else np.nan,
    )


def measure(methods: List[str], clips: Dict[str, List[Clip]]) -> List[Dict]:
    """A row for each group and tracker."""
    rows = []
    with tqdm(total=len(methods) * len(clips), dynamic_ncols=True, disable=None) as bar:
        for group, sounds in clips.items():
            for method in methods:
                bar.set_description(f"{group}, {method}")
                start = time.process_time()
                found = [extract_f0(wav, RANGES.get(group, SPEC), method) for wav, _ in sounds]
                taken = time.process_time() - start
                seconds = sum(len(wav) for wav, _ in sounds) / FS
                rows.append(dict(group=group, method=method, **judge(sounds, found), cpu=taken / seconds))
                bar.update()
    return rows


def as_markdown(rows: List[Dict]) -> str:
    """The rows as a table for people."""
    lines = ["| group | tracker | within 50 cents | gross | octave | voiced found | false alarms | median | CPU |"]
    lines.append("|" + "---|" * 9)
    for row in rows:
        cells = [f"{row[key]:.2f}" for key in ("near", "gross", "octave", "recall", "false_alarm")]
        lines.append(
            f"| {row['group']} | {row['method']} | {' | '.join(cells)} | {row['median']:.1f} | {row['cpu']:.4f} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    sounding = [name for name in METHODS if name != "file"]
    parser.add_argument("--methods", nargs="+", choices=sounding, default=["harvest", "dio", "swift"])
    parser.add_argument("--recordings", nargs="*", type=Path, default=[], help="real singing, resynthesised by WORLD")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each recording, from its middle")
    parser.add_argument("--groups", nargs="+", help="only these")
    parser.add_argument("--json", type=Path, help="file to write the rows to")
    args = parser.parse_args()
    clips = groups(args.recordings, args.seconds)
    unknown = set(args.groups or ()) - set(clips)
    if unknown:
        raise UserError(f"there is no group {sorted(unknown)[0]!r}; there are {', '.join(clips)}")
    rows = measure(args.methods, {name: clips[name] for name in args.groups or clips})
    if args.json:
        write_whole(args.json, json.dumps(rows, indent=1) + "\n")
    print(as_markdown(rows), end="")


if __name__ == "__main__":
    run_cli(main)
