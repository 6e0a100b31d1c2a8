"""Learning curves: kept while training, shown beside one another."""

from pathlib import Path

from espnet2_nhv.report.curves import curve_table, read_curves
from espnet2_nhv.train.curve import add_point, read_curve


def write_curve(folder, losses, seconds=60.0):
    folder.mkdir(parents=True)
    for epoch, loss in enumerate(losses, 1):
        add_point(folder, epoch, 100 * epoch, seconds * epoch, dict(mr_stft=loss, mel=float("nan")))


def test_points_are_kept_and_made_again_after_a_resume(tmp_path):
    write_curve(tmp_path / "nhv", [0.9, 0.8, 0.7])
    points = read_curve(tmp_path / "nhv")
    assert [point["mr_stft"] for point in points] == [0.9, 0.8, 0.7] and "mel" not in points[0]
    add_point(tmp_path / "nhv", 3, 290, 175.0, dict(mr_stft=0.75))  # the third epoch, from the second's checkpoint
    assert [(point["epoch"], point["steps"]) for point in read_curve(tmp_path / "nhv")] == [
        (1, 100),
        (2, 200),
        (3, 290),
    ]
    add_point(tmp_path / "nhv", 1, 90, 55.0, dict(mr_stft=0.95))  # from the start
    assert [point["steps"] for point in read_curve(tmp_path / "nhv")] == [90]


def test_no_curve_and_a_damaged_one_are_none(tmp_path, caplog):
    assert read_curve(tmp_path) == []
    Path(tmp_path / "curve.jsonl").write_text('{"epoch": 1, "st')
    assert read_curve(tmp_path) == [] and "not readable as a learning curve" in caplog.text


def test_the_table_shows_where_each_is_heading(tmp_path):
    write_curve(tmp_path / "nhv", [0.9, 0.8, 0.7, 0.6])
    write_curve(tmp_path / "slow", [3.0, 1.0, 0.65, 0.55])
    curves = read_curves(tmp_path, ["nhv", "slow", "absent"])
    assert list(curves) == ["nhv", "slow"]
    lines = curve_table(curves).splitlines()
    assert lines[0] == "| vocoder | after 0.5 min | after 1.0 min | after 2.0 min | after 4.0 min | second half |"
    assert lines[2] == "| `slow` |  | 3.000 (100) | 1.000 (200) | 0.550 (400) | -0.450 |"
    assert lines[3] == "| `nhv` |  | 0.900 (100) | 0.800 (200) | 0.600 (400) | -0.200 |"
