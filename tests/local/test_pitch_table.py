"""The trackers' table: what is no recording is one sentence."""

import pitch_table
import pytest

from espnet2_nhv.errors import UserError


def test_what_is_no_recording(tmp_path):
    (tmp_path / "text.wav").write_text("text")
    for name in ("text.wav", "none.wav"):
        with pytest.raises(UserError, match=f"{name}: not readable as audio"):
            next(pitch_table.resynthesised([tmp_path / name], 1.0))
