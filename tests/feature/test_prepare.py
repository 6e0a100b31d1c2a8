"""Stage 2: what goes in comes out as phrases, what cannot is named."""

import dataclasses
from pathlib import Path

import kaldiio
import numpy as np
import pytest
import soundfile
from prepare_data import FS, SPEC, data_dir, main, prepare, read_phrase, tone

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.datadir import read_table
from espnet2_nhv.feature.prepare import prepare_data_dir
from espnet2_nhv.feature.spec import FeatureSpec

pytestmark = pytest.mark.usefixtures("own_folder")


# What is good


def test_sixteen_bits_stay_what_they_are():
    samples = np.random.default_rng(0).integers(-32768, 32767, FS, dtype=np.int16) // 2
    soundfile.write("a.wav", samples, FS)
    report = prepare({"a": "a.wav"})
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
    stereo = np.stack([tone(2, 44100), tone(2, 44100, 1000)], axis=1)
    soundfile.write(f"a.{extension}", stereo, 44100)
    prepare({"a": f"a.{extension}"})
    wav = read_phrase("a_0000")
    assert abs(len(wav) - 2 * FS) <= 0.1 * FS
    spectrum = np.abs(np.fft.rfft(wav[FS // 2 : FS // 2 + FS] * np.hanning(FS))) / (FS / 4)
    assert spectrum[[440, 1000]] == pytest.approx(0.15, rel=0.03)
    spectrum[430:450] = spectrum[990:1010] = 0
    assert spectrum.max() < 0.15 * 0.02


def test_resampling_aliases_nothing():
    # 9 kHz is above the new Nyquist frequency, 7 kHz below.
    soundfile.write("a.wav", tone(2, 48000, 9000) + tone(2, 48000, 7000), 48000, subtype="FLOAT")
    prepare({"a": "a.wav"})
    spectrum = np.abs(np.fft.rfft(read_phrase("a_0000")[FS // 2 : FS // 2 + FS] * np.hanning(FS))) / (FS / 4)
    assert spectrum[7000] == pytest.approx(0.3, rel=0.01)
    assert np.delete(spectrum, np.arange(6990, 7011)).max() < 1e-4


def test_segments():
    wav = np.concatenate([tone(1, frequency=f) for f in (300, 500, 700)])
    report = prepare({"r": wav}, "u1 r 0 1\nu2 r 1 2\nu3 r 2 -1\nu4 r 2 9\nu5 r 3.5 4\nu6 other 0 1\n")
    assert report.phrases == 4
    for utterance, frequency in (("u1", 300), ("u2", 500), ("u3", 700), ("u4", 700)):
        part = read_phrase(f"{utterance}_0000")
        assert len(part) == FS and np.argmax(np.abs(np.fft.rfft(part))) == frequency
    assert report.warnings == ["u4: its segment ends at 9 s, after the recording (3 s)"]
    assert report.problems == [
        "u6: its recording other is not in data/wav.scp",
        "u5: too short: its segment has 0 s",
    ]


def test_other_speeds():
    wav = np.concatenate([tone(1, frequency=f) for f in (300, 500)])
    report = prepare({"r": wav}, "u1 r 0 1\nu2 r 1 -1\n", speed_factors=(1.25, 0.8), allow_upsampling=True)
    assert report.phrases == 6 and report.recordings == 3
    for utterance, seconds, frequency in (
        ("u1", 1, 300),
        ("u2", 1, 500),
        ("sp1.25-u1", 0.8, 375),
        ("sp1.25-u2", 0.8, 625),
        ("sp0.8-u1", 1.25, 240),
        ("sp0.8-u2", 1.25, 400),
    ):
        part = read_phrase(f"{utterance}_0000")
        assert len(part) == seconds * FS and np.argmax(np.abs(np.fft.rfft(part))) == frequency * seconds
    # Nothing is done twice, and another set of speeds takes away what is no longer wanted.
    assert prepare({"r": "r.wav"}, "u1 r 0 1\nu2 r 1 -1\n", speed_factors=(1.25,), allow_upsampling=True).skipped == 2
    assert sorted(path.name for path in Path("dump/train/flac").iterdir()) == sorted(
        f"{name}_0000.flac" for name in ("u1", "u2", "sp1.25-u1", "sp1.25-u2")
    )


def test_speed_is_part_of_the_bandwidth():
    report = prepare({"r": tone()}, speed_factors=(0.8,))
    (problem,) = report.problems
    assert problem.startswith("sp0.8-r: its sampling rate 12800 Hz is below 16000 Hz")


@pytest.mark.parametrize(
    "wav_scp, factors", [({"r": "r.wav"}, (1.2, 1.2)), ({"r": "r.wav", "sp1.2-r": "r.wav"}, (1.2,))]
)
def test_speeds_that_double_names(wav_scp, factors):
    soundfile.write("r.wav", tone(), FS)
    with pytest.raises(UserError, match="--speed_factors 1.2.*: names would be doubled"):
        prepare(wav_scp, speed_factors=factors)
    assert not Path("dump/train").exists()


@pytest.mark.parametrize("factor", [0, 0.4, 1, 2.5, -1])
def test_speeds_that_are_none(factor):
    with pytest.raises(UserError, match=f"speed factor {factor} is not within 0.5 to 2"):
        prepare({"r": tone()}, speed_factors=(factor,))
    assert not Path("dump").exists()


def test_pipes_and_arks():
    wav = tone()
    soundfile.write("a.wav", wav, FS)
    with kaldiio.WriteHelper("ark,scp:b.ark,b.scp") as writer:
        writer["b"] = (FS, soundfile.read("a.wav", dtype="int16")[0])
    report = prepare({"a": "cat a.wav |", "b": read_table("b.scp")["b"], "c": "cat lost.wav |", "d": "false |"})
    assert (
        np.array_equal(read_phrase("a_0000"), read_phrase("b_0000"))
        and np.abs(read_phrase("a_0000") - wav).max() < 1e-4
    )
    assert [problem[:26] for problem in report.problems] == ["c: its command failed with", "d: its command failed with"]


def test_streamed_wav_header():
    # What sox writes into a pipe: it does not know the length yet.
    soundfile.write("a.wav", tone(), FS)
    data = bytearray(Path("a.wav").read_bytes())
    data[4:8], data[40:44] = b"\xff\xff\xff\x7f", b"\xdb\xff\xff\x7f"
    Path("b.raw").write_bytes(data)
    prepare({"b": "cat b.raw |"})
    assert len(read_phrase("b_0000")) == len(tone())


def test_above_full_scale_is_turned_down_not_clipped():
    soundfile.write("a.wav", tone(gain=1.6), FS, subtype="FLOAT")
    report = prepare({"a": "a.wav"})
    assert report.warnings == ["a: turned down by 4.08 dB: its peak was above full scale"]
    assert np.abs(read_phrase("a_0000") - tone(gain=1.0)).max() < 1e-3


# What is not


def _write_bad():
    soundfile.write("nan.wav", np.where(np.arange(FS) == 4000, np.nan, 0.1), FS, subtype="FLOAT")
    soundfile.write("inf.wav", np.where(np.arange(FS) == 8000, np.inf, 0.1), FS, subtype="FLOAT")
    soundfile.write("low.wav", tone(fs=8000), 8000)
    soundfile.write("no_samples.wav", np.zeros(0), FS)
    soundfile.write("opposed.wav", np.stack([tone(), -tone()], axis=1), FS)
    soundfile.write("long.flac", np.random.default_rng(0).uniform(-1, 1, FS) / 2, FS)
    Path("cut.flac").write_bytes(Path("long.flac").read_bytes()[:9000])
    Path("text.wav").write_text("hello")
    Path("zero.wav").touch()
    Path("folder.wav").mkdir()
    return {
        "clipped": np.clip(tone(gain=3), -1, 1),
        "cut": "cut.flac",
        "folder": "folder.wav",
        "inf": "inf.wav",
        "low": "low.wav",
        "missing": "missing.wav",
        "nan": "nan.wav",
        "no_samples": "no_samples.wav",
        "one": np.array([0.5]),
        "opposed": "opposed.wav",
        "short": tone(0.05),
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
    "text": "cannot be read as audio: it is text",
    "zero": "empty: zero.wav has 0 bytes",
}


def test_bad_among_good_is_named_and_left_out(capsys):
    data_dir({**_write_bad(), "good": tone()})
    main()
    assert list(read_table("dump/train/wav.scp")) == ["good_0000"]
    shown = capsys.readouterr().err.splitlines()
    problems = [line.removeprefix("left out: ") for line in shown if line.startswith("left out: ")]
    assert len(problems) == len(BAD)
    for problem, (name, message) in zip(problems, sorted(BAD.items())):
        assert problem.startswith(f"{name}: {message}")
    said = next(line for line in shown if line.startswith("dump/train: 1 phrases"))
    assert said == "dump/train: 1 phrases, 0.0 minutes, of 15 recordings (0 were done before); 14 left out"
    # What was dropped is told too, with a warning where it is the greater part.
    assert "minutes dropped (" in shown[shown.index(said) + 1]
    assert shown[-2].startswith("warning: dump/train: less than half of the sound is kept")
    assert shown[-1].startswith("dump/train: recordings that end below 8 kHz: singer (1 of 1, up to 4.0 kHz)")
    assert Path("dump/train/problems.txt").read_text().splitlines() == shown[: shown.index(said)]


def test_strict_says_no_at_the_end():
    data_dir({"bad": "missing.wav", "good": tone()})
    with pytest.raises(SystemExit, match="error: --strict: 1 of data had to be left out"):
        main("--strict")
    assert list(read_table("dump/train/wav.scp")) == ["good_0000"]


def test_nothing_good(tmp_path):
    with pytest.raises(UserError, match="data: none of its 14 recordings can be used .the first: clipped: "):
        prepare(_write_bad())
    assert not Path("dump/train/wav.scp").exists()


def test_clipped_a_little_is_kept_with_a_warning():
    wav = tone(10)
    wav[5000:5032] = 1.0
    report = prepare({"a": wav})
    assert report.phrases == 1
    assert report.warnings == ["a: clipped in places: 0.0002 of its samples are at full scale; kept"]


def test_peak_at_full_scale_is_not_clipping():
    wav = tone(10)
    wav[5000] = 1.0
    assert not prepare({"a": wav}).warnings


def test_upsampling_when_allowed():
    soundfile.write("a.wav", tone(2, 8000), 8000)
    report = prepare({"a": "a.wav"}, allow_upsampling=True)
    assert report.warnings == ["a: upsampled from 8000 Hz: its real bandwidth ends at 4000 Hz"]
    middle = slice(FS // 2, FS)
    assert np.abs(read_phrase("a_0000")[middle] - tone(2)[middle]).max() < 1e-3


@pytest.mark.parametrize("table", ["wav.scp", "segments"])
def test_two_utterances_with_one_id(table):
    data = data_dir({"a": tone(), "b": tone()}, "u a 0 1\nv b 0 1\n")
    (data / table).write_text((data / table).read_text() * 2)
    with pytest.raises(UserError, match=f"{table}: two entries have the id"):
        prepare_data_dir(data, Path("dump/train"), SPEC)
    assert not Path("dump").exists()


def test_id_that_is_no_file_name():
    with pytest.raises(UserError, match="the id '../a' cannot name a file"):
        prepare({"../a": "a.wav"})


def test_another_spec():
    prepare({"a": tone()})
    for name, value in (("fs", 44100), ("n_mels", 80)):
        with pytest.raises(
            UserError, match=f"spec.yaml was made with {name} {getattr(SPEC, name)} and {name} {value} is"
        ):
            prepare_data_dir(Path("data"), Path("dump/dev"), dataclasses.replace(SPEC, **{name: value}))
    assert not Path("dump/dev").exists()


def test_out_is_not_data():
    with pytest.raises(UserError, match="--data and --out are the same folder"):
        prepare_data_dir(data_dir({"a": tone()}), Path("data"), SPEC)
    assert read_table("data/wav.scp") == {"a": "a.wav"}
