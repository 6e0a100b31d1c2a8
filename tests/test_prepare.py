"""Stage 2: what goes in comes out as phrases, what cannot is named, and a run that was killed goes on."""

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import kaldiio
import numpy as np
import pytest
import soundfile

from espnet2_nhv.bin import prepare as program
from espnet2_nhv.bin.cli import run_cli
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.datadir import read_table
from espnet2_nhv.feature.prepare import prepare_data_dir
from espnet2_nhv.feature.spec import FeatureSpec

FS = 16000
SPEC = FeatureSpec(fs=FS, n_fft=512, win_length=512, hop_length=128, n_mels=40, fmax=8000)


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def _tone(seconds=1.5, fs=FS, frequency=440, gain=0.3):
    time_ = np.arange(int(seconds * fs)) / fs
    return gain * np.sin(2 * np.pi * frequency * time_)


def _data(wav_scp, segments=""):
    """A data directory ``data``; values are paths, pipes, or samples to be written at FS."""
    folder = Path("data")
    folder.mkdir(exist_ok=True)
    for name, value in wav_scp.items():
        if isinstance(value, np.ndarray):
            soundfile.write(f"{name}.wav", value, FS)
            wav_scp[name] = f"{name}.wav"
    (folder / "wav.scp").write_text("".join(f"{name} {value}\n" for name, value in wav_scp.items()))
    (folder / "utt2spk").write_text("".join(f"{name} singer\n" for name in wav_scp))
    if segments:
        (folder / "segments").write_text(segments)
    return folder


def _prepare(wav_scp, segments="", **options):
    return prepare_data_dir(_data(wav_scp, segments), Path("dump/train"), SPEC, **options)


def _read(phrase):
    wav, fs = soundfile.read(read_table("dump/train/wav.scp")[phrase])
    assert fs == FS and wav.ndim == 1
    return wav


def _main(*options):
    SPEC.save("spec.yaml")
    sys.argv = ["prepare", "--data", "data", "--out", "dump/train", "--spec", "spec.yaml", *options]
    run_cli(program.main)


def _start(*options):
    SPEC.save("spec.yaml")
    command = [sys.executable, "-m", "espnet2_nhv.bin.prepare", "--data", "data", "--out", "dump/train"]
    return subprocess.Popen([*command, "--spec", "spec.yaml", *options], stderr=subprocess.PIPE, text=True)


