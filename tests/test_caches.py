"""Where numba may write what it compiles, for who may write to little."""

import os
import stat
import tempfile
from pathlib import Path

import pytest

from espnet2_nhv import caches


@pytest.fixture
def poor(tmp_path, monkeypatch):
    """Somebody without a home, in an environment that is read-only."""
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    (tmp_path / "file").touch()
    monkeypatch.setenv("HOME", str(tmp_path / "file"))  # in which no folder can be made, not even by root
    monkeypatch.setattr(caches.os, "access", lambda path, mode: False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_folder_of_ones_own(poor):
    caches.make_room_for_numba()
    folder = Path(os.environ["NUMBA_CACHE_DIR"])
    assert folder == poor / f"numba-{os.getuid()}" and stat.S_IMODE(folder.stat().st_mode) == 0o700
    del os.environ["NUMBA_CACHE_DIR"]
    caches.make_room_for_numba()
    assert os.environ["NUMBA_CACHE_DIR"] == str(folder)  # what is compiled is found again


@pytest.mark.parametrize("kind", ["open to all", "link"])
def test_a_folder_of_others_is_not_trusted(poor, kind):
    folder = poor / f"numba-{os.getuid()}"
    if kind == "link":
        (poor / "theirs").mkdir()
        folder.symlink_to(poor / "theirs")
    else:
        folder.mkdir()
        folder.chmod(0o777)
    caches.make_room_for_numba()
    chosen = Path(os.environ["NUMBA_CACHE_DIR"])
    assert chosen != folder and chosen.parent == poor and stat.S_IMODE(chosen.stat().st_mode) == 0o700


def test_what_is_given_stays_and_who_can_write_needs_nothing(poor, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", "given")
    caches.make_room_for_numba()
    assert os.environ["NUMBA_CACHE_DIR"] == "given"
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    monkeypatch.setattr(caches.os, "access", lambda path, mode: True)
    caches.make_room_for_numba()
    assert "NUMBA_CACHE_DIR" not in os.environ
