"""Synthesis from the files in which people keep features."""

import sys

import kaldiio
import numpy as np
import pytest
import soundfile
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
        np.savez(folder / f"{name}.npz", mel=mel, f0=f0 if name == "two" else 0 * f0)
    arguments = "--mel", folder, "--vocoder", vocoder
    with pytest.raises(SystemExit, match="1 utterances were left out"):
        run(monkeypatch, out, *arguments)
    assert "one in" in caplog.text and "no value above 0 Hz" in caplog.text and not (out / "one.wav").exists()
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
    refused("no such file", "none.ark")
    refused("not readable as a NumPy", "objects.npy")
    refused("not readable as a NumPy", "cut.npz")
    refused("not readable as Kaldi", "cut.ark", "f0.npy")
    refused("none of mel", "other.npz")
