"""Any numbers in the features: PyTorch, its stream, TorchScript and ONNX refuse the same, and else say the same.

Forty cases; ``NHV_NUMBERS=10000`` tries ten thousand (tests/nightly.sh).
"""

import os

import numpy as np
import onnxruntime
import pytest
import torch
from exports import noise_of_inference, saved_and_exported, song
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from espnet2_nhv import load_vocoder
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.spec import FeatureSpec

CASES = int(os.environ.get("NHV_NUMBERS", "40"))


@pytest.fixture(scope="module")
def runtimes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("any")
    vocoder, (script,) = saved_and_exported(folder, "torchscript")
    _, (whole, _) = saved_and_exported(folder, "onnx")
    session = onnxruntime.InferenceSession(str(whole), providers=["CPUExecutionProvider"])
    return vocoder, load_vocoder(script), load_vocoder(whole), session


@st.composite
def features(draw):
    """Frames and F0, finite or not: ordinary ones in which some numbers are others."""
    n_frames, seed = draw(st.integers(1, 40)), draw(st.integers(0, 2**31))
    rng = np.random.default_rng(seed)
    mel = rng.normal(-3, draw(st.sampled_from([0.0, 0.5, 3.0, 30.0])), (n_frames, 128)).astype(np.float32)
    f0 = np.exp(rng.uniform(*np.log(draw(st.sampled_from([(80, 800), (200, 200), (1e-3, 2e4), (1, 5)]))), n_frames))
    odd = st.sampled_from([np.nan, np.inf, -np.inf, 1e30, -1e30, 3e38, 1e-45, 0.0, -10.0, 22050.0, 1e5, -1.0])
    for _ in range(draw(st.integers(0, 3))):
        at = slice(*sorted(draw(st.tuples(st.integers(0, n_frames), st.integers(0, n_frames)))))
        bands = draw(st.sampled_from([slice(None), slice(5, 6), slice(100, None)]))
        mel[at, bands] = draw(odd)
    if draw(st.integers(0, 4)) == 0:
        f0[draw(st.integers(0, n_frames - 1))] = draw(odd)
    return mel, f0.astype(np.float32)


def said(function):
    try:
        return function()
    except UserError as error:
        return str(error)


@settings(max_examples=CASES, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(features(), st.integers(1, 9))
def test_all_say_the_same(runtimes, pair, chunk):
    vocoder, script, exported, session = runtimes
    mel, f0 = pair
    whole = said(lambda: vocoder(mel, f0))
    if isinstance(whole, str):
        assert {said(lambda: other(mel, f0)) for other in (script, exported)} == {whole}
        return
    assert np.isfinite(whole).all() and np.abs(whole).max() <= 1 and len(whole) == 256 * len(mel)

    stream, chunks = vocoder.stream(), range(0, len(mel), chunk)
    pushed = [stream.push(torch.from_numpy(mel[i : i + chunk]), torch.from_numpy(f0[i : i + chunk])) for i in chunks]
    joined = torch.cat([*pushed, stream.flush()]).numpy()
    noise = noise_of_inference(vocoder, len(mel))
    onnx = session.run(["waveform"], {"mel": mel[None], "f0": f0[None], "white_noise": noise})[0][0]
    with torch.no_grad():
        scripted = script.module(torch.from_numpy(mel)[None], torch.from_numpy(f0)[None], 0, torch.from_numpy(noise))[0]
    for name, got in (("stream", joined), ("onnx", onnx), ("torchscript", scripted[0].numpy())):
        assert np.isfinite(got).all() and np.abs(got).max() <= 1, name
        # Where it is limited, what is left between are the few samples in which sums far beyond full scale cancel.
        atol = 1e-4 if np.abs(whole).max() < 0.999 else 0.1
        assert np.abs(got - whole).mean() < 1e-3, name
        np.testing.assert_allclose(got, whole, atol=atol, err_msg=name)


def test_a_stream_refuses_what_is_not_finite(runtimes):
    vocoder, _, exported, _ = runtimes
    mel, f0 = (torch.from_numpy(x) for x in song(vocoder, 0.2))
    mel[3, 7] = float("nan")
    for one in (vocoder, exported):
        with pytest.raises(UserError, match="mel is not finite at frame 3"):
            one(mel, f0)
    with pytest.raises(UserError, match="mel is not finite at frame 3"):
        vocoder.stream().push(mel, f0)


def test_features_of_nnsvs(tmp_path):
    spec = FeatureSpec(fs=48000, hop_length=240, n_mels=80, fmin=63, fmax=12000)
    vocoder, (path,) = saved_and_exported(tmp_path, "torchscript", spec=spec)
    _, (whole, _) = saved_and_exported(tmp_path, "onnx", spec=spec)
    session, script = onnxruntime.InferenceSession(str(whole), providers=["CPUExecutionProvider"]), load_vocoder(path)
    for n_frames in (1, 2, 7, 64, 300):
        mel, f0 = song(vocoder, (n_frames + 0.5) / spec.frame_rate)
        expected, noise = vocoder(mel, f0), noise_of_inference(vocoder, n_frames)
        assert expected.shape == (240 * n_frames,) and np.isfinite(expected).all()
        got = session.run(["waveform"], {"mel": mel[None], "f0": f0[None], "white_noise": noise})[0][0]
        np.testing.assert_allclose(got, expected, atol=1e-4)
        tensors = (torch.from_numpy(x) for x in (mel[None], f0[None]))
        with torch.no_grad():
            scripted = script.module(*tensors, 0, torch.from_numpy(noise))[0][0]
        np.testing.assert_allclose(scripted.numpy(), expected, atol=1e-4)
