"""Stage 2: a run that was killed or comes again goes on, and parallel jobs end as they should."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from prepare_data import FS, SPEC, data_dir, main, prepare, read_phrase, tone
from waiting import until

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.datadir import read_table
from espnet2_nhv.feature.prepare import prepare_data_dir

pytestmark = pytest.mark.usefixtures("own_folder")


def _start(*options):
    SPEC.save("spec.yaml")
    command = [sys.executable, "-m", "espnet2_nhv.bin.prepare", "--data", "data", "--out", "dump/train"]
    return subprocess.Popen([*command, "--spec", "spec.yaml", *options], stderr=subprocess.PIPE, text=True)


# A recording whose command ends when a file is there, or the folder is not any more.
_HELD = "while [ -e a.wav ] && [ ! -e go ]; do sleep 0.05; done; cat b.wav |"


def test_full_disk():
    prepare({"a": tone()})
    data_dir({"a": "a.wav", "b": tone()})
    Path("dump/train/flac/b_0000.flac.part").symlink_to("/dev/full")
    with pytest.raises(SystemExit, match="error: the disk is full while writing dump/train/flac/b_0000.flac: free"):
        main()
    assert not Path("dump/train/wav.scp").exists()
    assert prepare_data_dir(Path("data"), Path("dump/train"), SPEC).skipped == 1
    assert list(read_table("dump/train/wav.scp")) == ["a_0000", "b_0000"]


def test_what_is_done_is_not_done_again():
    report = prepare({"a": tone(), "b": tone(), "c": tone()})
    assert report.skipped == 0
    files = [path for path in sorted(Path("dump/train").rglob("*.*")) if path.name != "prepared.jsonl"]
    before = [path.stat().st_mtime_ns for path in files]
    report = prepare_data_dir(Path("data"), Path("dump/train"), SPEC)
    assert report.skipped == 3 and [path.stat().st_mtime_ns for path in files] == before
    # Another sound, a new recording, one that is gone, and a phrase that somebody deleted.
    soundfile.write("a.wav", tone(2), FS)
    Path("dump/train/flac/b_0000.flac").unlink()
    report = prepare({"a": "a.wav", "b": "b.wav", "d": tone()})
    assert report.skipped == 0 and report.phrases == 3 and len(read_phrase("a_0000")) == 2 * FS
    assert sorted(path.stem for path in Path("dump/train/flac").iterdir()) == ["a_0000", "b_0000", "d_0000"]
    report = prepare({"d": "d.wav"})
    assert report.skipped == 1 and list(read_table("dump/train/wav.scp")) == ["d_0000"]


def test_files_of_others_stay():
    prepare({"a": tone()})
    Path("dump/train/flac/mine.flac").touch()
    prepare({"b": tone()})
    assert sorted(path.name for path in Path("dump/train/flac").iterdir()) == ["b_0000.flac", "mine.flac"]


def test_killed_run_goes_on():
    data_dir({"a": tone(), "b": tone(), "z": _HELD})
    log = Path("dump/train/prepared.jsonl")
    run = _start()
    try:
        until(lambda: log.exists() and log.read_text().count("\n") == 2, run)
    finally:
        run.kill()
        run.wait()
        Path("go").touch()  # what is left of the command ends
    assert not Path("dump/train/wav.scp").exists()
    with open(log, "a") as file:  # as if it had been killed while writing this
        file.write('{"recording": "z", "key"')
    before = Path("dump/train/flac/a_0000.flac").stat().st_mtime_ns
    report = prepare({"a": "a.wav", "b": "b.wav", "z": "b.wav"})
    assert report.skipped == 2 and Path("dump/train/flac/a_0000.flac").stat().st_mtime_ns == before
    assert list(read_table("dump/train/wav.scp")) == ["a_0000", "b_0000", "z_0000"]
    assert prepare_data_dir(Path("data"), Path("dump/train"), SPEC).skipped == 3


def test_parallel_jobs_give_the_same():
    wavs = {name: tone(frequency=300 + 100 * i) for i, name in enumerate("abcde")}
    prepare(dict(wavs))
    one = {name: read_phrase(name) for name in read_table("dump/train/wav.scp")}
    os.rename("dump", "other")
    prepare(dict(wavs), nj=2)
    assert one.keys() == read_table("dump/train/wav.scp").keys()
    assert all(np.array_equal(wav, read_phrase(name)) for name, wav in one.items())


def test_killed_worker_is_noticed():
    with pytest.raises(UserError, match="a worker process was killed, perhaps for want of memory"):
        prepare({"a": tone(), "b": "kill -9 $PPID |"}, nj=2)
    assert not Path("dump/train/wav.scp").exists()


@pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="looks for processes in /proc")
def test_workers_end_with_their_parent():
    Path("held").touch()
    held = "while [ -e held ]; do sleep 0.05; done |"
    data_dir({"a": f"echo $PPID > a.pid; {held}", "b": f"echo $PPID > b.pid; {held}"})
    run = _start("--nj", "2")
    pids = [Path("a.pid"), Path("b.pid")]
    try:
        until(lambda: all(path.exists() and path.read_text().endswith("\n") for path in pids), run)
        workers = [int(path.read_text()) for path in pids]
        assert len(set(workers)) == 2 and all(_runs(pid) for pid in workers)
        run.kill()
        run.wait()
        until(lambda: not any(_runs(pid) for pid in workers))
    finally:
        run.kill()
        Path("held").unlink()


def _runs(pid):
    try:  # a process that has ended but was not waited for is a zombie
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
