"""Synthesis from the files in which people keep features."""

import sys

import kaldiio
import numpy as np
import pytest
import soundfile
import torch
from exports import save_small, song

from espnet2_nhv import load_vocoder
from espnet2_nhv.bin import synthesize as command
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.spec import FeatureSpec


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Path of a vocoder, and features of two utterances with the waveforms they should become."""
    path = save_small(tmp_path_factory.mktemp("synthesize") / "saved")
    vocoder = load_vocoder(path)
    features = {name: song(vocoder, 0.3, seed) for seed, name in enumerate(("one", "two"))}
    return path, features, {name: vocoder(*pair) for name, pair in features.items()}


def run(monkeypatch, out, *arguments):
    monkeypatch.setattr(sys, "argv", ["synthesize", *map(str, arguments), "--out", str(out), "--subtype", "FLOAT"])
    command.main()
    return {path.stem: soundfile.read(path)[0] for path in out.glob("*.wav")}


def check(got, expected):
    assert set(got) == set(expected)
    for name, wav in expected.items():
        np.testing.assert_allclose(got[name], wav, atol=1e-6)


def test_ark_and_scp(saved, tmp_path, monkeypatch):
    vocoder, features, expected = saved
    for kind, index in (("mel", 0), ("f0", 1)):
        with kaldiio.WriteHelper(f"ark,scp:{tmp_path}/{kind}.ark,{tmp_path}/{kind}.scp") as writer:
            for name, pair in features.items():
                writer[name] = pair[index]  # F0 as a vector, as ESPnet's recipes have it
    for mel, f0 in (("mel.ark", "f0.ark"), ("mel.scp", "f0.scp"), ("mel.ark", "f0.scp")):
        out = tmp_path / f"{mel}-{f0}"
        check(run(monkeypatch, out, "--mel", tmp_path / mel, "--f0", tmp_path / f0, "--vocoder", vocoder), expected)


def test_npz_and_npy_of_others(saved, tmp_path, monkeypatch):
    vocoder, features, expected = saved
    shards = {f"{name}|{kind}": x for name, pair in features.items() for kind, x in zip(("log_melspc", "f0"), pair)}
    np.savez(tmp_path / "shard.npz", **shards)
    check(run(monkeypatch, tmp_path / "a", "--mel", tmp_path / "shard.npz", "--vocoder", vocoder), expected)

    folder = tmp_path / "folder"
    folder.mkdir()
    for name, (mel, f0) in features.items():
        np.savez(folder / f"{name}.npz", log_melspc=mel.T, f0=f0[None])  # bands first
    check(run(monkeypatch, tmp_path / "b", "--mel", folder, "--vocoder", vocoder), expected)

    mels, f0s = tmp_path / "mels", tmp_path / "f0s"
    for where, index in ((mels, 0), (f0s, 1)):
        where.mkdir()
        for name, pair in features.items():
            np.save(where / f"{name}.npy", pair[index])
    check(run(monkeypatch, tmp_path / "c", "--mel", mels, "--f0", f0s, "--vocoder", vocoder), expected)
    one = {"one": expected["one"]}
    arguments = "--mel", mels / "one.npy", "--f0", f0s / "one.npy", "--vocoder", vocoder
    check(run(monkeypatch, tmp_path / "d", *arguments), one)


def test_goes_on_and_leaves_out_what_cannot_be_sung(saved, tmp_path, monkeypatch, caplog):
    vocoder, features, expected = saved
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for name, (mel, f0) in features.items():
        np.savez(folder / f"{name}.npz", mel=mel, f0=f0 if name == "two" else np.log(f0))
    arguments = "--mel", folder, "--vocoder", vocoder
    with pytest.raises(SystemExit, match="1 utterances were left out"):
        run(monkeypatch, out, *arguments)
    assert "one in" in caplog.text and "is it a logarithm? Give Hz" in caplog.text and not (out / "one.wav").exists()
    before = (out / "two.wav").stat().st_mtime_ns
    np.savez(folder / "one.npz", mel=features["one"][0], f0=features["one"][1])
    check(run(monkeypatch, out, *arguments), expected)
    assert (out / "two.wav").stat().st_mtime_ns == before
    np.savez(folder / "two.npz", mel=features["one"][0], f0=features["one"][1])  # other features of the same name
    check(run(monkeypatch, out, *arguments), dict(one=expected["one"], two=expected["one"]))


def test_unvoiced_zeros_are_interpolated(saved, tmp_path, monkeypatch):
    vocoder, features, _ = saved
    mel, f0 = features["one"]
    gaps = f0.copy()
    gaps[:5], gaps[20:23], gaps[-2:] = 0, 0, 0
    np.savez(tmp_path / "one.npz", mel=mel, f0=gaps)
    filled = f0.copy()
    filled[:5], filled[-2:] = f0[5], f0[-3]
    filled[20:23] = f0[19] * (f0[23] / f0[19]) ** (np.arange(1, 4) / 4)
    got = run(monkeypatch, tmp_path / "out", "--mel", tmp_path / "one.npz", "--vocoder", vocoder)
    np.testing.assert_allclose(got["one"], load_vocoder(vocoder)(mel, filled), atol=1e-4)


def test_spec_beside_the_features_counts(saved, tmp_path, monkeypatch):
    vocoder, features, expected = saved
    mel, f0 = features["one"]
    np.savez(tmp_path / "one.npz", mel=mel * np.log(10), f0=f0)
    FeatureSpec(log_base=None).save(tmp_path / "spec.yaml")
    got = run(monkeypatch, tmp_path / "out", "--mel", tmp_path / "one.npz", "--vocoder", vocoder)
    np.testing.assert_allclose(got["one"], expected["one"], atol=1e-4)
    FeatureSpec(fs=22050, fmax=8000).save(tmp_path / "spec.yaml")
    with pytest.raises(UserError, match="fs 22050 but the vocoder needs 44100"):
        run(monkeypatch, tmp_path / "out", "--mel", tmp_path / "one.npz", "--vocoder", vocoder)


def test_what_is_wrong_is_said_in_a_sentence(saved, tmp_path, monkeypatch):
    vocoder, features, _ = saved
    mel, f0 = features["one"]
    np.save(tmp_path / "mel.npy", mel)
    np.save(tmp_path / "narrow.npy", mel[:, :80])
    np.save(tmp_path / "short.npy", f0[:10])
    np.save(tmp_path / "f0.npy", f0)
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    (tmp_path / "cut.npz").write_bytes(b"PK\3\4")
    (tmp_path / "cut.ark").write_bytes(b"one \0BFM ")
    np.savez(tmp_path / "other.npz", **{"a|wav": f0})

    def refused(words, mel, f0=None):
        arguments = ["--mel", tmp_path / mel, *(["--f0", tmp_path / f0] if f0 else []), "--vocoder", vocoder]
        with pytest.raises(UserError, match=words) as error:
            run(monkeypatch, tmp_path / "out", *arguments)
        assert "\n" not in str(error.value)

    refused("no F0 beside", "mel.npy")
    refused("51 frames and f0 10", "mel.npy", "short.npy")
    refused(r"shape \(51, 80\)", "narrow.npy", "f0.npy")
    (tmp_path / "x").mkdir()
    np.save(tmp_path / "x" / "mel.npy", mel)
    refused("mel: it has a mel in .*no F0 in", "x", "f0.npy")
    refused("no such file", "none.npy")
    soundfile.write(tmp_path / "song.flac", np.zeros(100), 44100)
    refused("song.flac: it is a recording, not features: copy_synthesis takes it", "song.flac")
    refused("no such file", "none.ark")
    refused("not readable as a NumPy", "objects.npy")
    refused("not readable as a NumPy", "cut.npz")
    refused("not readable as Kaldi", "cut.ark", "f0.npy")
    refused("none of mel", "other.npz")
    np.save(tmp_path / "lf0.npy", np.where(np.arange(51) % 5, np.log(f0), -1e10))
    np.save(tmp_path / "pair.npy", np.stack([f0, np.ones(51)], axis=1))
    np.save(tmp_path / "double.npy", np.repeat(f0, 2))
    np.save(tmp_path / "half.npy", f0[::2])
    np.save(tmp_path / "words.npy", np.array(["a"] * 51))
    (tmp_path / "cut.pt").write_bytes(b"PK\3\4")
    refused(r"unvoiced frames of a logarithm: give Hz", "mel.npy", "lf0.npy")
    refused(r"shape \(51, 2\) is not one value a frame .*F0 alone", "mel.npy", "pair.npy")
    refused(r"at 2 times the mel's frame rate: give every second value, f0\[::2\]", "mel.npy", "double.npy")
    refused(r"at 1/2 of the mel's frame rate: repeat each value", "mel.npy", "half.npy")
    refused("not numbers", "mel.npy", "words.npy")
    refused("not tensors that PyTorch reads safely", "cut.pt")
    refused("it holds objects, not numbers: save plain arrays", "objects.npy")


def test_no_voiced_frame_is_sung_as_noise(saved, tmp_path, monkeypatch, caplog):
    vocoder, features, expected = saved
    shards = {f"{name}|log_melspc": mel for name, (mel, _) in features.items()}
    shards |= {"one|f0": np.zeros(51), "two|f0": np.where(np.arange(51) < 60, features["two"][1], np.nan)}
    np.savez(tmp_path / "shard.npz", **shards)
    got = run(monkeypatch, tmp_path / "out", "--mel", tmp_path / "shard.npz", "--vocoder", vocoder)
    assert "one in" in caplog.text and "no voiced frame" in caplog.text
    np.testing.assert_allclose(got["two"], expected["two"], atol=1e-6)
    constant = np.full(51, np.sqrt(50 * 1200), dtype=np.float32)
    np.testing.assert_allclose(got["one"], load_vocoder(vocoder)(features["one"][0], constant), atol=1e-6)


def test_nan_is_unvoiced(saved, tmp_path, monkeypatch):
    """As librosa's pyin has it."""
    vocoder, features, _ = saved
    mel, f0 = features["one"]
    for name, mark in (("nan", np.nan), ("zero", 0.0)):
        np.savez(tmp_path / f"{name}.npz", mel=mel, f0=np.where(np.arange(51) % 7 < 3, mark, f0))
    got = [run(monkeypatch, tmp_path / name, "--mel", tmp_path / f"{name}.npz", "--vocoder", vocoder)[name]
           for name in ("nan", "zero")]  # fmt: skip
    np.testing.assert_array_equal(*got)


