"""TorchScript exports, against the vocoder they were made of."""

import io
import zipfile

import numpy as np
import pytest
import torch
from exports import LICENCE, TRAINED_ON, noise_of_inference, noise_of_seed, saved_and_exported, song, turned

from espnet2_nhv import load_vocoder
from espnet2_nhv.errors import UserError
from espnet2_nhv.export.export import export


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    vocoder, (path,) = saved_and_exported(tmp_path_factory.mktemp("script"), "torchscript")
    return vocoder, load_vocoder(path), path


@pytest.mark.parametrize("n_frames", [1, 4, 172, 5167])
def test_same_noise_gives_the_same_signal(exported, n_frames):
    vocoder, scripted, _ = exported
    mel, f0 = song(vocoder, (n_frames + 0.5) / vocoder.spec.frame_rate)
    noise = torch.from_numpy(noise_of_inference(vocoder, n_frames))
    with torch.no_grad():
        wav, harmonic, rest = scripted.module(torch.from_numpy(mel)[None], torch.from_numpy(f0)[None], 0, noise)
    np.testing.assert_allclose(wav[0], vocoder(mel, f0), atol=2e-5)
    np.testing.assert_allclose(harmonic + rest, wav, atol=1e-7)


def test_knobs_are_pytorchs_and_neutral_is_bit_for_bit(exported):
    vocoder, scripted, _ = exported
    mel, f0 = song(vocoder, 1.0)
    knobs, plain = turned(len(f0)), scripted(mel, f0)
    np.testing.assert_allclose(scripted(mel, f0, knobs=knobs), vocoder(mel, f0, knobs=knobs), atol=5e-5)
    with torch.no_grad():
        zeros = {name: torch.zeros(1, 1) for name in knobs}
        neutral = scripted.module(torch.from_numpy(mel)[None], torch.from_numpy(f0)[None], **zeros)[0]
    assert np.array_equal(neutral[0].numpy(), plain)


def test_batch_and_seed(exported):
    vocoder, scripted, _ = exported
    mel, f0 = (torch.from_numpy(x) for x in song(vocoder, 1.0))
    with torch.no_grad():
        both = scripted.module(torch.stack([mel, mel]), torch.stack([f0, f0 * 1.1]), 9)[0]
        noise = torch.from_numpy(noise_of_seed(vocoder, 9, 2, len(f0) + 3))
        again = scripted.module(mel[None], 1.1 * f0[None], 0, noise[1:])[0]
    np.testing.assert_allclose(both[1], again[0], atol=1e-5)


def test_loads_with_pytorch_alone(exported):
    _, _, path = exported
    extra = {"espnet2_nhv": ""}
    module = torch.jit.load(str(path), _extra_files=extra)
    assert module(torch.full((1, 40, 128), -2.0), torch.full((1, 40), 200.0))[0].shape == (1, 10240)
    card = extra["espnet2_nhv"].decode() if isinstance(extra["espnet2_nhv"], bytes) else extra["espnet2_nhv"]
    assert LICENCE in card and TRAINED_ON in card


def test_a_name_is_no_path(exported, tmp_path):
    for name in ("a/b", "../b", "", "."):
        with pytest.raises(UserError, match="give a name without folders, and the folder as --out"):
            export("never opened", "torchscript", tmp_path / "out", name)
    assert not (tmp_path / "out").exists()


def test_damaged_and_foreign_files_are_refused(exported, tmp_path):
    _, _, path = exported
    content, target = path.read_bytes(), tmp_path / "x.pt"

    def refused(data, words):
        target.write_bytes(data)
        with pytest.raises(UserError, match=words) as error:
            load_vocoder(target)
        assert "\n" not in str(error.value) and str(target) in str(error.value)

    refused(content[: len(content) // 2], "damaged")
    middle = len(content) // 2
    refused(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :], "altered or damaged")
    refused(b"PK not really", "not a vocoder")
    buffer = io.BytesIO()
    torch.save({"w": torch.zeros(3)}, buffer)
    refused(buffer.getvalue(), "not a vocoder")
    newer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(newer, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, data.replace(b'"format": 1', b'"format": 7') if name.endswith("espnet2_nhv") else data)
    refused(newer.getvalue(), "format 7.*update")
