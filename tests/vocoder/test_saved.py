"""Saved vocoders: what was saved is what is loaded, or a sentence says why not."""

import pickle
from pathlib import Path

import pytest
import torch
import yaml
from small import SMALL
from tiny_dump import SPEC, features, tone

from espnet2_nhv.errors import UserError
from espnet2_nhv.vocoder.registry import VOCODERS, build_vocoder, vocoder_class
from espnet2_nhv.vocoder.saved import load_card, load_vocoder, save_vocoder


@pytest.fixture
def folder(tmp_path):
    torch.manual_seed(0)
    save_vocoder(build_vocoder("hifigan", SPEC, channels=16), tmp_path / "v", licence="CC0", trained_on="tones (CC0)")
    return tmp_path / "v"


def edit(folder, **changes):
    path = folder / "vocoder.yaml"
    card = {**yaml.safe_load(path.read_text()), **changes}
    path.write_text(yaml.safe_dump({name: value for name, value in card.items() if value is not None}))


@pytest.mark.parametrize("name", VOCODERS)
def test_comes_back_as_it_was(name, tmp_path):
    torch.manual_seed(0)
    vocoder = build_vocoder(name, SPEC, **SMALL.get(name, {})).eval()
    vocoder.set_stats(torch.full((SPEC.n_mels,), -3.0), torch.full((SPEC.n_mels,), 2.0))
    if vocoder_class(name).trainable:
        with torch.no_grad():
            for parameter in vocoder.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.01)
    save_vocoder(vocoder, tmp_path, licence="CC0", trained_on="tönes")
    wav, f0 = tone(0.3, 220)
    mel, f0 = (torch.from_numpy(x) for x in features(wav, f0))
    loaded = load_vocoder(tmp_path)
    assert loaded.spec == SPEC and loaded.name == name and not loaded.training
    assert torch.equal(loaded.mel_mean, vocoder.mel_mean) and torch.equal(loaded.mel_std, vocoder.mel_std)
    outputs = []
    for v in (vocoder, loaded):
        torch.manual_seed(1)
        outputs.append(v.inference(mel, f0[:, 0], wav=torch.from_numpy(wav)))
    assert torch.allclose(*outputs, atol=1e-5)
    assert load_card(tmp_path)["trained_on"] == "tönes"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["vocoder.pth", "vocoder.yaml"]


def test_goes_on_training_unfused(folder):
    saved = torch.load(folder / "vocoder.pth", weights_only=True)
    assert set(load_vocoder(folder, fuse=False).state_dict()) == set(saved)
    assert set(load_vocoder(folder).state_dict()) != set(saved)


def test_missing(tmp_path, folder):
    with pytest.raises(UserError, match="no vocoder.yaml"):
        load_vocoder(tmp_path / "nowhere")
    (folder / "vocoder.pth").unlink()
    with pytest.raises(UserError, match="the weights are missing"):
        load_vocoder(folder)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_truncated(folder, share):
    path = folder / "vocoder.pth"
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(UserError, match="vocoder.pth: not the weights of this vocoder, or damaged"):
        load_vocoder(folder)


def test_altered(folder):
    edit(folder, arguments=dict(channels=32))
    with pytest.raises(UserError, match="not the weights of this vocoder"):
        load_vocoder(folder)
    edit(folder, arguments=dict(chanels=16))
    with pytest.raises(UserError, match="chanels"):
        load_vocoder(folder)
    edit(folder, vocoder="waveglow")
    with pytest.raises(UserError, match="waveglow"):
        load_vocoder(folder)


def test_a_tensor_too_many_or_too_few(folder):
    path = folder / "vocoder.pth"
    tensors = torch.load(path, weights_only=True)
    torch.save({**tensors, "extra": torch.zeros(1)}, path)
    with pytest.raises(UserError, match="not the weights"):
        load_vocoder(folder)
    tensors.pop("mel_mean")
    torch.save(tensors, path)
    with pytest.raises(UserError, match="not the weights"):
        load_vocoder(folder)


def test_spec_of_the_card_is_checked(folder):
    edit(folder, spec={**SPEC.to_dict(), "fmax": 30000})
    with pytest.raises(UserError, match="vocoder.yaml.*fmax"):
        load_vocoder(folder)
    edit(folder, spec={**SPEC.to_dict(), "colour": "blue"})
    with pytest.raises(UserError, match="colour"):
        load_vocoder(folder)


def test_newer_format_and_cards_that_are_none(folder):
    edit(folder, format=2)
    with pytest.raises(UserError, match="format 2.*update"):
        load_vocoder(folder)
    edit(folder, format=None)
    with pytest.raises(UserError, match="'format' is missing"):
        load_vocoder(folder)
    edit(folder, format=1, arguments=[1])
    with pytest.raises(UserError, match="'arguments' is not a mapping"):
        load_vocoder(folder)
    for text in ("just words", "- 1\n- 2\n", "", "{a: [", "\0"):
        (folder / "vocoder.yaml").write_text(text)
        with pytest.raises(UserError, match="vocoder.yaml"):
            load_vocoder(folder)


class Bomb:
    """Touches a file when unpickled: what a downloaded vocoder must not be able to do."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (Path(self.path),)


def test_pickled_objects_are_refused(folder, tmp_path):
    fuse = tmp_path / "fuse"
    for write in (lambda o, p: torch.save(o, p), lambda o, p: p.write_bytes(pickle.dumps(o))):
        write({"weights": Bomb(fuse)}, folder / "vocoder.pth")
        with pytest.raises(UserError, match="not the weights"):
            load_vocoder(folder)
    (folder / "vocoder.yaml").write_text(f"!!python/object/apply:pathlib.Path.touch [{fuse}]\n")
    with pytest.raises(UserError, match="vocoder.yaml"):
        load_vocoder(folder)
    assert not fuse.exists()


def test_a_failed_save_leaves_the_old_one(folder, monkeypatch):
    before = load_vocoder(folder).state_dict()
    monkeypatch.setattr(torch, "save", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError):
        save_vocoder(build_vocoder("hifigan", SPEC, channels=32), folder, licence="x", trained_on="y")
    after = load_vocoder(folder).state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
