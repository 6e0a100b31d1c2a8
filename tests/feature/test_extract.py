"""Stage 3: features as the contract says, in parallel, whole after any interruption, with an honest F0 audit."""

import dataclasses
import os
import signal
import subprocess
import sys
from pathlib import Path

import kaldiio
import numpy as np
import pytest
import soundfile
import torch
import yaml
from extract_data import DATA, FS, SPEC, read_audit, tone, write_tones
from waiting import until

from espnet2_nhv.bin import extract as program
from espnet2_nhv.bin.cli import run_cli
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature import extract as module
from espnet2_nhv.feature.ark import ArkTable
from espnet2_nhv.feature.datadir import read_table, write_table
from espnet2_nhv.feature.extract import extract_features, print_report
from espnet2_nhv.feature.mel import LogMel
from espnet2_nhv.feature.pitch.analysis import extract_f0
from espnet2_nhv.feature.prepare import prepare_data_dir
from espnet2_nhv.feature.spec import FeatureSpec

TABLES = ("feats.scp", "f0.scp", "vuv.scp", "utt2num_frames")


pytestmark = pytest.mark.usefixtures("own_folder")


def _features():
    """Everything the tables lead to, and the texts of the tables themselves."""
    arrays = {name: dict(ArkTable(DATA / name)) for name in TABLES[:3]}
    texts = {name: (DATA / name).read_text() for name in (*TABLES, "f0_audit.tsv")}
    return arrays, texts


def _equal(a, b):
    same = all(np.array_equal(a[0][name][utt], b[0][name][utt]) for name in a[0] for utt in a[0][name])
    return same and a[0].keys() == b[0].keys() and a[1] == b[1]


def _times():
    return {path: path.stat().st_mtime_ns for path in sorted(DATA.rglob("*")) if path.is_file()}


def test_features_are_those_of_the_contract():
    names = write_tones(3)
    report = extract_features(DATA, SPEC)
    assert (report.utterances, report.kept, report.problems) == (3, 0, [])
    feats, f0s, vuvs = (ArkTable(DATA / name) for name in TABLES[:3])
    n_frames = read_table(DATA / "utt2num_frames")
    for name in names:
        wav, _ = soundfile.read(DATA / "flac" / f"{name}.flac", dtype="float32")
        assert int(n_frames[name]) == len(wav) // SPEC.hop_length
        mel = LogMel(SPEC)(torch.from_numpy(wav))[0].T
        np.testing.assert_allclose(feats[name], mel, atol=1e-5)
        f0, vuv = extract_f0(wav, SPEC)
        assert f0s[name].shape == vuvs[name].shape == (len(f0), 1)
        assert np.array_equal(f0s[name][:, 0], f0) and np.array_equal(vuvs[name][:, 0], vuv)
        assert feats[name].dtype == f0s[name].dtype == vuvs[name].dtype == np.float32
    assert FeatureSpec.load("dump/spec.yaml") == FeatureSpec.load(DATA / "ark" / "spec.yaml") == SPEC
    assert (DATA / "feats.scp").read_text().startswith(f"tone00 {DATA}/ark/feats.1.ark:")


def test_second_run_touches_nothing(capsys):
    write_tones(10)
    extract_features(DATA, SPEC)
    before = _times()
    report = extract_features(DATA, SPEC, nj=2)
    assert report.kept == report.utterances == 10 and _times() == before
    assert report.seconds == pytest.approx(sum(int(n) for n in read_table(DATA / "utt2num_frames").values()) * 0.008)


def test_only_what_changed_is_done_again():
    write_tones(10)
    extract_features(DATA, SPEC)
    before = _times()
    soundfile.write(DATA / "flac" / "tone05.flac", tone(500, 0.5), FS)
    report = extract_features(DATA, SPEC)
    assert report.kept == 6  # the other two jobs
    assert abs(np.median(ArkTable(DATA / "f0.scp")["tone05"]) - 500) < 1
    changed = {path.name for path, moment in _times().items() if before.get(path) != moment}
    assert {"feats.2.ark", "job.2.json", "feats.scp"} <= changed and not {"feats.1.ark", "feats.3.ark"} & changed


def test_a_recording_in_an_ark_that_was_written_again_is_noticed():
    for pitch, kept in ((220, 0), (220, 1), (330, 0)):
        if not kept:
            with kaldiio.WriteHelper("ark,scp:wav.ark,wav.scp", write_function="soundfile") as writer:
                writer["a"] = (tone(pitch) * 32767).astype(np.int16), FS
            write_tones(0, a=Path("wav.scp").read_text().split()[1])
        assert extract_features(DATA, SPEC).kept == kept
    assert abs(np.median(_features()[0]["f0.scp"]["a"]) - 330) < 1


