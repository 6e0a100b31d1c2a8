"""A device against the CPU."""

import math
import re
from pathlib import Path

import pytest
import torch
from small import SMALL

from espnet2_nhv.bench import device
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.vocoder import registry


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(device, "build_vocoder", lambda name: registry.build_vocoder(name, **SMALL.get(name, {})))


def test_the_cpu_agrees_with_itself_noise_included():
    names = ["nhv", "sawsing", "sifigan", "univnet", "wavehax"]
    rows = device.parity(names, "cpu", math.inf)
    assert [row["vocoder"] for row in rows] == names
    for row in rows:
        assert row["device"] < -200  # what is drawn is the same
        assert -90 < row["bf16"] < -5  # and half precision is not the same


def test_every_draw_of_a_vocoder_is_the_same_on_any_device_and_in_any_precision():
    """NHV's noise begins at a random place (randint); PeriodNet's is drawn like what half precision made."""
    sources = [path.read_text() for path in Path(registry.__file__).parent.rglob("*.py")]
    used = {name for text in sources for name in re.findall(r"torch\.(rand\w*|normal|bernoulli|multinomial)\(", text)}
    assert {"randint", "randn_like"} <= used <= set(device._DRAWS)
    like = torch.zeros(64)
    with device._same_noise():
        single = torch.randn_like(like)
    with device._same_noise():
        half = torch.randn_like(like.bfloat16())
    assert half.dtype == torch.bfloat16 and torch.equal(half, single.bfloat16())
    with device._same_noise():
        assert torch.randint(10, (3,), device="meta").device.type == "meta"  # made on the CPU, then taken there
    (row,) = device.parity(["periodnet"], "cpu", math.inf)
    assert row["device"] < -200 and row["bf16"] < -20


def test_a_difference_is_seen_and_a_failure_is_a_row(monkeypatch):
    assert device._difference(torch.tensor([1.0, 1.1]), torch.tensor([1.0, 1.0])) == pytest.approx(-23.0, abs=0.1)
    monkeypatch.setattr(device, "build_vocoder", lambda name: registry.build_vocoder(name, channels=-1))
    (row,) = device.parity(["hifigan"], "cpu", math.inf)
    assert row["vocoder"] == "hifigan" and "channels" in row["problem"]


def test_two_processes_agree():
    assert device.together("cpu", math.inf) == [dict(processes=2, backend="gloo", result="the same sum in both")]


def test_a_package_that_is_missing_is_a_row(monkeypatch):
    def of_some(name):
        if name == "vocos":
            raise UserError("vocoder vocos needs the package vocos: install it, or leave vocos out")
        return registry.vocoder_class(name)

    monkeypatch.setattr(device, "vocoder_class", of_some)
    monkeypatch.setattr(device, "build_vocoder", lambda name: of_some(name)(FeatureSpec(), **SMALL.get(name, {})))
    monkeypatch.setattr(device, "VOCODERS", ("vocos", "griffinlim", "sawsing"))
    missing, there = device.parity(None, "cpu", math.inf)
    assert missing["vocoder"] == "vocos" and "package vocos" in missing["problem"]
    assert there["vocoder"] == "sawsing" and there["device"] < -200
