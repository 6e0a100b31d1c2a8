"""The package for OpenUtau holds what OpenUtau reads."""

import zipfile

import numpy as np
import onnxruntime
import pytest
import yaml
from conftest import ROOT
from exports import LICENCE, TRAINED_ON, save_small

from espnet2_nhv.errors import UserError
from espnet2_nhv.export.export import export
from espnet2_nhv.export.load import load_facts
from espnet2_nhv.feature.spec import FeatureSpec

PRESET = FeatureSpec.load(ROOT / "conf" / "feature" / "44k_hop512_openutau.yaml")


def test_package(tmp_path):
    (package,), difference = export(save_small(tmp_path / "saved", PRESET), "openutau", tmp_path / "out", "nhv-test")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["nhv-test.oudep"] and difference < 1e-4
    with zipfile.ZipFile(package) as archive:
        archive.extractall(tmp_path / "installed")
    installed = tmp_path / "installed"
    dependency = yaml.safe_load((installed / "oudep.yaml").read_text())
    assert dependency["id"] == dependency["name"] == "nhv-test" and dependency["version"]
    facts = yaml.safe_load((installed / "vocoder.yaml").read_text())
    # The keys of OpenUtau's DsVocoderConfig.
    assert facts == dict(
        name="nhv-test", model="nhv-test.onnx", sample_rate=44100, hop_size=512, win_size=2048, fft_size=2048,
        num_mel_bins=128, mel_fmin=40, mel_fmax=16000, mel_base="e", mel_scale="slaney", pitch_controllable=True,
    )  # fmt: skip
    notice = (installed / "NOTICE.txt").read_text(encoding="utf-8")
    assert LICENCE in notice and TRAINED_ON in notice
    assert load_facts(package)["licence"] == LICENCE

    # As OpenUtau does: it gives mel (1, T, bins) and f0 (1, T) and takes the first output, (1, samples).
    session = onnxruntime.InferenceSession(str(installed / facts["model"]), providers=["CPUExecutionProvider"])
    assert [value.name for value in session.get_inputs()] == ["mel", "f0"]
    mel, f0 = np.full((1, 90, 128), -4.0, np.float32), np.full((1, 90), 300.0, np.float32)
    wav = session.run(None, {"mel": mel, "f0": f0})[0]
    assert wav.shape == (1, 90 * 512) and 0.01 < np.abs(wav).max() <= 1


def test_other_features_and_names_are_refused(tmp_path):
    saved = save_small(tmp_path / "saved")
    with pytest.raises(UserError, match="hop_length 256, but OpenUtau's are of 512"):
        export(saved, "openutau", tmp_path / "out")
    with pytest.raises(UserError, match="lower-case"):
        export(save_small(tmp_path / "other", PRESET), "openutau", tmp_path / "out", "My Vocoder")


def test_damaged_package_has_no_facts(tmp_path):
    path = tmp_path / "x.oudep"
    path.write_bytes(b"PK")
    with pytest.raises(UserError, match="not an OpenUtau package"):
        load_facts(path)