def test_as_many_frames_as_bands(saved, tmp_path, monkeypatch, caplog):
    vocoder, *_ = saved
    model = load_vocoder(vocoder)
    square, other = song(model, 128 * 256 / 44100, 5), song(model, 0.3, 6)
    assert square[0].shape == (128, 128)
    folder = tmp_path / "in"
    folder.mkdir()
    np.savez(folder / "a.npz", mel=square[0].T, f0=square[1])  # bands first, and so is the other
    np.savez(folder / "b.npz", mel=other[0].T, f0=other[1])
    got = run(monkeypatch, tmp_path / "both", "--mel", folder, "--vocoder", vocoder)
    check(got, {"a": model(*square), "b": model(*other)})
    assert "mel_layout" not in caplog.text
    alone = "--mel", folder / "a.npz", "--vocoder", vocoder
    check(run(monkeypatch, tmp_path / "told", *alone, "--mel_layout", "bands_first"), {"a": model(*square)})
    assert "mel_layout" not in caplog.text
    run(monkeypatch, tmp_path / "alone", *alone)
    assert "give --mel_layout bands_first" in caplog.text


def test_segments_of_diffsinger(saved, tmp_path, monkeypatch):
    vocoder, features, expected = saved
    offsets = {"one": 0.1, "two": 1.0}  # s
    pack = [
        {"offset": offsets[name], "mel": torch.from_numpy(mel)[None], "f0": torch.from_numpy(f0)[None]}
        for name, (mel, f0) in features.items()
    ]
    torch.save(pack, tmp_path / "song.pt")
    (got,) = run(monkeypatch, tmp_path / "out", "--mel", tmp_path / "song.pt", "--vocoder", vocoder).values()
    whole = np.zeros(44100 + 51 * 256, dtype=np.float32)
    for name, wav in expected.items():
        start = round(offsets[name] * 44100)
        whole[start : start + len(wav)] = wav
    np.testing.assert_allclose(got, whole, atol=1e-6)
    pack[1]["offset"] = 0.2  # while the first one sounds: faded over
    torch.save(pack, tmp_path / "song.pt")
    (got,) = run(monkeypatch, tmp_path / "out", "--mel", tmp_path / "song.pt", "--vocoder", vocoder).values()
    assert len(got) == 8820 + 51 * 256 and np.abs(got).max() <= np.abs(whole).max() + 1e-6


