"""The package for OpenUtau holds what OpenUtau reads, and its model runs wherever ONNX Runtime does."""

import importlib.util
import subprocess
import sys
import types
import zipfile

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import yaml
from conftest import ROOT
from exports import LICENCE, TRAINED_ON, save_small, song

from espnet2_nhv import load_vocoder
from espnet2_nhv.errors import UserError
from espnet2_nhv.export.export import export
from espnet2_nhv.export.load import load_facts
from espnet2_nhv.feature.spec import FeatureSpec

PRESET = FeatureSpec.load(ROOT / "conf" / "feature" / "44k_hop512_openutau.yaml")
LEVELS = onnxruntime.GraphOptimizationLevel


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """Saved vocoder, package, and the folder it is installed to."""
    folder = tmp_path_factory.mktemp("openutau")
    saved = save_small(folder / "saved", PRESET, stride=1, n_fft=2048)
    (path,), difference = export(saved, "openutau", folder / "out", "nhv-test")
    assert [path.name for path in (folder / "out").iterdir()] == ["nhv-test.oudep"] and difference < 1e-4
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder / "installed")
    return saved, path, folder / "installed"


def session_of(package, level=LEVELS.ORT_ENABLE_ALL):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level, options.intra_op_num_threads = level, 1
    return onnxruntime.InferenceSession(package[2] / "nhv-test.onnx", options, providers=["CPUExecutionProvider"])


def test_what_is_installed(package):
    _, path, installed = package
    dependency = yaml.safe_load((installed / "oudep.yaml").read_text())
    assert dependency["id"] == dependency["name"] == "nhv-test" and dependency["version"]
    facts = yaml.safe_load((installed / "vocoder.yaml").read_text())
    # The keys of OpenUtau's DsVocoderConfig, and of the programs that read it too.
    assert facts == dict(
        name="nhv-test", model="nhv-test.onnx", sample_rate=44100, hop_size=512, win_size=2048, fft_size=2048,
        num_mel_bins=128, mel_fmin=40, mel_fmax=16000, mel_base="e", mel_scale="slaney", pitch_controllable=True,
        force_on_cpu=False,
    )  # fmt: skip
    notice = (installed / "NOTICE.txt").read_text(encoding="utf-8")
    assert LICENCE in notice and TRAINED_ON in notice
    assert load_facts(path)["licence"] == LICENCE


@pytest.mark.parametrize("level", [LEVELS.ORT_DISABLE_ALL, LEVELS.ORT_ENABLE_ALL], ids=["plain", "optimised"])
def test_it_is_pytorchs_signal_of_any_length(package, level):
    vocoder, session = load_vocoder(package[0]), session_of(package, level)
    assert [(x.name, x.shape) for x in session.get_inputs()] == [("mel", [1, "n_frames", 128]), ("f0", [1, "n_frames"])]
    assert [x.name for x in session.get_outputs()] == ["waveform"]
    for n_frames in (1, 2, 3, 129, 1500):
        mel, f0 = song(vocoder, (n_frames + 0.5) * 512 / 44100)
        (wav,) = session.run(None, {"mel": mel[None], "f0": f0[None]})
        assert wav.shape == (1, n_frames * 512) and wav.dtype == np.float32
        np.testing.assert_allclose(wav[0], vocoder(mel, f0), atol=1e-4)


def test_of_other_strides_too(tmp_path):
    saved = save_small(tmp_path / "saved", PRESET, stride=3, look_ahead=1)
    (path,), _ = export(saved, "openutau", tmp_path / "out", "x")
    with zipfile.ZipFile(path) as archive:
        archive.extract("x.onnx", tmp_path)
    vocoder, exported = load_vocoder(saved), load_vocoder(tmp_path / "x.onnx")
    for n_frames in (1, 2, 3, 4, 50):
        mel, f0 = song(vocoder, (n_frames + 0.5) * 512 / 44100)
        np.testing.assert_allclose(exported(mel, f0), vocoder(mel, f0), atol=1e-4)


def test_float32_alone_and_no_control_flow(package):
    """What DirectML and CoreML lack."""
    model = onnx.shape_inference.infer_shapes(onnx.load(package[2] / "nhv-test.onnx"))
    assert {x.version for x in model.opset_import} == {17} and model.ir_version == 8
    kinds = {node.op_type for node in model.graph.node}
    assert not kinds & {"Scan", "Loop", "If", "DFT", "STFT", "RandomNormal", "RandomNormalLike"}
    types_ = {x.type.tensor_type.elem_type for x in (*model.graph.value_info, *model.graph.input, *model.graph.output)}
    types_ |= {x.data_type for x in model.graph.initializer}
    types_ |= {a.i for node in model.graph.node if node.op_type == "Cast" for a in node.attribute}
    assert onnx.TensorProto.DOUBLE not in types_ and onnx.TensorProto.FLOAT in types_


