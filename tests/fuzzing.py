"""What tests of files that nobody meant share.

Three hundred cases in all; ``NHV_FUZZ=10000`` tries ten thousand (tests/nightly.sh). Nothing may run, nothing may be
written but where it was asked for, and nothing may raise but what people are meant to read.
"""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.audio import BadAudio

KINDS = 14  # tests that share the cases
CASES = max(1, -(-int(os.environ.get("NHV_FUZZ", "300")) // KINDS))
fuzz = settings(
    max_examples=CASES, deadline=None, database=None, derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)  # fmt: skip
TRACE = "ran"


class Runs:
    """What leaves a file behind if it is unpickled."""

    def __reduce__(self):
        return os.system, (f"touch {TRACE}",)


@pytest.fixture(autouse=True, scope="module")
def here(tmp_path_factory):
    """A folder of its own, in which nothing has run at the end."""
    folder, before = tmp_path_factory.mktemp("fuzz"), os.getcwd()
    os.chdir(folder)
    yield folder
    os.chdir(before)
    assert not (folder / TRACE).exists()


def tried(function, *arguments):
    """What `function` gives, or None where it refuses, in one sentence of a length that can be read."""
    before = set(os.listdir())
    try:
        return function(*arguments)
    except (UserError, BadAudio) as error:
        assert str(error).strip() and "\n" not in str(error) and len(str(error)) < 2000, str(error)
        return None
    finally:
        assert set(os.listdir()) == before


def written(name, content):
    """A path in a new folder, so that nothing is known of it from before."""
    path = Path(tempfile.mkdtemp(dir="..")) / name
    path.write_bytes(content)
    return path


def damaged(content):
    """Bytes of which some are others, or missing, or too many."""

    @st.composite
    def change(draw):
        changed = bytearray(content)
        for _ in range(draw(st.integers(0, 4))):
            at = draw(st.integers(0, max(0, min(len(changed) - 1, draw(st.sampled_from([16, 64, 300, 10**6]))))))
            changed[at : at + draw(st.integers(0, 4))] = draw(st.binary(max_size=4))
        return bytes(changed[: draw(st.sampled_from([len(changed)] * 3 + [0, 1, 7, len(changed) // 2]))])

    return change()
