"""Balance: a long voice is heard more than a short one, but by far not as much more as it is longer."""

import pytest

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.balance import balance_voices, read_weights


def test_root_of_the_minutes():
    samples = {"a1": 300, "a2": 100, "b": 100, "c": 25}
    weights = balance_voices(samples, {"a1": "a", "a2": "a", "b": "b", "c": "c"})
    heard = {utt: weights[utt] * samples[utt] for utt in samples}
    assert weights["a1"] == weights["a2"]
    assert heard["a1"] + heard["a2"] == pytest.approx(2 * heard["b"]) and heard["b"] == pytest.approx(2 * heard["c"])
    assert sum(heard.values()) == pytest.approx(sum(samples.values()))  # 1 on the average: an epoch stays as long
    assert balance_voices({"u": 7, "v": 9}, {"u": "x", "v": "x"}) == {"u": pytest.approx(1), "v": pytest.approx(1)}


def test_copies_at_other_speeds_are_the_same_voice():
    samples = {"a": 100, "sp1.6-a": 60, "sp0.8-a": 240, "b": 100}
    speakers = {"a": "a", "sp1.6-a": "sp1.6-a", "sp0.8-a": "sp0.8-a", "b": "b"}
    weights = balance_voices(samples, speakers)
    assert weights["a"] == weights["sp1.6-a"] == weights["sp0.8-a"] == pytest.approx(weights["b"] / 2)


def test_reader(tmp_path):
    assert read_weights(tmp_path, ["a"]) == {"a": 1}
    (tmp_path / "utt2weight").write_text("a 2.5\n")
    assert read_weights(tmp_path, ["a", "b"]) == {"a": 2.5, "b": 1}
    for value in ("much", "0", "-1", "inf"):
        (tmp_path / "utt2weight").write_text(f"a {value}\n")
        with pytest.raises(UserError, match=f"utt2weight: a has '{value}', but a number above 0 is needed"):
            read_weights(tmp_path, ["a"])
