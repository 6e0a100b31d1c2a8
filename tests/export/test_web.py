"""What the page in web/ reads: the mel graph and small files, against ESPnet's mel and the files they were made of."""

import json

import numpy as np
import pytest
import torch
from exports import save_small, song

from espnet2_nhv.errors import UserError
from espnet2_nhv.export.onnx_file import read_onnx
from espnet2_nhv.feature.mel import LogMel
from espnet2_nhv.feature.spec import FeatureSpec

onnxruntime = pytest.importorskip("onnxruntime")
onnx = pytest.importorskip("onnx")

SPECS = {
    "espnet": FeatureSpec(),
    "diffsinger": FeatureSpec(hop_length=512, win_length=2048, fmax=16000, log_base=None, floor=1e-5),
    "24k": FeatureSpec(fs=24000, n_fft=1200, win_length=1200, hop_length=300, n_mels=80, fmax=12000, mel_scale="htk"),
}


def cut(wav, spec):
    """Frames as ESPnet cuts them, of a mirrored signal."""
    padded = np.pad(wav, spec.n_fft // 2, mode="reflect")
    first = (spec.n_fft - spec.win_length) // 2
    n_frames = len(wav) // spec.hop_length
    return np.stack([padded[i * spec.hop_length + first :][: spec.win_length] for i in range(n_frames)])


@pytest.mark.parametrize("name", SPECS)
def test_the_mel_graph_is_espnets(name, demo_wavs):
    from espnet2_nhv.export.mel_graph import mel_model

    spec = SPECS[name]
    session = onnxruntime.InferenceSession(mel_model(spec).SerializeToString())
    for wav, _ in demo_wavs.values():
        wav = wav[: 2 * spec.fs].astype(np.float32)
        wanted = LogMel(spec)(torch.from_numpy(wav))[0].T.numpy()
        got = session.run(["mel"], {"frames": cut(wav, spec)})[0]
        assert got.shape == wanted.shape
        # Bands 70 dB under the loudest of a frame and more are rounding, of ESPnet's float32 as of the graph's.
        in_log10 = spec.ln_base / np.log(10)
        got, wanted = got * in_log10, wanted * in_log10
        heard = wanted > wanted.max(axis=1, keepdims=True) - 70 / 20
        assert heard.mean() > 0.5
        np.testing.assert_allclose(got[heard], wanted[heard], atol=1e-4, rtol=0)
        assert np.abs(got - wanted).max() < 5e-3


def test_a_small_file_says_the_same(tmp_path):
    from espnet2_nhv.export.compact import compact
    from espnet2_nhv.export.export import export
    from espnet2_nhv.export.onnx_file import write_onnx
    from espnet2_nhv.export.onnx_vocoder import OnnxVocoder

    paths, _ = export(save_small(tmp_path / "saved"), "onnx", tmp_path, "x")
    content, card = read_onnx(paths[1])
    small = tmp_path / "small_stream.onnx"
    write_onnx(compact(onnx.load_from_string(content)), dict(card, spec=card["spec"].to_dict()), small)
    assert small.stat().st_size < 0.75 * paths[1].stat().st_size
    vocoder, other = OnnxVocoder(paths[1]), OnnxVocoder(small)
    mel, f0 = (torch.from_numpy(x) for x in song(vocoder, 1.0))
    for knobs in (None, dict(gender=3.0, tension=2.0)):
        wanted, got = (x.inference(mel, f0, knobs=knobs) for x in (vocoder, other))
        assert 10 * torch.log10((got - wanted).square().mean() / wanted.square().mean()) < -75
        assert not torch.equal(got, wanted)  # it has been rounded


def test_the_folder_lists_what_is_in_it(tmp_path):
    from espnet2_nhv.export.web import list_files, write_folder

    saved = save_small(tmp_path / "voice")
    out = tmp_path / "out"
    out.mkdir()
    for name in ("index.html", "sw.js"):
        (out / name).write_text("x")
    paths = write_folder([saved], out)
    assert all(path.is_file() for path in paths)
    folder = json.loads((out / "singers.json").read_text())
    assert [singer["name"] for singer in folder["singers"]] == ["voice"]
    assert read_onnx(out / folder["singers"][0]["file"])[1]["licence"] == "CC0-1.0"
    assert folder["mels"][0]["spec"]["n_mels"] == FeatureSpec().n_mels
    version = json.loads((out / "files.js").read_text().removeprefix("self.FOLDER = ").rstrip(";\n"))["version"]
    (out / "index.html").write_text("y")
    list_files(out)
    assert version not in (out / "files.js").read_text()  # so that browsers fetch it anew
    with pytest.raises(UserError, match="have one name"):
        write_folder([saved, saved], out)
