"""What git has of this project: no links, which point elsewhere on another machine, and nothing of an environment."""

import subprocess

import pytest
from conftest import ROOT


def git(*arguments):
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("there is no git")
    if done.returncode > 1:
        pytest.skip("this is no checkout")
    return done.stdout.splitlines()


def test_no_links_are_tracked():
    assert [line for line in git("ls-files", "--stage") if line.startswith("120000")] == []


def test_an_environment_is_ignored_be_it_a_folder_or_a_link():
    assert git("check-ignore", "--no-index", ".venv") == [".venv"]
