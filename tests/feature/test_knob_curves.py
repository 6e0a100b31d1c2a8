"""Curves of knobs in the files people draw them in."""

import numpy as np
import pytest

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.knobs import KnobSource, read_curve
from espnet2_nhv.feature.spec import FeatureSpec

SPEC = FeatureSpec()
TIME = np.arange(200) * 256 / 44100


def written(path, content):
    if isinstance(content, str):
        path.write_text(content, encoding="utf-8")
    elif isinstance(content, dict):
        np.savez(path, **content)
    else:
        np.save(path, content)
    return str(path)


@pytest.mark.parametrize(
    "name, content",
    [
        ("a.csv", "0,-6\n0.5,6\n"),
        ("a.csv", "time,tension\n0,-6\n0.5,6\n"),
        ("a.csv", "# drawn\ntime (s),gender,tension\n0,1,-6\n0.5,1,6\n"),
        ("a.tsv", "0\t-6\n0.5\t6\n"),
        ("a.txt", "0 -6\n0.5 6\n"),
        ("a.npz", {"tension": [-6.0, 6.0], "time": [0.0, 0.5], "gender": [1.0, 1.0]}),
        ("a.npy", np.array([[0.0, -6.0], [0.5, 6.0]])),
        ("a.npz", {"tension": -6 + 24 * np.minimum(TIME, 0.5)}),
    ],
)
def test_a_curve_is_a_line_between_its_points(tmp_path, name, content):
    source = KnobSource({"tension": written(tmp_path / name, content)})
    got = source.at_frames(SPEC, 200)["tension"]
    np.testing.assert_allclose(got, -6 + 24 * np.minimum(TIME, 0.5), atol=1e-5)
    assert not source.is_neutral and source.state("any")


def test_numbers_folders_and_nothing(tmp_path):
    assert KnobSource({"tension": "0", "gender": None}).at_frames(SPEC, 9) is None
    assert KnobSource({"tension": "-1.5"}).at_frames(SPEC, 3)["tension"].tolist() == [-1.5] * 3
    written(tmp_path / "b.csv", "0,2\n")
    source = KnobSource({"loudness": str(tmp_path)})
    assert source.at_frames(SPEC, 2, "b")["loudness"].tolist() == [2, 2]
    before = source.state("b")
    written(tmp_path / "b.csv", "0,3\n")
    assert source.state("b") != before and source.state("c") == ""
    with pytest.raises(UserError, match="no such file to read loudness from"):
        source.at_frames(SPEC, 2, "c")


def test_frames_in_the_middle_of_their_hop_are_later(tmp_path):
    import dataclasses

    path = written(tmp_path / "a.csv", "0,0\n1,10\n")
    late = dataclasses.replace(SPEC, frame_centre=0.5)
    early, later = (KnobSource({"loudness": path}).at_frames(spec, 50)["loudness"] for spec in (SPEC, late))
    np.testing.assert_allclose(later - early, 10 * 128 / 44100, atol=1e-5)


@pytest.mark.parametrize(
    "name, content, words",
    [
        ("a.csv", "time,gender,voicing\n0,1,2\n", "no column tension in it, but time, gender, voicing"),
        ("a.csv", "0\n1\n", "two columns"),
        ("a.csv", "0,1\n1,x\n", "not a number"),
        ("a.csv", "0,1\n-1,2\n", "ascend"),
        ("a.csv", "0,nan\n", "not all numbers"),
        ("a.csv", "", "two columns"),
        ("a.npz", {"gender": [1.0]}, "tension is not in it, but gender"),
        ("a.npz", {"tension": np.array(["x"])}, "no number"),
        ("a.npy", np.zeros((3, 3)), "neither"),
        ("a.npy", np.zeros(7), "7 values of tension, but there are 200 frames"),
    ],
)
def test_what_is_no_curve(tmp_path, name, content, words):
    with pytest.raises(UserError, match=words) as error:
        KnobSource({"tension": written(tmp_path / name, content)}).at_frames(SPEC, 200)
    assert "\n" not in str(error.value)


def test_pickled_objects_are_not_loaded(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{"a": 1}]), allow_pickle=True)
    with pytest.raises(UserError, match="not readable as a NumPy file"):
        read_curve(tmp_path / "a.npy", "tension")


def test_neither_a_number_nor_a_file():
    with pytest.raises(UserError, match="--gender loud: give a number"):
        KnobSource({"gender": "loud"})
    with pytest.raises(UserError, match="no knob 'growl'"):
        KnobSource({"growl": 1})
