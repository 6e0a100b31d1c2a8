"""ONNX exports run by ONNX Runtime, against PyTorch."""

import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from exports import LICENCE, TRAINED_ON, noise_of_inference, noise_of_seed, save_small, saved_and_exported, song, turned

from espnet2_nhv import load_vocoder
from espnet2_nhv.errors import UserError
from espnet2_nhv.export.export import export
from espnet2_nhv.export.onnx_file import read_onnx, write_onnx
from espnet2_nhv.feature.spec import FeatureSpec

PARTS = ("waveform", "harmonic", "noise")


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Vocoder, session, path of the whole, path of the stream."""
    vocoder, (whole, stream) = saved_and_exported(tmp_path_factory.mktemp("onnx"), "onnx")
    return vocoder, _session(whole), whole, stream


def _session(path):
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 3, 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("n_frames", [1, 2, 5, 172, 128 * 3 - 3, 5167])  # 5167 frames are 30 s
def test_same_noise_gives_pytorchs_signal(exported, n_frames):
    vocoder, session, _, _ = exported
    mel, f0 = song(vocoder, (n_frames + 0.5) / vocoder.spec.frame_rate)
    wav, harmonic, noise = session.run(
        PARTS, {"mel": mel[None], "f0": f0[None], "white_noise": noise_of_inference(vocoder, n_frames)}
    )
    expected = vocoder.inference(torch.from_numpy(mel), torch.from_numpy(f0)).numpy()
    assert np.abs(expected).max() > 0.002 and wav.shape == (1, len(expected))
    np.testing.assert_allclose(wav[0], expected, atol=2e-5)
    np.testing.assert_allclose(harmonic + noise, wav, atol=1e-7)


def test_parts_add_up_where_the_waveform_is_limited(exported):
    vocoder, session, _, _ = exported
    mel, f0 = song(vocoder, 0.5)
    inputs = {"mel": mel[None] + 2.2, "f0": f0[None], "white_noise": noise_of_inference(vocoder, len(f0))}
    wav, harmonic, noise = session.run(["waveform", "harmonic", "noise"], inputs)
    assert (np.abs(wav) > 1 - 1e-5).mean() > 1e-3 and np.abs(wav).max() <= 1
    np.testing.assert_allclose(harmonic + noise, wav, atol=1e-6)
    np.testing.assert_allclose(wav[0], vocoder(mel + np.float32(2.2), f0), atol=1e-4)


def test_ten_minutes_are_exact_in_pitch(exported):
    """At 441 Hz a period is 100 samples and 50 frames, an even number, are 128 periods: the signal repeats."""
    _, session, _, _ = exported
    n_frames, repeat = 103400, 50 * 256
    mel = np.full((1, n_frames, 128), -2.2, np.float32) + np.linspace(0.3, -0.3, 128, dtype=np.float32)
    # Without noise there is no jitter.
    inputs = {"mel": mel, "f0": np.full((1, n_frames), 441.0, np.float32), "white_noise": np.zeros((1, 1), np.float32)}
    (harmonic,) = session.run(["harmonic"], inputs)
    harmonic = harmonic[0, : harmonic.shape[1] // repeat * repeat].reshape(-1, repeat)
    assert harmonic.shape[0] * repeat > 599 * 44100 and np.abs(harmonic[1]).max() > 0.02
    # But for the first block, in which the network begins, and the last, which has no successor.
    np.testing.assert_allclose(harmonic[2:-1], np.broadcast_to(harmonic[1], harmonic[2:-1].shape), atol=1e-5)


def test_batch_rows_are_independent(exported):
    vocoder, session, _, _ = exported
    (mel_a, f0_a), (mel_b, f0_b) = song(vocoder, 0.8, 1), song(vocoder, 0.8, 2)
    noise = np.random.default_rng(0).standard_normal((2, 40000)).astype(np.float32)
    both = session.run(PARTS, {"mel": np.stack([mel_a, mel_b]), "f0": np.stack([f0_a, f0_b]), "white_noise": noise})
    for row, (mel, f0) in enumerate(((mel_a, f0_a), (mel_b, f0_b))):
        alone = session.run(PARTS, {"mel": mel[None], "f0": f0[None], "white_noise": noise[row : row + 1]})
        for x, y in zip(both, alone):
            np.testing.assert_allclose(x[row], y[0], atol=1e-6)


def test_seed_is_the_noise_of_its_formula(exported):
    vocoder, session, _, _ = exported
    mel, f0 = song(vocoder, 1.0)
    inputs = {"mel": np.stack([mel, mel]), "f0": np.stack([f0, f0])}
    given = noise_of_seed(vocoder, 11, 2, len(f0) + 3)
    seeded = session.run(["noise"], {**inputs, "seed": np.array(11)})[0]
    np.testing.assert_allclose(seeded, session.run(["noise"], {**inputs, "white_noise": given})[0], atol=1e-5)
    assert np.abs(seeded - session.run(["noise"], inputs)[0]).max() > 0.01
    assert np.abs(seeded[0] - seeded[1]).max() > 0.01


def test_one_seed_is_one_noise_in_every_runtime(exported):
    vocoder, session, _, _ = exported
    mel, f0 = song(vocoder, 1.0)
    wav = session.run(["waveform"], {"mel": mel[None], "f0": f0[None], "seed": np.array(7)})[0][0]
    stream = vocoder.stream(seed=7)
    expected = torch.cat([stream.push(torch.from_numpy(mel), torch.from_numpy(f0)), stream.flush()]).numpy()
    np.testing.assert_allclose(wav, expected, atol=2e-5)


def test_phase_is_that_of_the_first_sample(exported):
    vocoder, session, _, _ = exported
    mel, f0 = song(vocoder, 0.7)
    inputs = {"mel": mel[None], "f0": f0[None], "white_noise": noise_of_inference(vocoder, len(f0))}
    wav = session.run(["waveform"], {**inputs, "phase": np.array([0.25])})[0][0]
    stream = vocoder.stream(start_phase=0.25)
    expected = torch.cat([stream.push(torch.from_numpy(mel), torch.from_numpy(f0)), stream.flush()])
    np.testing.assert_allclose(wav, expected, atol=2e-5)
    assert np.abs(wav - session.run(["waveform"], inputs)[0][0]).max() > 0.02


def test_bad_f0_does_not_spread(exported):
    _, session, _, _ = exported
    f0 = np.full((1, 60), 220.0, np.float32)
    f0[0, 20] = 0.0
    wav = session.run(["waveform"], {"mel": np.full((1, 60, 128), -2.0, np.float32), "f0": f0})[0]
    assert np.isfinite(wav).all()


def test_runs_on_onnxruntime_alone(exported):
    _, _, whole, _ = exported
    code = (
        "import sys, numpy as np, onnxruntime as o\n"
        "s = o.InferenceSession(sys.argv[1], providers=['CPUExecutionProvider'])\n"
        "m = np.full((1, 50, 128), -2, np.float32)\n"
        "w = s.run(['waveform'], {'mel': m, 'f0': np.full((1, 50), 200, np.float32)})[0]\n"
        "assert w.shape == (1, 12800) and 1e-3 < abs(w).max() <= 1 and 'torch' not in sys.modules\n"
        "d = s.get_modelmeta().custom_metadata_map\n"
        "print(d['espnet2_nhv'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(whole)], capture_output=True, text=True, check=True)
    assert LICENCE in done.stdout and TRAINED_ON in done.stdout


def test_knobs_are_pytorchs_and_neutral_is_bit_for_bit(exported):
    vocoder, session, _, _ = exported
    mel, f0 = song(vocoder, 1.0)
    inputs = {"mel": mel[None], "f0": f0[None], "white_noise": noise_of_inference(vocoder, len(f0))}
    plain = session.run(PARTS, inputs)
    knobs = turned(len(f0))
    for shape in ((1, 1), (1, len(f0))):
        zeros = {name: np.zeros(shape, np.float32) for name in knobs}
        assert all(np.array_equal(x, y) for x, y in zip(plain, session.run(PARTS, {**inputs, **zeros})))
    (wav,) = session.run(["waveform"], {**inputs, **{name: curve[None] for name, curve in knobs.items()}})
    np.testing.assert_allclose(wav[0], vocoder(mel, f0, knobs=knobs), atol=5e-5)
    assert np.abs(wav - plain[0]).max() > 0.01
    # One value for all frames, two rows of different ones, and more than the range holds.
    both = {name: np.stack([x, x]) for name, x in (("mel", mel), ("f0", f0))} | {"white_noise": inputs["white_noise"]}
    (rows,) = session.run(["waveform"], {**both, "gender": np.float32([[4], [99]]), "loudness": np.float32([[-6]])})
    for row, gender in zip(rows, (4, 24)):
        np.testing.assert_allclose(row, vocoder(mel, f0, knobs=dict(gender=gender, loudness=-6)), atol=5e-5)


def test_knobs_of_a_stream(exported):
    vocoder, _, whole, path = exported
    mel, f0 = song(vocoder, 1.0)
    knobs = turned(len(f0))
    expected = vocoder(mel, f0, knobs=knobs)
    for exported_vocoder in (load_vocoder(whole), load_vocoder(path)):
        np.testing.assert_allclose(exported_vocoder(mel, f0, knobs=knobs), expected, atol=5e-5)
        told = dict(mel_f0=f0 * np.float32(1.3))
        np.testing.assert_allclose(exported_vocoder(mel, f0, **told), vocoder(mel, f0, **told), atol=5e-5)
    stream = load_vocoder(path).stream()
    parts = [stream.push(mel[:50], f0[:50]), stream.push(mel[50:], f0[50:], knobs=dict(voicing=-6)), stream.flush()]
    curve = np.where(np.arange(len(f0)) < 50, 0, -6).astype(np.float32)
    np.testing.assert_allclose(torch.cat(parts), vocoder(mel, f0, knobs=dict(voicing=curve)), atol=5e-5)


@pytest.mark.parametrize("chunks", [[1, 2, 3, 50, 1, 1, 200], [7] * 30])
def test_stream_is_the_whole(exported, chunks):
    vocoder, session, _, path = exported
    streaming = load_vocoder(path, threads=1)
    mel, f0 = song(vocoder, sum(chunks) / vocoder.spec.frame_rate + 1e-6)
    stream, wavs, begin = streaming.stream(seed=4, start_phase=0.3), [], 0
    for n in chunks:
        wavs.append(stream.push(mel[begin : begin + n], f0[begin : begin + n]).numpy())
        begin += n
        produced = sum(map(len, wavs))
        assert produced >= (begin - stream.latency_frames) * 256
    wavs.append(stream.flush().numpy())
    inputs = {"mel": mel[None, :begin], "f0": f0[None, :begin], "seed": np.array(4), "phase": np.array([0.3])}
    expected = session.run(["waveform"], inputs)[0][0]
    got = np.concatenate(wavs)
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, atol=1e-5)
    with pytest.raises(UserError, match="flushed"):
        stream.push(mel, f0)


def test_same_call_for_every_backend(exported):
    vocoder, _, whole, stream = exported
    mel, f0 = song(vocoder, 0.5)
    for backend in (vocoder, load_vocoder(whole), load_vocoder(stream)):
        wav = backend(mel, f0)
        assert isinstance(wav, np.ndarray) and wav.shape == (len(f0) * 256,) and wav.dtype == np.float32
        assert isinstance(backend(torch.from_numpy(mel), torch.from_numpy(f0)), torch.Tensor)
        with pytest.raises(UserError, match="at frame 3"):
            backend(mel, np.where(np.arange(len(f0)) == 3, 0, f0).astype(np.float32))
    in_nepers = FeatureSpec(log_base=None)
    converted = load_vocoder(whole)(mel * np.float32(np.log(10)), f0, spec=in_nepers)
    np.testing.assert_allclose(converted, load_vocoder(whole)(mel, f0), atol=1e-3)
    with pytest.raises(UserError, match="nhv_stream.onnx"):
        load_vocoder(whole).stream()


def test_other_hops_and_orders(tmp_path):
    """Hop 300 at 24 kHz, minimum phase, no look-ahead, one frame a step."""
    spec = FeatureSpec(fs=24000, n_fft=2048, win_length=1200, hop_length=300, n_mels=80, fmin=80, fmax=7600)
    options = dict(spec=spec, anticausal_order=0, look_ahead=0, stride=1)
    vocoder, (whole, stream) = saved_and_exported(tmp_path, "onnx", **options)
    mel, f0 = song(vocoder, 1.0)
    inputs = {"mel": mel[None], "f0": f0[None], "white_noise": noise_of_inference(vocoder, len(f0))}
    wav = _session(whole).run(["waveform"], inputs)[0][0]
    np.testing.assert_allclose(wav, vocoder(mel, f0), atol=2e-5)
    np.testing.assert_allclose(load_vocoder(stream)(mel, f0), load_vocoder(whole)(mel, f0), atol=1e-5)


def test_damaged_and_foreign_files_are_refused(exported, tmp_path):
    _, _, whole, _ = exported
    content, path = whole.read_bytes(), tmp_path / "x.onnx"

    def refused(data, words):
        path.write_bytes(data)
        with pytest.raises(UserError, match=words) as error:
            load_vocoder(path)
        assert "\n" not in str(error.value) and str(path) in str(error.value)

    refused(content[: len(content) // 2], "cut short")
    refused(content[:-1], "cut short")
    refused(b"", "cut short")
    refused(b"hello world, this is no model", "not a vocoder")
    middle = len(content) // 2
    refused(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :], "altered")
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    values = [onnx.helper.make_tensor_value_info(name, 1, [1]) for name in "xy"]
    foreign = onnx.helper.make_model(onnx.helper.make_graph([node], "g", values[:1], values[1:]))
    refused(foreign.SerializeToString(), "not a vocoder exported")
    with pytest.raises(UserError, match="no such file"):
        load_vocoder(tmp_path / "none.onnx")


def test_newer_format_is_refused(exported, tmp_path):
    _, _, whole, _ = exported
    content, card = read_onnx(whole)
    card = {**card, "spec": card["spec"].to_dict(), "format": 99}
    write_onnx(onnx.load_from_string(content), card, tmp_path / "x.onnx")
    # The model above still has its old card before the new one; the last one counts.
    with pytest.raises(UserError, match="format 99.*update"):
        load_vocoder(tmp_path / "x.onnx")


def test_only_nhv_becomes_onnx(tmp_path):
    from espnet2_nhv.vocoder import build_vocoder, save_vocoder

    save_vocoder(build_vocoder("nhv-direct"), tmp_path / "saved", LICENCE, TRAINED_ON)
    with pytest.raises(UserError, match="nhv-direct cannot be written as onnx"):
        export(tmp_path / "saved", "onnx", tmp_path / "out")
    (path,), _ = export(tmp_path / "saved", "torch", tmp_path / "out")
    assert load_vocoder(path).name == "nhv-direct"


def test_command_line(tmp_path, monkeypatch, capsys):
    from espnet2_nhv.bin import export as command

    saved = save_small(tmp_path / "saved")
    for arguments in (["--out", str(tmp_path / "out")], ["--info"]):
        monkeypatch.setattr(sys, "argv", ["export", str(saved), *arguments])
        command.main()
    said = capsys.readouterr().out
    assert "nhv_stream.onnx" in said and "differ by at most" in said and TRAINED_ON in said
    monkeypatch.setattr(sys, "argv", ["export", str(tmp_path / "out" / "nhv.onnx"), "--info"])
    command.main()
    said = capsys.readouterr().out
    assert LICENCE in said and TRAINED_ON in said and "hop_length 256" in said
    monkeypatch.setattr(sys, "argv", ["export", str(saved)])
    with pytest.raises(UserError, match="--out"):
        command.main()