def _wait_for(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


# What is good


def test_sixteen_bits_stay_what_they_are():
    samples = np.random.default_rng(0).integers(-32768, 32767, FS, dtype=np.int16) // 2
    soundfile.write("a.wav", samples, FS)
    report = _prepare({"a": "a.wav"})
    assert report.phrases == 1 and not report.problems and not report.warnings
    path = read_table("dump/train/wav.scp")["a_0000"]
    assert path == "dump/train/flac/a_0000.flac" and soundfile.info(path).subtype == "PCM_16"
    assert np.array_equal(soundfile.read(path, dtype="int16")[0], samples)
    assert read_table("dump/train/utt2num_samples") == {"a_0000": str(FS)}
    assert read_table("dump/train/utt2spk") == {"a_0000": "singer"}
    assert read_table("dump/train/spk2utt") == {"singer": "a_0000"}
    assert FeatureSpec.load("dump/spec.yaml") == SPEC


@pytest.mark.parametrize("extension", ["wav", "flac", "ogg", "mp3"])
def test_formats_rates_and_channels(extension):
    # 440 Hz left and 1 kHz right, at 44.1 kHz: both are there afterwards, at half their level.
    stereo = np.stack([_tone(2, 44100), _tone(2, 44100, 1000)], axis=1)
    soundfile.write(f"a.{extension}", stereo, 44100)
    _prepare({"a": f"a.{extension}"})
    wav = _read("a_0000")
    assert abs(len(wav) - 2 * FS) <= 0.1 * FS
    spectrum = np.abs(np.fft.rfft(wav[FS // 2 : FS // 2 + FS] * np.hanning(FS))) / (FS / 4)
    assert spectrum[[440, 1000]] == pytest.approx(0.15, rel=0.03)
    spectrum[430:450] = spectrum[990:1010] = 0
    assert spectrum.max() < 0.15 * 0.02


def test_resampling_aliases_nothing():
    # 9 kHz is above the new Nyquist frequency, 7 kHz below.
    soundfile.write("a.wav", _tone(2, 48000, 9000) + _tone(2, 48000, 7000), 48000, subtype="FLOAT")
    _prepare({"a": "a.wav"})
    spectrum = np.abs(np.fft.rfft(_read("a_0000")[FS // 2 : FS // 2 + FS] * np.hanning(FS))) / (FS / 4)
    assert spectrum[7000] == pytest.approx(0.3, rel=0.01)
    assert np.delete(spectrum, np.arange(6990, 7011)).max() < 1e-4


def test_segments():
    wav = np.concatenate([_tone(1, frequency=f) for f in (300, 500, 700)])
    report = _prepare({"r": wav}, "u1 r 0 1\nu2 r 1 2\nu3 r 2 -1\nu4 r 2 9\nu5 r 3.5 4\nu6 other 0 1\n")
    assert report.phrases == 4
    for utterance, frequency in (("u1", 300), ("u2", 500), ("u3", 700), ("u4", 700)):
        part = _read(f"{utterance}_0000")
        assert len(part) == FS and np.argmax(np.abs(np.fft.rfft(part))) == frequency
    assert report.warnings == ["u4: its segment ends at 9 s, after the recording (3 s)"]
    assert report.problems == [
        "u6: its recording other is not in data/wav.scp",
        "u5: too short: its segment has 0 s",
    ]


def test_other_speeds():
    wav = np.concatenate([_tone(1, frequency=f) for f in (300, 500)])
    report = _prepare({"r": wav}, "u1 r 0 1\nu2 r 1 -1\n", speed_factors=(1.25, 0.8), allow_upsampling=True)
    assert report.phrases == 6 and report.recordings == 3
    for utterance, seconds, frequency in (
        ("u1", 1, 300),
        ("u2", 1, 500),
        ("sp1.25-u1", 0.8, 375),
        ("sp1.25-u2", 0.8, 625),
        ("sp0.8-u1", 1.25, 240),
        ("sp0.8-u2", 1.25, 400),
    ):
        part = _read(f"{utterance}_0000")
        assert len(part) == seconds * FS and np.argmax(np.abs(np.fft.rfft(part))) == frequency * seconds
    # Nothing is done twice, and another set of speeds takes away what is no longer wanted.
    assert _prepare({"r": "r.wav"}, "u1 r 0 1\nu2 r 1 -1\n", speed_factors=(1.25,), allow_upsampling=True).skipped == 2
    assert sorted(path.name for path in Path("dump/train/flac").iterdir()) == sorted(
        f"{name}_0000.flac" for name in ("u1", "u2", "sp1.25-u1", "sp1.25-u2")
    )


def test_speed_is_part_of_the_bandwidth():
    report = _prepare({"r": _tone()}, speed_factors=(0.8,))
    (problem,) = report.problems
    assert problem.startswith("sp0.8-r: its sampling rate 12800 Hz is below 16000 Hz")


@pytest.mark.parametrize(
    "wav_scp, factors", [({"r": "r.wav"}, (1.2, 1.2)), ({"r": "r.wav", "sp1.2-r": "r.wav"}, (1.2,))]
)
def test_speeds_that_double_names(wav_scp, factors):
    soundfile.write("r.wav", _tone(), FS)
    with pytest.raises(UserError, match="--speed_factors 1.2.*: names would be doubled"):
        _prepare(wav_scp, speed_factors=factors)
    assert not Path("dump/train").exists()


@pytest.mark.parametrize("factor", [0, 0.4, 1, 2.5, -1])
def test_speeds_that_are_none(factor):
    with pytest.raises(UserError, match=f"speed factor {factor} is not within 0.5 to 2"):
        _prepare({"r": _tone()}, speed_factors=(factor,))
    assert not Path("dump").exists()


def test_pipes_and_arks():
    wav = _tone()
    soundfile.write("a.wav", wav, FS)
    with kaldiio.WriteHelper("ark,scp:b.ark,b.scp") as writer:
        writer["b"] = (FS, soundfile.read("a.wav", dtype="int16")[0])
    report = _prepare({"a": "cat a.wav |", "b": read_table("b.scp")["b"], "c": "cat lost.wav |", "d": "false |"})
    assert np.array_equal(_read("a_0000"), _read("b_0000")) and np.abs(_read("a_0000") - wav).max() < 1e-4
    assert [problem[:26] for problem in report.problems] == ["c: its command failed with", "d: its command failed with"]


def test_streamed_wav_header():
    # What sox writes into a pipe: it does not know the length yet.
    soundfile.write("a.wav", _tone(), FS)
    data = bytearray(Path("a.wav").read_bytes())
    data[4:8], data[40:44] = b"\xff\xff\xff\x7f", b"\xdb\xff\xff\x7f"
    Path("b.raw").write_bytes(data)
    _prepare({"b": "cat b.raw |"})
    assert len(_read("b_0000")) == len(_tone())


def test_above_full_scale_is_turned_down_not_clipped():
    soundfile.write("a.wav", _tone(gain=1.6), FS, subtype="FLOAT")
    report = _prepare({"a": "a.wav"})
    assert report.warnings == ["a: turned down by 4.08 dB: its peak was above full scale"]
    assert np.abs(_read("a_0000") - _tone(gain=1.0)).max() < 1e-3


# What is not


def _write_bad():
    soundfile.write("nan.wav", np.where(np.arange(FS) == 4000, np.nan, 0.1), FS, subtype="FLOAT")
    soundfile.write("inf.wav", np.where(np.arange(FS) == 8000, np.inf, 0.1), FS, subtype="FLOAT")
    soundfile.write("low.wav", _tone(fs=8000), 8000)
    soundfile.write("no_samples.wav", np.zeros(0), FS)
    soundfile.write("opposed.wav", np.stack([_tone(), -_tone()], axis=1), FS)
    soundfile.write("long.flac", np.random.default_rng(0).uniform(-1, 1, FS) / 2, FS)
    Path("cut.flac").write_bytes(Path("long.flac").read_bytes()[:9000])
    Path("text.wav").write_text("hello")
    Path("zero.wav").touch()
    Path("folder.wav").mkdir()
    return {
        "clipped": np.clip(_tone(gain=3), -1, 1),
        "cut": "cut.flac",
        "folder": "folder.wav",
        "inf": "inf.wav",
        "low": "low.wav",
        "missing": "missing.wav",
        "nan": "nan.wav",
        "no_samples": "no_samples.wav",
        "one": np.array([0.5]),
        "opposed": "opposed.wav",
        "short": _tone(0.05),
        "silent": np.zeros(FS),
        "text": "text.wav",
        "zero": "zero.wav",
    }


BAD = {
    "clipped": "clipped: 7",
    "cut": "cannot be read as audio (flac decoder lost sync)",
    "folder": "not a file but a folder: folder.wav",
    "inf": "holds a value that is not a finite number at 0.500 s",
    "low": "its sampling rate 8000 Hz is below 16000 Hz: give --allow_upsampling",
    "missing": "missing: there is no file missing.wav",
    "nan": "holds a value that is not a finite number at 0.250 s",
    "no_samples": "empty: it has no samples",
    "one": "too short: it has one sample and at least 0.1 s is needed",
    "opposed": "silent: every sample is zero once its channels are mixed",
    "short": "too short: it has 0.05 s",
    "silent": "silent: every sample is zero",
    "text": "cannot be read as audio (Format not recognised)",
    "zero": "empty: zero.wav has 0 bytes",
}


def test_bad_among_good_is_named_and_left_out(capsys):
    _data({**_write_bad(), "good": _tone()})
    _main()
    assert list(read_table("dump/train/wav.scp")) == ["good_0000"]
    shown = capsys.readouterr().err.splitlines()
    problems = [line.removeprefix("left out: ") for line in shown if line.startswith("left out: ")]
    assert len(problems) == len(BAD)
    for problem, (name, message) in zip(problems, sorted(BAD.items())):
        assert problem.startswith(f"{name}: {message}")
    assert shown[-1] == "dump/train: 1 phrases, 0.0 minutes, of 15 recordings (0 were done before); 14 left out"
    assert Path("dump/train/problems.txt").read_text().splitlines() == shown[:-1]


def test_strict_says_no_at_the_end():
    _data({"bad": "missing.wav", "good": _tone()})
    with pytest.raises(SystemExit, match="error: --strict: 1 of data had to be left out"):
        _main("--strict")
    assert list(read_table("dump/train/wav.scp")) == ["good_0000"]


def test_nothing_good(tmp_path):
    with pytest.raises(UserError, match="data: none of its 14 recordings can be used .the first: clipped: "):
        _prepare(_write_bad())
    assert not Path("dump/train/wav.scp").exists()


def test_clipped_a_little_is_kept_with_a_warning():
    wav = _tone(10)
    wav[5000:5032] = 1.0
    report = _prepare({"a": wav})
    assert report.phrases == 1
    assert report.warnings == ["a: clipped in places: 0.0002 of its samples are at full scale; kept"]


def test_peak_at_full_scale_is_not_clipping():
    wav = _tone(10)
    wav[5000] = 1.0
    assert not _prepare({"a": wav}).warnings


def test_upsampling_when_allowed():
    soundfile.write("a.wav", _tone(2, 8000), 8000)
    report = _prepare({"a": "a.wav"}, allow_upsampling=True)
    assert report.warnings == ["a: upsampled from 8000 Hz: its real bandwidth ends at 4000 Hz"]
    middle = slice(FS // 2, FS)
    assert np.abs(_read("a_0000")[middle] - _tone(2)[middle]).max() < 1e-3


@pytest.mark.parametrize("table", ["wav.scp", "segments"])
def test_two_utterances_with_one_id(table):
    data = _data({"a": _tone(), "b": _tone()}, "u a 0 1\nv b 0 1\n")
    (data / table).write_text((data / table).read_text() * 2)
    with pytest.raises(UserError, match=f"{table}: two entries have the id"):
        prepare_data_dir(data, Path("dump/train"), SPEC)
    assert not Path("dump").exists()


def test_id_that_is_no_file_name():
    with pytest.raises(UserError, match="the id '../a' cannot name a file"):
        _prepare({"../a": "a.wav"})


def test_another_spec():
    _prepare({"a": _tone()})
    for name, value in (("fs", 44100), ("n_mels", 80)):
        with pytest.raises(
            UserError, match=f"spec.yaml was made with {name} {getattr(SPEC, name)} and {name} {value} is"
        ):
            prepare_data_dir(Path("data"), Path("dump/dev"), dataclasses.replace(SPEC, **{name: value}))
    assert not Path("dump/dev").exists()


def test_out_is_not_data():
    with pytest.raises(UserError, match="--data and --out are the same folder"):
        prepare_data_dir(_data({"a": _tone()}), Path("data"), SPEC)
    assert read_table("data/wav.scp") == {"a": "a.wav"}


def test_full_disk():
    _prepare({"a": _tone()})
    _data({"a": "a.wav", "b": _tone()})
    Path("dump/train/flac/b_0000.flac.part").symlink_to("/dev/full")
    with pytest.raises(SystemExit, match="error: the disk is full while writing dump/train/flac/b_0000.flac: free"):
        _main()
    assert not Path("dump/train/wav.scp").exists()
    assert prepare_data_dir(Path("data"), Path("dump/train"), SPEC).skipped == 1
    assert list(read_table("dump/train/wav.scp")) == ["a_0000", "b_0000"]


# Again and again


def test_what_is_done_is_not_done_again():
    report = _prepare({"a": _tone(), "b": _tone(), "c": _tone()})
    assert report.skipped == 0
    files = [path for path in sorted(Path("dump/train").rglob("*.*")) if path.name != "prepared.jsonl"]
    before = [path.stat().st_mtime_ns for path in files]
    report = prepare_data_dir(Path("data"), Path("dump/train"), SPEC)
    assert report.skipped == 3 and [path.stat().st_mtime_ns for path in files] == before
    # Another sound, a new recording, one that is gone, and a phrase that somebody deleted.
    soundfile.write("a.wav", _tone(2), FS)
    Path("dump/train/flac/b_0000.flac").unlink()
    report = _prepare({"a": "a.wav", "b": "b.wav", "d": _tone()})
    assert report.skipped == 0 and report.phrases == 3 and len(_read("a_0000")) == 2 * FS
    assert sorted(path.stem for path in Path("dump/train/flac").iterdir()) == ["a_0000", "b_0000", "d_0000"]
    report = _prepare({"d": "d.wav"})
    assert report.skipped == 1 and list(read_table("dump/train/wav.scp")) == ["d_0000"]


def test_files_of_others_stay():
    _prepare({"a": _tone()})
    Path("dump/train/flac/mine.flac").touch()
    _prepare({"b": _tone()})
    assert sorted(path.name for path in Path("dump/train/flac").iterdir()) == ["b_0000.flac", "mine.flac"]


def test_killed_run_goes_on():
    _data({"a": _tone(), "b": _tone(), "z": "sleep 5; cat b.wav |"})
    log = Path("dump/train/prepared.jsonl")
    run = _start()
    _wait_for(lambda: log.exists() and log.read_text().count("\n") == 2)
    run.send_signal(signal.SIGKILL)
    run.wait()
    assert not Path("dump/train/wav.scp").exists()
    with open(log, "a") as file:  # as if it had been killed while writing this
        file.write('{"recording": "z", "key"')
    before = Path("dump/train/flac/a_0000.flac").stat().st_mtime_ns
    report = _prepare({"a": "a.wav", "b": "b.wav", "z": "b.wav"})
    assert report.skipped == 2 and Path("dump/train/flac/a_0000.flac").stat().st_mtime_ns == before
    assert list(read_table("dump/train/wav.scp")) == ["a_0000", "b_0000", "z_0000"]
    assert prepare_data_dir(Path("data"), Path("dump/train"), SPEC).skipped == 3


def test_parallel_jobs_give_the_same():
    wavs = {name: _tone(frequency=300 + 100 * i) for i, name in enumerate("abcde")}
    _prepare(dict(wavs))
    one = {name: _read(name) for name in read_table("dump/train/wav.scp")}
    os.rename("dump", "other")
    _prepare(dict(wavs), nj=2)
    assert one.keys() == read_table("dump/train/wav.scp").keys()
    assert all(np.array_equal(wav, _read(name)) for name, wav in one.items())


def test_killed_worker_is_noticed():
    with pytest.raises(UserError, match="a worker process was killed, perhaps for want of memory"):
        _prepare({"a": _tone(), "b": "kill -9 $PPID |"}, nj=2)
    assert not Path("dump/train/wav.scp").exists()


@pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="looks for processes in /proc")
def test_workers_end_with_their_parent():
    _data({"a": "echo $PPID > a.pid; sleep 20 |", "b": "echo $PPID > b.pid; sleep 20 |"})
    run = _start("--nj", "2")
    pids = [Path("a.pid"), Path("b.pid")]
    _wait_for(lambda: all(path.exists() and path.read_text().strip() for path in pids))
    workers = [int(path.read_text()) for path in pids]
    assert len(set(workers)) == 2 and all(os.path.exists(f"/proc/{pid}") for pid in workers)
    run.send_signal(signal.SIGKILL)
    run.wait()
    _wait_for(lambda: not any(_runs(pid) for pid in workers))


def _runs(pid):
    try:  # a process that has ended but was not waited for is a zombie
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
