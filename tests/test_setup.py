"""tools/setup.sh, as far as it goes without installing anything."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILES = ("tools/setup.sh", "tools/constraints.txt", "tools/overrides.txt", "setup.py")


@pytest.fixture
def checkout(tmp_path):
    for name in FILES:
        (tmp_path / "here" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / "here" / name)
    return tmp_path / "here"


def run(checkout):
    env = {"PYTHON": sys.executable, "PATH": os.environ["PATH"]}
    return subprocess.run(["tools/setup.sh"], cwd=checkout, env=env, capture_output=True, text=True)


@pytest.mark.parametrize("theirs", ["other", "here"])
def test_the_environment_of_another_checkout_is_left_alone(checkout, tmp_path, theirs):
    programs = tmp_path / "environment" / "bin"
    programs.mkdir(parents=True)
    origin = tmp_path / theirs / "espnet2_nhv" / "__init__.py"
    # Says where the package is found, and notes whatever else it is called for.
    (programs / "python").write_text(
        f'#!/bin/sh\n[ "$1" = -c ] && echo {origin} && exit 0\necho "$@" >> {tmp_path}/called\nexit 3\n'
    )
    (programs / "python").chmod(0o755)
    (checkout / ".venv").symlink_to(programs.parent)
    result = run(checkout)
    called = (tmp_path / "called").exists()
    if theirs == "other":
        assert result.returncode == 1 and not called
        assert result.stderr == (
            f"error: .venv is a link to the environment of {tmp_path / 'other'}: remove the link, and this checkout "
            "gets its own\n"
        )
    else:  # its own, kept elsewhere
        assert called and "error: .venv" not in result.stderr
