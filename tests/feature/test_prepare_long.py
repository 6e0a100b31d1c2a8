"""Stage 2 of long recordings, which lie in a file of their own while they are cut: what comes out is the same."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from prepare_data import FS, SPEC, data_dir, tone

from espnet2_nhv.feature import recording
from espnet2_nhv.feature.audio import BLOCK
from espnet2_nhv.feature.datadir import read_table
from espnet2_nhv.feature.prepare import prepare_data_dir

pytestmark = pytest.mark.usefixtures("own_folder")


def song(fs, seconds=30):
    """Notes of several levels with rests between them, and a rumble under it all."""
    rng, parts = np.random.default_rng(0), []
    while sum(map(len, parts)) < seconds * fs:
        parts.append(rng.uniform(0.1, 1.0) * tone(rng.uniform(1, 4), fs, rng.uniform(200, 600)))
        parts.append(np.zeros(int(rng.uniform(0.05, 2) * fs)))
    wav = np.concatenate(parts)
    return wav + 0.02 * np.sin(2 * np.pi * 20 * np.arange(len(wav)) / fs) + 1e-4 * rng.standard_normal(len(wav))


def both(monkeypatch, folder, **options):
    """What is made whole and what is made in blocks: {name: wav} of each, and the reports."""
    made, reports = [], []
    for name, long_seconds in (("whole", 1e9), ("blocks", 1.0)):
        monkeypatch.setattr(recording, "LONG_SECONDS", long_seconds)
        reports.append(prepare_data_dir(Path("data"), Path(name) / folder, SPEC, **options))
        table = read_table(f"{name}/{folder}/wav.scp")
        made.append({utt: soundfile.read(path, dtype="int16")[0].astype(int) for utt, path in table.items()})
        assert sorted(path.suffix for path in Path(name, folder).iterdir() if path.suffix) == [".jsonl", ".scp"]
    return made, reports


@pytest.mark.parametrize("fs, options", [(FS, {}), (44100, {}), (FS, dict(speed_factors=[1.25]))])
def test_the_same_phrases(monkeypatch, fs, options):
    wav = song(fs)
    soundfile.write("a.wav", np.stack([wav, 0.5 * wav], axis=1), fs, subtype="FLOAT")
    data_dir({"a": "a.wav"})
    Path("data/segments").write_text("first a 0.5 17.2\nsecond a 18 29\n")
    Path("data/utt2spk").write_text("first x\nsecond x\n")
    (whole, blocks), reports = both(monkeypatch, "train", allow_upsampling=True, **options)
    assert reports[0] == reports[1] and reports[0].phrases == len(whole) > 3
    assert blocks.keys() == whole.keys()
    for name, samples in whole.items():
        assert np.abs(blocks[name] - samples).max() <= (0 if fs == FS and "sp" not in name else 1), name


def test_the_same_warnings_and_refusals(monkeypatch):
    quiet = 0.3 * song(44100, 5)
    wavs = dict(
        loud=30 * quiet, low=quiet[:20000], silent=np.zeros(90000), clipped=np.clip(60 * quiet, -1, 1),
        nan=np.append(quiet, np.nan), good=quiet,
    )  # fmt: skip
    for name, wav in wavs.items():
        soundfile.write(f"{name}.wav", wav, 8000 if name == "low" else 44100, subtype="FLOAT")
    data_dir({name: f"{name}.wav" for name in wavs})
    _, reports = both(monkeypatch, "train")
    assert reports[0] == reports[1]
    assert len(reports[0].problems) == 4 and "turned down by" in reports[0].warnings[0]


def test_memory_does_not_grow_with_the_recording(monkeypatch):
    """No more than a few blocks are held at once."""
    largest, scan = 0, recording.scan_mono

    class Watched(recording.Recording):
        def __getitem__(self, where):
            nonlocal largest
            part = super().__getitem__(where)
            largest = max(largest, len(part))
            return part

    def scanned(source, take, strict):
        def taken(block, fs, last=False):
            nonlocal largest
            largest = max(largest, len(block))
            take(block, fs)

        return scan(source, taken, strict)

    wav = song(FS, 120)
    soundfile.write("a.wav", wav, FS)
    data_dir({"a": "a.wav"})
    monkeypatch.setattr(recording, "LONG_SECONDS", 1.0)
    monkeypatch.setattr(recording, "Recording", Watched)
    monkeypatch.setattr(recording, "scan_mono", scanned)
    report = prepare_data_dir(Path("data"), Path("dump/train"), SPEC)
    assert report.phrases > 10 and 0 < largest <= BLOCK < len(wav)