def test_fewer_utterances_leave_no_stale_files():
    write_tones(10)
    extract_features(DATA, SPEC)
    write_tones(3)
    extract_features(DATA, SPEC)
    assert sorted(path.name for path in (DATA / "ark").iterdir()) == [
        "f0.1.ark", "feats.1.ark", "job.1.json", "spec.yaml", "vuv.1.ark"
    ]  # fmt: skip
    assert set(ArkTable(DATA / "feats.scp")) == {"tone00", "tone01", "tone02"}


def test_interrupted_run_goes_on(monkeypatch):
    write_tones(10)
    extract_features(DATA, SPEC)
    undisturbed = _features()
    for path in (DATA / "ark").iterdir():
        path.unlink()
    run_job = module.run_job

    def interrupted(job):
        if job.number == 3:
            raise KeyboardInterrupt
        return run_job(job)

    monkeypatch.setattr(module, "run_job", interrupted)
    with pytest.raises(KeyboardInterrupt):
        extract_features(DATA, SPEC)
    # Tables of the earlier run would lead to places in files that are no longer the same.
    assert not any((DATA / name).exists() for name in TABLES)
    monkeypatch.setattr(module, "run_job", run_job)
    assert extract_features(DATA, SPEC).kept == 8
    assert _equal(_features(), undisturbed)


@pytest.mark.slow
def test_killed_parallel_run_goes_on_and_gives_the_same():
    write_tones(24)
    SPEC.save("dump/spec.yaml")
    # One recording that does not come before it is told to, so that the run cannot end before it is killed.
    sources = read_table(DATA / "wav.scp")
    sources["tone13"] = f"while [ ! -e go ]; do sleep 0.05; done; cat {sources['tone13']} |"
    write_table(DATA / "wav.scp", sources)
    command = [sys.executable, "-m", "espnet2_nhv.bin.extract", "--data", str(DATA), "--nj", "2"]
    process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
    try:
        until(lambda: len(list((DATA / "ark").glob("job.*.json"))) == 5, process)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    finished = len(list((DATA / "ark").glob("job.*.json")))
    assert finished == 5 and not (DATA / "feats.scp").exists()
    Path("go").touch()
    (DATA / "ark" / "feats.9.ark.part").write_bytes(b"half")
    report = extract_features(DATA, SPEC)
    assert report.kept == 4 * finished and report.utterances == 24
    resumed = _features()
    assert not list((DATA / "ark").glob("*.part"))
    for path in (DATA / "ark").iterdir():
        path.unlink()
    extract_features(DATA, SPEC)
    assert _equal(_features(), resumed)


@pytest.mark.parametrize("kind", ["feats", "f0", "vuv"])
def test_truncated_ark_is_made_again(kind, capsys):
    write_tones(6)
    extract_features(DATA, SPEC)
    whole = _features()
    path = DATA / "ark" / f"{kind}.2.ark"
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(UserError, match="tone05 cannot be read, the file is cut short"):
        ArkTable(DATA / f"{kind}.scp")["tone05"]
    capsys.readouterr()
    assert extract_features(DATA, SPEC).kept == 4
    assert f"{path} is missing or cut short: it is made again" in capsys.readouterr().err
    assert _equal(_features(), whole)


def test_missing_and_garbled_records_are_made_again():
    write_tones(6)
    extract_features(DATA, SPEC)
    whole = _features()
    (DATA / "ark" / "vuv.1.ark").unlink()
    (DATA / "ark" / "job.2.json").write_text('{"key": "half')
    assert extract_features(DATA, SPEC).kept == 0
    assert _equal(_features(), whole)
    (DATA / "f0.scp").unlink()
    assert extract_features(DATA, SPEC).kept == 6
    assert _equal(_features(), whole)


def test_changed_spec_is_done_again_and_said(capsys):
    write_tones(3)
    extract_features(DATA, SPEC)
    other = dataclasses.replace(SPEC, hop_length=160)
    with pytest.raises(UserError) as refusal:
        extract_features(DATA, other)
    assert str(refusal.value).startswith("dump/spec.yaml has hop_length 128 but hop_length 160 is asked for: change")
    assert extract_features(DATA, SPEC).kept == 3  # the refusal has lost nothing
    other.save("dump/spec.yaml")
    capsys.readouterr()
    assert extract_features(DATA, other).kept == 0
    assert "the spec has changed (hop_length 128 -> hop_length 160): all is extracted again" in capsys.readouterr().err
    assert len(ArkTable(DATA / "feats.scp")["tone00"]) == int(0.3 * FS) // 160


def test_another_method_is_done_again():
    write_tones(3)
    extract_features(DATA, SPEC)
    before = _features()
    assert extract_features(DATA, SPEC, method="dio").kept == 0
    assert not _equal(_features(), before)