class _Runs:
    def __reduce__(self):
        import os

        return os.system, ("touch ran",)


def test_a_pack_runs_nothing(saved, tmp_path, monkeypatch):
    vocoder, *_ = saved
    monkeypatch.chdir(tmp_path)
    torch.save([{"mel": _Runs()}], "song.pt")
    with pytest.raises(UserError, match="not tensors that PyTorch reads safely"):
        run(monkeypatch, tmp_path / "out", "--mel", "song.pt", "--vocoder", vocoder)
    assert not (tmp_path / "ran").exists()


def test_names_of_others(saved, tmp_path, monkeypatch):
    """so-vits-svc puts x.wav.f0.npy beside x.wav; a Mac's zip spells accents in two letters."""
    vocoder, features, expected = saved
    folder = tmp_path / "in"
    folder.mkdir()
    name = "ga\u0301"
    np.save(folder / f"{name}.wav.mel.npy", features["one"][0])
    np.save(folder / f"{name}.wav.f0.npy", features["one"][1])
    torch.save(torch.zeros(3), folder / f"{name}.wav.soft.pt")
    got = run(monkeypatch, tmp_path / "out", "--mel", folder, "--f0", folder, "--vocoder", vocoder)
    check(got, {"g\u00e1": expected["one"]})
    (tmp_path / "list.txt").write_text("\ufeff" + "in/g\u00e1.wav.mel.npy\n", encoding="utf-8")
    arguments = "--mel", tmp_path / "list.txt", "--f0", folder / f"{name}.wav.f0.npy", "--vocoder", vocoder
    check(run(monkeypatch, tmp_path / "listed", *arguments), {"g\u00e1": expected["one"]})
