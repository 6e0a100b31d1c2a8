"""Files that are whole or not there: what is in a folder after each way in which writing can end."""

import errno
import fcntl
import multiprocessing
import os
import signal
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from waiting import LONG, until

from espnet2_nhv.bin.cli import run_cli
from espnet2_nhv.files import whole_file, write_whole

pytestmark = pytest.mark.usefixtures("own_folder")


@pytest.fixture
def nobody(tmp_path):
    """A user who may not write here, also where the tests run as root."""
    Path("old.txt").write_bytes(b"old")
    tmp_path.chmod(0o555)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    yield
    if root:
        os.seteuid(0)
    tmp_path.chmod(0o755)


def _files():
    return {path.name: path.read_bytes() if path.is_file() else None for path in Path().iterdir()}


@pytest.mark.parametrize(
    "content, written",
    [("låt\n", b"l\xc3\xa5t\n"), (b"\x00\xff", b"\x00\xff"), (memoryview(b"abc"), b"abc"), ("", b"")],
)
@pytest.mark.parametrize("shared", [False, True])
def test_text_and_bytes_take_the_place_of_what_was_there(content, written, shared):
    write_whole("new.txt", content, shared)
    Path("old.txt").write_bytes(b"something longer than all of it")
    write_whole(Path("old.txt"), content, shared)
    assert _files() == {"new.txt": written, "old.txt": written}


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ValueError, MemoryError])
def test_what_ends_the_block_early_leaves_the_old_file_and_nothing_else(error, shared):
    Path("old.txt").write_bytes(b"old")
    for name in ("old.txt", "new.txt"):
        with pytest.raises(error):
            with whole_file(name, shared) as part:
                part.write_bytes(b"half")
                assert len(_files()) == 2 and Path("old.txt").read_bytes() == b"old"
                raise error
        assert _files() == {"old.txt": b"old"}


def test_it_is_on_the_disk_before_it_takes_its_name(monkeypatch):
    """Else a power failure could leave an empty file under the name of the whole one."""
    steps, sync, replace = [], os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda file: (steps.append(os.fstat(file).st_size), sync(file)))
    monkeypatch.setattr(os, "replace", lambda *paths: (steps.append("named"), replace(*paths)))
    write_whole("new.txt", "new")
    with whole_file("cache.txt", sync=False) as part:
        part.write_bytes(b"cache")
    assert steps == [3, "named", "named"]


def _is_full(pipe):
    waiting = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0]
    return waiting == fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ)


def _sleeps(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "S"


@pytest.mark.skipif(not hasattr(fcntl, "F_GETPIPE_SZ"), reason="asks Linux how full a pipe is (Python 3.10)")
def test_ctrl_c_in_the_middle_of_a_write():
    """A true SIGINT, while the writer waits inside its write for a reader of a pipe that never reads all."""
    Path("old.txt").write_bytes(b"old")
    os.mkfifo("old.txt.part")
    # A shell's background jobs ignore SIGINT, and so would this one if the tests run in one.
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    code += "from espnet2_nhv.files import write_whole; write_whole('old.txt', bytes(1 << 20))"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    process = subprocess.Popen([sys.executable, "-c", code], env=environment, stderr=subprocess.PIPE)
    with open("old.txt.part", "rb") as pipe:
        pipe.read(1)
        until(lambda: _is_full(pipe) and _sleeps(process.pid), process)  # in its write, then
        process.send_signal(signal.SIGINT)
        _, message = process.communicate(timeout=LONG)
    assert b"KeyboardInterrupt" in message
    assert _files() == {"old.txt": b"old"}


def test_content_that_is_no_text():
    Path("old.txt").write_bytes(b"old")
    with pytest.raises(UnicodeEncodeError):
        write_whole("old.txt", "half \ud800")
    assert _files() == {"old.txt": b"old"}


def test_what_a_killed_process_left_is_written_over():
    Path("new.txt.part").write_bytes(b"left by a process that was killed, and longer")
    write_whole("new.txt", "new")
    assert _files() == {"new.txt": b"new"}


def test_a_full_disk_is_said_of_the_file_itself():
    Path("old.txt").write_bytes(b"old")
    Path("old.txt.part").symlink_to("/dev/full")
    with pytest.raises(OSError) as error:
        write_whole("old.txt", "new")
    assert (error.value.errno, error.value.filename) == (errno.ENOSPC, "old.txt")
    assert _files() == {"old.txt": b"old"}


def test_writers_of_one_file_do_not_meet():
    """The second begins and ends while the first writes; then the first, whole too, takes its place."""
    with whole_file("same.txt", shared=True) as first:
        first.write_bytes(b"first, ")
        with whole_file("same.txt", shared=True) as second:
            second.write_bytes(b"second")
        assert Path("same.txt").read_bytes() == b"second"
        with open(first, "ab") as file:
            file.write(b"whole")
        with pytest.raises(KeyboardInterrupt), whole_file("same.txt", shared=True) as third:
            third.write_bytes(b"third")
            raise KeyboardInterrupt
    assert _files() == {"same.txt": b"first, whole"}


def test_what_killed_writers_of_one_file_left_is_swept_and_what_is_being_written_is_not():
    Path("same.txt.0123abcd.part").write_bytes(b"left by a process that was killed")
    Path("same.txt.part").write_bytes(b"another's")
    with whole_file("same.txt", shared=True) as first:
        first.write_bytes(b"first")
        write_whole("same.txt", "second", shared=True)
        assert first.read_bytes() == b"first" and len(_files()) == 3
    assert _files() == {"same.txt": b"first", "same.txt.part": b"another's"}


def test_many_writers_of_one_file_at_once():
    """Each sweeps while the others begin: none loses its own."""
    pool = multiprocessing.get_context("fork").Pool(4)
    with pool:
        assert pool.map(_write_often, range(4)) == [None] * 4
    assert list(_files()) == ["same.txt"]


def _write_often(number):
    for _ in range(100):
        write_whole("same.txt", str(number), shared=True)


def test_a_folder_that_is_not_there_or_is_in_the_way():
    with pytest.raises(FileNotFoundError) as error:
        write_whole("nowhere/new.txt", "new")
    assert error.value.filename == "nowhere/new.txt"
    Path("folder").mkdir()
    with pytest.raises(OSError) as error:
        write_whole("folder", "new")
    assert error.value.filename == "folder"
    assert [path.name for path in Path().iterdir()] == ["folder"]


def test_a_wrong_place_is_one_sentence_on_the_command_line():
    Path("file").touch()
    Path("folder").mkdir()
    places = {
        "nowhere/new.txt": "there is no such file or folder",
        "file/new.txt": "a part of it is a file, not a folder",
        "folder": "it is a folder, not a file",
        "n" * 300: "this disk takes no name as long as that",
    }
    for place, words in places.items():
        with pytest.raises(SystemExit, match=f"^error: {place}: {words}: give another path$"):
            run_cli(lambda: write_whole(place, "new"))
    with pytest.raises(SystemExit, match="^error: file: it is a file, not a folder: give another path$"):
        run_cli(lambda: Path("file").mkdir())


def test_no_permission_is_one_sentence_on_the_command_line(nobody):
    with pytest.raises(SystemExit, match=r"^error: old\.txt: permission denied"):
        run_cli(lambda: write_whole("old.txt", "new"))
    with pytest.raises(PermissionError):
        write_whole("new.txt", "new", shared=True)
    assert _files() == {"old.txt": b"old"}
