"""Long utterances are synthesised block by block: the same signal, whatever holds the features, or nothing at all."""

import dataclasses
import sys
import tracemalloc

import kaldiio
import numpy as np
import pytest
import soundfile
import torch
from exports import save_small, song

from espnet2_nhv import load_vocoder
from espnet2_nhv.bin import synthesize as command
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.kaldi import open_archive, open_place
from espnet2_nhv.feature.numpy_files import open_arrays
from espnet2_nhv.synthesis import synthesize as module
from espnet2_nhv.synthesis.pack import placed
from espnet2_nhv.vocoder.in_blocks import inference_in_blocks
from espnet2_nhv.vocoder.late_stream import LateStream

BLOCK = 16


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Path of a vocoder, and features of an utterance of several blocks with the waveform it should become."""
    path = save_small(tmp_path_factory.mktemp("blocks") / "saved")
    vocoder = load_vocoder(path)
    mel, f0 = song(vocoder, 0.5)
    assert len(mel) > 5 * BLOCK and len(mel) % BLOCK
    return path, mel, f0, vocoder(mel, f0)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(module, "BLOCK_FRAMES", BLOCK)


def run(monkeypatch, out, *arguments):
    monkeypatch.setattr(sys, "argv", ["synthesize", *map(str, arguments), "--out", str(out), "--subtype", "FLOAT"])
    command.main()
    return {path.stem: soundfile.read(path)[0] for path in out.glob("*.wav")}


def npy(path, mel):
    np.save(path / "a.npy", mel)
    return path / "a.npy"


def ark(path, name="ark", **options):
    def write(path, mel):
        kaldiio.save_ark(str(path / "a.ark"), {"a": mel}, scp=str(path / "a.scp"), **options)
        return path / f"a.{name}"

    return write


KINDS = {
    "npy": npy,
    "npy of bands first": lambda path, mel: npy(path, np.ascontiguousarray(mel.T)),
    "npy in Fortran's order": lambda path, mel: npy(path, np.asfortranarray(mel)),
    "npy of bands first in Fortran's order": lambda path, mel: npy(path, mel.T),
    "npy of one in a batch": lambda path, mel: npy(path, mel[None]),
    "npy of another machine": lambda path, mel: npy(path, mel.astype(">f8")),
    "npz": lambda path, mel: np.savez(path / "a.npz", mel=mel) or path / "a.npz",
    "npz of bands first": lambda path, mel: np.savez(path / "a.npz", mel=mel.T.copy()[None]) or path / "a.npz",
    "npz that is packed": lambda path, mel: np.savez_compressed(path / "a.npz", mel=mel) or path / "a.npz",
    "ark": ark("ark"),
    "scp": lambda path, mel: ark("ark")(path, mel).with_suffix(".scp"),
    "ark of float64": lambda path, mel: ark("ark")(path, mel.astype(np.float64)),
    "ark of bands first": lambda path, mel: ark("ark")(path, mel.T.copy()),
    "ark of text": lambda path, mel: ark("ark", text=True)(path, mel),
}


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_holds_the_features(kind, saved, tmp_path, monkeypatch):
    vocoder, mel, f0, expected = saved
    for name in ("in", "f0"):
        (tmp_path / name).mkdir()
    np.save(tmp_path / "f0/a.npy", f0)
    path = KINDS[kind](tmp_path / "in", mel)
    arguments = "--mel", path, "--f0", tmp_path / "f0", "--vocoder", vocoder
    (got,) = run(monkeypatch, tmp_path / "out", *arguments).values()
    np.testing.assert_allclose(got, expected, atol=1e-5)
    monkeypatch.setattr(module, "BLOCK_FRAMES", 10**6)
    (whole,) = run(monkeypatch, tmp_path / "whole", *arguments).values()
    np.testing.assert_allclose(got, whole, atol=1e-5)
    lists = [(tmp_path / name / "made.tsv").read_text() for name in ("out", "whole")]
    assert lists[0] == lists[1]  # what tells the features from others does not depend on blocks


@pytest.mark.parametrize(
    "change",
    [{}, {"frame_centre": 0.5}, {"hop_length": 512}, {"hop_length": 200, "frame_centre": 0.5}, {"log_base": None},
     {"floor": 1e-12}],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("own_centre", [0.0, 0.5])
def test_features_of_another_spec(change, own_centre, saved):
    path, mel, f0, _ = saved
    vocoder = load_vocoder(path)
    vocoder.spec = dataclasses.replace(vocoder.spec, frame_centre=own_centre)
    spec = dataclasses.replace(vocoder.spec, **change)
    mel, f0 = torch.from_numpy(mel), torch.from_numpy(f0)
    knobs = {"breathiness": np.linspace(-6, 6, len(mel), dtype=np.float32), "gender": 2.0}
    cases = (f0, None, 7), (f0, knobs, BLOCK), (f0[:-1], None, len(mel)), (torch.cat([f0, f0[-1:]]), None, BLOCK)
    for f0_given, turned, size in cases:
        whole = vocoder.inference(mel, f0_given, spec, knobs=turned)
        blocks = inference_in_blocks(vocoder, mel.split(size), len(mel), f0_given, spec, turned)
        joined = torch.cat(list(blocks))
        assert joined.shape == whole.shape
        np.testing.assert_allclose(joined, whole, atol=2e-5)


def test_a_stream_for_either_centre(saved):
    vocoder = load_vocoder(saved[0])
    assert isinstance(vocoder.stream(frame_centre=0.5), LateStream)
    vocoder.spec = dataclasses.replace(vocoder.spec, frame_centre=0.5)
    assert isinstance(vocoder.stream(), LateStream) and not isinstance(vocoder.stream(frame_centre=0.0), LateStream)


def test_without_a_stream_at_once(saved, tmp_path, monkeypatch):
    vocoder, mel, f0, expected = saved
    monkeypatch.setattr("espnet2_nhv.vocoder.in_blocks.stream_of", lambda *_: None)
    np.savez(tmp_path / "a.npz", mel=mel, f0=f0)
    got = run(monkeypatch, tmp_path / "out", "--mel", tmp_path / "a.npz", "--vocoder", vocoder)
    np.testing.assert_array_equal(got["a"], expected)


def test_an_interruption_leaves_what_was_made_and_no_half_file(saved, tmp_path, monkeypatch):
    vocoder, mel, f0, expected = saved
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for name in "ab":
        np.savez(folder / f"{name}.npz", mel=mel, f0=f0)
    written = []

    def interrupted(*arguments):
        for number, block in enumerate(inference_in_blocks(*arguments)):
            if written and number == 3:
                assert list(out.glob("b*.part"))  # it was under way
                raise KeyboardInterrupt
            yield block
        written.append(number)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(module, "inference_in_blocks", interrupted)
        run(patch, out, "--mel", folder, "--vocoder", vocoder)
    assert written[0] >= 5 and not list(out.glob("*.part"))
    assert [path.name for path in out.glob("*.wav")] == ["a.wav"]
    first = (out / "a.wav").stat().st_ino
    got = run(monkeypatch, out, "--mel", folder, "--vocoder", vocoder)
    assert set(got) == {"a", "b"} and (out / "a.wav").stat().st_ino == first
    np.testing.assert_allclose(got["b"], expected, atol=1e-5)


def test_damage_further_on_is_found_before_anything_is_written(saved, tmp_path, monkeypatch):
    vocoder, mel, f0, _ = saved
    (tmp_path / "f0").mkdir()
    np.save(tmp_path / "f0/a.npy", f0)

    def refused(words, path):
        with pytest.raises(UserError, match=words) as error:
            run(monkeypatch, tmp_path / "out", "--mel", path, "--f0", tmp_path / "f0", "--vocoder", vocoder)
        assert "\n" not in str(error.value) and not list((tmp_path / "out").glob("*.wav*"))

    bad = mel.copy()
    bad[4 * BLOCK + 3, 5] = np.nan
    refused(f"not finite at frame {4 * BLOCK + 3}", npy(tmp_path, bad))
    content = npy(tmp_path, mel).read_bytes()
    (tmp_path / "a.npy").write_bytes(content[:-1])
    refused("not readable as a NumPy file .*cut short", tmp_path / "a.npy")
    np.savez(tmp_path / "a.npz", mel=mel)
    content = bytearray((tmp_path / "a.npz").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "a.npz").write_bytes(content)
    refused("not readable as a NumPy file .*CRC", tmp_path / "a.npz")
    path = ark("ark")(tmp_path, mel)
    path.write_bytes(path.read_bytes()[:-1])
    refused("not readable as Kaldi features .*cut short", path)
    refused("not readable as Kaldi features .*cut short", path.with_suffix(".scp"))


def test_a_file_cut_while_it_is_read(saved, tmp_path):
    path = npy(tmp_path, saved[1])
    stored = open_arrays(path)["arr_0"]
    blocks = stored.blocks(0, BLOCK)
    next(blocks)
    path.write_bytes(path.read_bytes()[: 20 * 128 * 4])
    with pytest.raises(UserError, match="a.npy: not readable as a NumPy file .it is cut short"):
        list(blocks)


def test_reading_in_blocks_holds_a_block(tmp_path):
    mel = np.zeros((20000, 128), np.float32)  # 10 MB
    (tmp_path / "in").mkdir()
    for kind, write in KINDS.items():
        if kind not in ("npy", "npy of bands first", "npy in Fortran's order", "npz", "npz that is packed", "scp"):
            continue
        path = write(tmp_path / "in", mel)
        tracemalloc.start()
        if kind == "scp":
            stored = open_place(path.read_text().split()[1])
            assert [name for name, _ in open_archive(path.with_suffix(".ark"))] == ["a"]
        else:
            (stored,) = open_arrays(path).values()
        n_frames = sum(block.size // 128 for block in stored.blocks(stored.shape.index(20000), 1000))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert n_frames == 20000 and peak < mel.nbytes / 4, (kind, peak)


def test_segments_come_in_blocks_as_at_once():
    rng = np.random.default_rng(0)
    for _ in range(20):
        segments = sorted(
            ((int(rng.integers(0, 3000)), rng.standard_normal(rng.integers(1, 900)).astype(np.float32))
             for _ in range(rng.integers(1, 8))),
            key=lambda pair: pair[0],
        )  # fmt: skip
        song, end = np.zeros(max(start + len(wav) for start, wav in segments), np.float32), 0
        for start, wav in segments:
            overlap = min(max(end - start, 0), len(wav))
            fade = np.linspace(0, 1, overlap, dtype=np.float32)
            song[start : start + overlap] = song[start : start + overlap] * (1 - fade) + fade * wav[:overlap]
            song[start + overlap : start + len(wav)] = wav[overlap:]
            end = max(end, start + len(wav))
        np.testing.assert_allclose(np.concatenate(list(placed(segments))), song, atol=1e-6)


def test_progress_within_a_long_one(saved, tmp_path, monkeypatch):
    vocoder, mel, f0, _ = saved
    np.savez(tmp_path / "a.npz", mel=mel, f0=f0)
    shares = []

    class Bar:
        def __init__(self, name, leave):
            assert (name, leave) == ("a", False)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def update(self, share):
            shares.append(share)

    monkeypatch.setattr(module, "progress_bar", Bar)
    run(monkeypatch, tmp_path / "short", "--mel", tmp_path / "a.npz", "--vocoder", vocoder)
    assert not shares
    monkeypatch.setattr(module, "_LONG_SECONDS", 0.2)
    run(monkeypatch, tmp_path / "long", "--mel", tmp_path / "a.npz", "--vocoder", vocoder)
    assert len(shares) > 5 and sum(shares) == pytest.approx(1)