def test_it_loads_without_a_word(package):
    code = "import sys, onnxruntime as o; o.InferenceSession(sys.argv[1], providers=['CPUExecutionProvider'])"
    path = str(package[2] / "nhv-test.onnx")
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    assert not done.stdout and not done.stderr


def test_f0_that_is_not_there_is_taken_from_its_neighbours(package):
    vocoder, session = load_vocoder(package[0]), session_of(package)
    mel, _ = song(vocoder, 3.0)
    steady = np.full((1, len(mel)), 220.0, np.float32)
    holes = steady.copy()
    holes[0, [0, 1, 40, 41, 42, 100, -1]], holes[0, 60:75], holes[0, 5] = 0.0, np.nan, -1.0
    wavs = [session.run(None, {"mel": mel[None], "f0": f0})[0] for f0 in (steady, holes)]
    np.testing.assert_allclose(*wavs, atol=1e-3)  # 220 Hz again, but for a rounding
    for bad in (0.0, np.nan, np.inf):
        (wav,) = session.run(None, {"mel": mel[None], "f0": np.full_like(steady, bad)})
        assert np.isfinite(wav).all() and np.abs(wav).max() > 1e-3


def test_a_gap_is_bridged(package):
    """Between two notes F0 stays between them, and next to a note it is that note's."""
    from espnet2_nhv.export.plain_nhv import PlainNHV

    f0 = torch.tensor([[200.0] * 30 + [0.0] * 20 + [300.0] * 30])
    filled = PlainNHV(load_vocoder(package[0]), 256)._continuous(f0)[0]
    assert torch.equal(filled[:30], f0[0, :30]) and torch.equal(filled[50:], f0[0, 50:])
    gap = filled[30:50]
    assert (gap.diff() > 0).all() and 200 < gap[0] < 203 and 295 < gap[-1] < 300 and 240 < gap[9:11].mean() < 250


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


@pytest.fixture
def diffsinger(package, monkeypatch):
    """The vocoder class as DiffSinger would import it, amid what it takes from there, and its configuration."""
    registered = {}

    def register_vocoder(cls):
        registered[cls.__name__] = cls
        return cls

    hparams = dict(
        vocoder_ckpt=str(package[0]), audio_sample_rate=44100, audio_num_mel_bins=128, fft_size=2048, win_size=2048,
        hop_size=512, fmin=40, fmax=16000, mel_base="e",
    )  # fmt: skip
    contents = {
        "basics.base_vocoder": dict(BaseVocoder=object),
        "modules.vocoders.registry": dict(register_vocoder=register_vocoder),
        "utils.hparams": dict(hparams=hparams),
    }
    for name, content in contents.items():
        for part in (name.split(".")[0], ".".join(name.split(".")[:2]), name):
            monkeypatch.setitem(sys.modules, part, sys.modules.get(part) or types.ModuleType(part))
        vars(sys.modules[name]).update(content)
    path = ROOT / "contrib" / "diffsinger" / "nhv_vocoder.py"
    module_spec = importlib.util.spec_from_file_location("nhv_vocoder", path)
    module_spec.loader.exec_module(importlib.util.module_from_spec(module_spec))
    return registered["NHV"], hparams


def test_diffsinger_sings_with_it(package, diffsinger):
    make, hparams = diffsinger
    vocoder = load_vocoder(package[0])
    mel, f0 = song(vocoder, 1.0)
    expected, nhv = vocoder(mel, f0), make()
    np.testing.assert_allclose(nhv.spec2wav(mel, f0=f0), expected, atol=1e-6)
    both = nhv.spec2wav_torch(torch.from_numpy(mel)[None], f0=torch.from_numpy(f0)[None])
    np.testing.assert_allclose(both, expected, atol=1e-6)
    hparams["mel_base"] = "10"
    np.testing.assert_allclose(make().spec2wav(mel / np.float32(np.log(10)), f0=f0), expected, atol=1e-4)
    f0[20:30], f0[5] = 0.0, np.nan
    assert np.isfinite(nhv.spec2wav(mel, f0=f0)).all() and np.isfinite(nhv.spec2wav(mel, f0=0 * f0)).all()
    hparams["hop_size"] = 256
    with pytest.raises(UserError, match="hop_size is 256, but .* needs 512"):
        make()


def test_diffsinger_analyses_as_we_do(package, diffsinger, tmp_path):
    import soundfile

    soundfile.write(tmp_path / "a.wav", 0.1 * np.sin(np.arange(44100) / 20), 44100)
    wav, mel = diffsinger[0]().wav2spec(tmp_path / "a.wav")
    assert len(wav) == 44100 and mel.shape == (86, 128)
    with pytest.raises(UserError, match="another key"):
        diffsinger[0]().wav2spec(tmp_path / "a.wav", keyshift=1)
