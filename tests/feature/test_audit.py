"""The audit of F0: what it finds strange, and nothing else."""

import numpy as np
import pytest
from extract_data import DATA, SPEC, read_audit, tone, write_tones

from espnet2_nhv.feature.audit import audit_f0
from espnet2_nhv.feature.extract import extract_features

pytestmark = pytest.mark.usefixtures("own_folder")


def test_audit_of_a_table():
    write_tones(1, noise=0.1 * np.random.default_rng(0).standard_normal(8000), low=tone(52, 1.0), high=tone(1240, 1.0))
    report = extract_features(DATA, SPEC)
    audit = read_audit()
    assert float(audit["tone00"]["median_hz"]) == pytest.approx(200, abs=0.5)
    assert float(audit["tone00"]["seconds"]) == pytest.approx(0.3, abs=0.008)
    assert float(audit["tone00"]["voiced"]) > 0.8 and audit["tone00"]["warnings"] == ""
    assert audit["noise"]["warnings"].startswith("no voiced frame") and audit["noise"]["median_hz"] == ""
    assert "F0 goes down to 52 Hz" in audit["low"]["warnings"]
    assert "F0 touches the ceiling of 1200 Hz in" in audit["high"]["warnings"]
    assert any(warning.startswith("low: F0 goes down") for warning in report.warnings)


def _warnings(f0, vuv=None, spec=SPEC):
    f0 = np.asarray(f0, dtype=np.float32)
    return audit_f0(f0, np.ones_like(f0) if vuv is None else np.asarray(vuv, dtype=np.float32), spec).warnings(spec)


def test_audit_warnings_one_by_one():
    minute = np.full(7500, 220.0)
    assert _warnings(minute) == []
    jumping = np.where(np.arange(7500) % 500 < 250, 220.0, 440.0)  # 29 jumps in a minute
    assert "29 octave jumps a minute" in _warnings(jumping)[0]
    assert _warnings(jumping, np.arange(7500) % 250 > 0) == []  # none between neighbours that are voiced
    fifth = np.where(np.arange(7500) % 500 < 250, 220.0, 330.0)
    assert _warnings(fifth) == []
    floor = np.where(np.arange(7500) < 150, 50.0, 220.0)
    assert _warnings(floor) == ["F0 touches the floor of 50 Hz in 2% of the voiced frames: lower f0_floor if somebody sings there"]  # fmt: skip # noqa: E501
    ceil = np.where(np.arange(7500) < 150, 1200.0, 220.0)
    assert "F0 touches the ceiling of 1200 Hz in 2%" in _warnings(ceil)[0]
    assert "goes down to 60 Hz" in _warnings(np.full(7500, 60.0))[0]
    assert "goes up to 1150 Hz" in _warnings(np.full(7500, 1150.0))[0]
    assert "only 4% of the frames are voiced" in _warnings(minute, np.arange(7500) % 25 == 0)[0]
    assert _warnings(minute, np.zeros(7500))[0].startswith("no voiced frame")
