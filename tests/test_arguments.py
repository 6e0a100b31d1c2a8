"""Types of arguments out of YAML files."""

from typing import Optional, Sequence

import numpy as np
import pytest

from espnet2_nhv.arguments import check_types
from espnet2_nhv.errors import UserError, in_one_line
from espnet2_nhv.vocoder import build_vocoder


def function(n: int, x: float = 0.0, yes: bool = True, name: str = "", some: Optional[int] = None, z: Sequence = ()):
    pass


def test_what_fits():
    check_types(function, dict(n=np.int64(3), x=3, yes=False, name="a", some=None, z="anything", other=1), "it")
    check_types(function, dict(n=0, x=np.float32(1.5), some=3), "it")


@pytest.mark.parametrize(
    "name, value, said",
    [
        ("n", "3", "n is '3', but a whole number is needed"),
        ("n", True, "n is 'True', but a whole number is needed"),
        ("n", 2.0, "n is '2.0', but a whole number is needed"),
        ("n", None, "n is 'None', but a whole number is needed"),
        ("x", "1e-5", r"x is '1e-5', but a number is needed \(YAML wants a point in it, as in 1.0e-5\)"),
        ("x", float("nan"), "x is 'nan', but a number is needed"),
        ("yes", 1, "yes is '1', but true or false is needed"),
        ("name", [1], r"name is '\[1\]', but a word is needed"),
        ("some", "x" * 99, f"some is '{'x' * 40}', but a whole number or null is needed"),
    ],
)
def test_what_does_not(name, value, said):
    with pytest.raises(UserError, match=f"^it: {said}$"):
        check_types(function, {name: value}, "it")


def test_vocoders_say_it():
    with pytest.raises(UserError, match="vocoder nhv: jitter is '1e-5', but a number is needed"):
        build_vocoder("nhv", jitter="1e-5")
    with pytest.raises(UserError, match=r"there is no vocoder \['nhv'\]"):
        build_vocoder(["nhv"])


def test_what_a_library_says_is_one_short_line():
    assert in_one_line(ValueError("a\n  b\0c " + "x" * 9999)) == "a b c " + "x" * 194
    assert in_one_line(ValueError()) == "ValueError" and in_one_line(KeyError("x")) == "'x'"
