"""Songs that models of ESPnet are trained on and sing, and the timing they sing them in."""

import pytest
import tiny_espnet as tiny

from espnet2_nhv.espnet.listener import set_durations


@pytest.fixture(scope="module")
def batch():
    return tiny.singing_batch()


@pytest.fixture(scope="module")
def one(batch):
    """The first song alone, as inference takes it."""
    return {name: value[0] for name, value in batch.items() if not name.endswith("_lengths") and name != "singing"}


@pytest.fixture
def label_timing():
    set_durations("label")
    yield
    set_durations("predicted")
