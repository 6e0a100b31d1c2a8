"""What several tests share."""

import os
import random
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from page_browser import chromium, page_address  # noqa: F401
from page_files import page, page_folders  # noqa: F401
from result_files import expdir  # noqa: F401

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "local"))  # the recipe's own scripts


@pytest.fixture
def own_folder(tmp_path, monkeypatch) -> Path:
    """A working directory of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def pjs() -> Path:
    """The PJS corpus, where the environment names it."""
    folder = os.environ.get("PJS", "")
    if not os.path.isdir(folder):
        pytest.skip("PJS does not name the folder PJS_corpus_ver1.1 (export PJS=...)")
    return Path(folder)


@pytest.fixture(scope="session")
def demo_wavs() -> dict:
    """A melody of each demo singer: name to (wav (L,) at 44.1 kHz, true F0 in Hz every 147 samples, 0 if unvoiced)."""
    from demo_data import VOICES, compose
    from demo_singer import sing

    songs = {}
    for seed, (name, voice) in enumerate(VOICES.items()):
        rng = np.random.default_rng(seed)
        songs[name] = sing(compose(voice, 2, rng), voice, rng)
    return songs


def pytest_runtest_setup() -> None:
    """Each test draws the same numbers every time, whichever ran before it in the same process."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


def pytest_collection_modifyitems(items) -> None:
    """The longest file first: with several processes, nothing then waits for it at the end."""
    items.sort(key=lambda item: item.path.name != "test_recipe.py")
