"""The bench from recording to recording."""

import sys

import pytest
from exports import save_small

from espnet2_nhv.bench.end_to_end import end_to_end_table, measure_end_to_end
from espnet2_nhv.errors import UserError


def test_rows_of_a_short_recording(tmp_path):
    vocoder = str(save_small(tmp_path / "saved"))
    (row,) = measure_end_to_end(["dio"], [3.0], vocoder=vocoder)
    assert row["method"] == "dio" and row["seconds"] == 3.0
    assert row["f0"] > 0 and row["mel"] > 0 and row["vocoder"] > 0
    # The parts are parts of the whole.
    parts = 3.0 * sum(row[name] for name in ("f0", "mel", "vocoder", "other"))
    assert row["start"] + parts == pytest.approx(row["cpu"], rel=0.05) and row["wall"] > 0
    assert row["peak_mb"] > 100
    assert end_to_end_table([row]).count("\n") == 2
    with pytest.raises(UserError, match="copy_synthesis with crepe: .*invalid choice"):
        measure_end_to_end(["crepe"], [1.0], vocoder=vocoder)


def test_a_bad_recording_is_one_sentence(tmp_path, monkeypatch):
    from espnet2_nhv.bin import bench

    (tmp_path / "a.wav").write_text("no sound")
    arguments = ["--end_to_end", "--recording", str(tmp_path / "a.wav"), "--json", str(tmp_path / "rows.json")]
    monkeypatch.setattr(sys, "argv", ["bench", *arguments])
    with pytest.raises(UserError, match="a.wav: not readable as audio"):
        bench.main()
    assert not (tmp_path / "rows.json").exists()
