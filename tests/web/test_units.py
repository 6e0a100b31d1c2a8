"""The page's modules by themselves, in Node, against numbers of Python's."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from exports import save_small

from espnet2_nhv.feature.mel_scale import mel_frequencies
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.feature.warp import shift_formants

ROOT = Path(__file__).resolve().parent.parent.parent
LONGEST = 300  # lines of a module
SPECS = [FeatureSpec(), FeatureSpec(fs=24000, n_mels=80, fmin=0, fmax=12000, mel_scale="htk")]


@pytest.fixture(scope="module")
def numbers(tmp_path_factory):
    """The folder with what the modules are to find."""
    pytest.importorskip("onnx", reason="the package onnx is not installed")
    from espnet2_nhv.export.export import export

    folder = tmp_path_factory.mktemp("numbers")
    rng = np.random.default_rng(0)
    spec = FeatureSpec(n_fft=64, win_length=32, hop_length=8, n_mels=4)
    wav = rng.standard_normal(100).astype(np.float32)
    padded = np.pad(wav, 32, mode="reflect")
    starts = [0, 3, 5.5, 12]
    frames = [padded[round(8 * start) + 16 :][:32].tolist() for start in starts]
    mel = rng.standard_normal((3, 128)).astype(np.float32)
    export(save_small(folder / "saved"), "onnx", folder, "small")
    import onnx

    graph = onnx.load(folder / "small_stream.onnx").graph
    inputs = {value.name for value in graph.input}
    optional = [tensor for tensor in graph.initializer if tensor.name in inputs]
    types = {onnx.TensorProto.FLOAT: "float32", onnx.TensorProto.INT64: "int64"}
    what = dict(
        frames=dict(wav=wav.tolist(), spec=spec.to_dict(), positions=starts, frames=frames),
        bands=[
            dict(spec=s.to_dict(), centres=mel_frequencies(s.n_mels + 2, s.fmin, s.fmax, s.mel_scale)[1:-1].tolist())
            for s in SPECS
        ],
        formants=[
            dict(
                spec=SPECS[0].to_dict(),
                mel=mel.tolist(),
                scale=scale,
                shifted=shift_formants(torch.from_numpy(mel), SPECS[0], scale).tolist(),
            )
            for scale in (0.5, 1.26, 2.0)
        ],
        defaults={
            tensor.name: dict(type=types[tensor.data_type], dims=list(tensor.dims))
            for tensor in optional
            if tensor.name not in ("seed", "white_noise")
        },
    )
    (folder / "numbers.json").write_text(json.dumps(what))
    return folder


def test_modules_by_themselves(numbers):
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node here (Debian: apt-get install nodejs)")
    command = [node, "--test", str(Path(__file__).with_name("units.test.mjs"))]
    ran = subprocess.run(command, env={**os.environ, "NUMBERS": str(numbers)}, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    # What they wrote is read by others than they.
    samples, fs = soundfile.read(numbers / "samples.wav", dtype="int16")
    assert fs == 44100 and samples.tolist() == [0, 16384, -16383, 32767, -32767, 32767]
    import onnxruntime

    required = onnxruntime.InferenceSession((numbers / "required.onnx").read_bytes())
    names = {value.name for value in required.get_inputs()}
    assert {"mel", "f0", "mel_f0", "end", "state_phase"} <= names and "seed" not in names


def test_modules_are_read_in_one_sitting():
    modules = sorted((ROOT / "web").rglob("*.js"))
    assert len(modules) > 10
    for module in modules:
        lines = len(module.read_text(encoding="utf-8").splitlines())
        assert lines <= LONGEST, f"{module}: {lines} lines, split it"


def test_nothing_is_asked_from_elsewhere():
    for file in (ROOT / "web").rglob("*"):
        if file.suffix in (".js", ".html", ".css", ".webmanifest"):
            text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
            assert "http:" not in text and "https:" not in text and "//cdn" not in text, file