def test_wrong_rate_is_refused():
    write_tones(2)
    soundfile.write(DATA / "flac" / "tone01.flac", tone(fs=44100), 44100)
    with pytest.raises(UserError) as refusal:
        extract_features(DATA, SPEC)
    assert str(refusal.value) == (
        "tone01: dump/train/flac/tone01.flac has a sampling rate of 44100 Hz but the feature spec is for 16000 Hz: "
        "run stage 2 with this spec, it resamples"
    )
    assert not (DATA / "feats.scp").exists()


def test_bad_files_are_listed_and_skipped(capsys):
    Path("noise.flac").write_bytes(b"no audio at all")
    write_tones(2, absent="absent.flac", broken="noise.flac", silent=np.zeros(8000), tiny=tone()[:100])
    report = extract_features(DATA, SPEC)
    assert report.utterances == 2 and len(report.problems) == 4
    problems = dict(problem.split(": ", 1) for problem in report.problems)
    assert problems["absent"] == "missing: there is no file absent.flac"
    assert problems["broken"].startswith("cannot be read as audio")
    assert problems["silent"].startswith("silent")
    assert problems["tiny"] == "too short: it has 100 samples and a frame has 128"
    assert set(ArkTable(DATA / "feats.scp")) == set(read_audit()) == {"tone00", "tone01"}
    print_report(report, DATA)
    printed = capsys.readouterr().err
    assert "left out: absent: missing" in printed and "dump/train: features of 2 utterances" in printed
    soundfile.write("absent.flac", tone(), FS)
    assert extract_features(DATA, SPEC).utterances == 3  # mended, and found


def test_nothing_usable_is_an_error():
    write_tones(0, absent="absent.flac")
    with pytest.raises(UserError, match="dump/train: none of its utterances can be used .* absent: missing"):
        extract_features(DATA, SPEC)


@pytest.mark.parametrize(
    "content, sentence",
    [
        (None, "dump/train/wav.scp is missing"),
        ("", "dump/train/wav.scp is empty"),
        ("a x.flac\na y.flac\n", "two entries have the id 'a'"),
    ],
)
def test_bad_wav_scp(content, sentence):
    DATA.mkdir(parents=True)
    if content is not None:
        (DATA / "wav.scp").write_text(content)
    with pytest.raises(UserError, match=sentence):
        extract_features(DATA, SPEC)


def _run(*options):
    """Exit status and last message of the command line, in this process."""
    argv, sys.argv = sys.argv, ["extract", *options]
    try:
        run_cli(program.main)
    except SystemExit as end:
        return end.code
    finally:
        sys.argv = argv
    return 0


def test_command_line(capsys):
    assert _run("--data", "dump/train") == (
        "error: dump/spec.yaml: no feature spec there; features without one cannot be trusted"
    )
    write_tones(2, absent="absent.flac")
    SPEC.save("dump/spec.yaml")
    assert _run("--data", "dump/train", "--f0_method", "dio") == 0
    assert "1 left out" in capsys.readouterr().err
    assert _run("--data", "dump/train", "--f0_method", "dio", "--strict") == (
        "error: --strict: 1 of dump/train had to be left out (see above)"
    )
    assert _run("--data", "dump/nowhere", "--spec", "dump/spec.yaml") == (
        "error: dump/nowhere is missing: run stage 2 first"
    )


def test_real_singing(pjs):
    """Stages 2 and 3 on a real song; its features are those of the flac that stage 2 wrote."""
    spec = FeatureSpec()
    Path("data").mkdir()
    song = next(pjs.glob("pjs001/pjs001_song.*"))
    Path("data/wav.scp").write_text(f"pjs001 {song}\n")
    Path("data/utt2spk").write_text("pjs001 pjs\n")
    prepare_data_dir(Path("data"), DATA, spec)
    report = extract_features(DATA, spec)
    samples = {utt: int(n) for utt, n in read_table(DATA / "utt2num_samples").items()}
    assert {utt: int(n) for utt, n in read_table(DATA / "utt2num_frames").items()} == {
        utt: n // 256 for utt, n in samples.items()
    }
    assert report.problems == [] and report.warnings == []
    for utt, row in read_audit().items():
        assert 80 < float(row["low_hz"]) < float(row["median_hz"]) < float(row["high_hz"]) < 600
        assert 0.4 < float(row["voiced"]) < 1 and float(row["octave_jumps_per_minute"]) < 6
        assert np.isfinite(ArkTable(DATA / "feats.scp")[utt]).all()
    assert yaml.safe_load(Path("dump/spec.yaml").read_text())["hop_length"] == 256
