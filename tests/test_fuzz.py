"""Files that nobody meant: whatever bytes and values are in them, one sentence comes back, or numbers that can be used.

Here features, sound, tables, YAML and vocoders; scores and archives in test_fuzz_scores.py. How many cases: fuzzing.py.
"""

import io
import pickle
import struct
import tempfile
import zipfile
from pathlib import Path

import kaldiio
import numpy as np
import pytest
import soundfile
import torch
import yaml
from exports import save_small
from fuzzing import Runs, damaged, fuzz, here, tried, written  # noqa: F401
from hypothesis import given
from hypothesis import strategies as st
from small import SMALL, TRAINABLE

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.ark import read_matrix
from espnet2_nhv.feature.audio import load_audio
from espnet2_nhv.feature.datadir import read_segments, read_table
from espnet2_nhv.feature.pitch.curve import Curve
from espnet2_nhv.feature.pitch.curve_files import read_curve
from espnet2_nhv.feature.pitch.given import as_contour, continuous_f0
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.synthesis.features import Layout, read_f0s, read_mels
from espnet2_nhv.synthesis.inputs import input_files
from espnet2_nhv.synthesis.pack import Pack
from espnet2_nhv.train.config import load_config
from espnet2_nhv.vocoder.registry import build_vocoder, full_arguments
from espnet2_nhv.vocoder.saved import load_vocoder

SPEC = FeatureSpec()


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return save_small(tmp_path_factory.mktemp("small") / "nhv")


def ark_of(**arrays):
    buffer = io.BytesIO()
    kaldiio.save_ark(buffer, arrays)
    return buffer.getvalue()


def sound(form):
    buffer = io.BytesIO()
    soundfile.write(buffer, 0.1 * np.sin(np.arange(3000) / 7), 44100, format=form)
    return buffer.getvalue()


def npz_of(**arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def npy_of(array, **options):
    buffer = io.BytesIO()
    np.save(buffer, array, **options)
    return buffer.getvalue()


MEL, F0 = np.zeros((5, 128), dtype=np.float32), np.full(5, 200.0, dtype=np.float32)
HUGE = b"a \0BFM \4" + struct.pack("<i", 2**31 - 1) + b"\4" + struct.pack("<i", 2**31 - 1)
BOMB = io.BytesIO()
with zipfile.ZipFile(BOMB, "w", zipfile.ZIP_DEFLATED) as archive:
    header = (
        b"\x93NUMPY\1\0v\0" + b"{'descr': '<f4', 'fortran_order': False, 'shape': (4000000000,), }".ljust(117) + b"\n"
    )
    archive.writestr("mel.npy", header)
ARKS = [
    ark_of(a=MEL), ark_of(a=MEL.astype(np.float64), b=F0), b"a  [\n 1 2\n 3 4 ]\n", HUGE, b"a \0BCM " + bytes(30),
    b"a PKL" + pickle.dumps(Runs()), b"a NPY\4" + struct.pack("<i", 9) + b"\x93NUMPY",
    b"a \0B\4" + struct.pack("<i", -1),
]  # fmt: skip
NUMPY = [
    npz_of(mel=MEL, f0=F0), npz_of(**{"x|log_melspc": MEL.T, "x|f0": F0}), npy_of(MEL.astype(">f4")),
    npy_of(np.asfortranarray(MEL)), npy_of(MEL.astype(np.float16)),
    npy_of(np.array([Runs()], dtype=object), allow_pickle=True),
    npy_of(np.array(["a"])), npy_of(np.float32(3)), npy_of(MEL.astype(complex)), npz_of(), BOMB.getvalue(), header,
    npy_of(np.zeros((0, 128))), npy_of(MEL > 0),
]  # fmt: skip


@fuzz
@given(st.data())
def test_kaldi_arks(data):
    path = written("a.ark", data.draw(damaged(data.draw(st.sampled_from(ARKS)))))
    for _, mel, _ in tried(lambda: list(read_mels(path))) or ():
        tried(in_blocks, mel) if not isinstance(mel, UserError) else None
    place = f"{path}:{data.draw(st.integers(-3, 60))}{data.draw(st.sampled_from(['', '[0:3]', '[9:1]', '[x]', ' |']))}"
    tried(read_matrix, "a", place)
    tried(read_curve, place)


@fuzz
@given(st.data())
def test_numpy(data):
    path = written(f"a.np{data.draw(st.sampled_from('yz'))}", data.draw(damaged(data.draw(st.sampled_from(NUMPY)))))
    for _, mel, f0 in tried(lambda: list(read_mels(path))) or ():
        if not isinstance(mel, UserError):
            frames, whole = tried(in_blocks, mel), tried(lambda: Layout(128).frames_first(mel, "a").whole())
            assert (frames is None) == (whole is None)
            assert frames is None or (frames.dtype == whole.dtype == np.float32 and frames.shape[1] == 128)
            assert frames is None or np.array_equal(frames, whole, equal_nan=True)
        if f0 is not None:
            f0_of(f0)
    for read in (tried(read_f0s, path) or {}).values():
        f0 = tried(read)
        f0_of(f0) if f0 is not None else None


def in_blocks(mel):
    return np.concatenate([np.zeros((0, 128), np.float32), *Layout(128).frames_first(mel, "a").blocks(3)])


def f0_of(array):
    contour = tried(as_contour, array, "a")
    if contour is None or isinstance(contour, Curve):
        return
    filled = tried(continuous_f0, contour, "a", SPEC)
    assert filled is None or (np.isfinite(filled[0]).all() and (filled[0] > 0).all())


@fuzz
@given(st.lists(st.floats(width=32) | st.floats(0, 2000, width=32), max_size=40), st.sampled_from([1, 2, 3]))
def test_f0(values, columns):
    array = np.array(values, dtype=np.float32)[: len(values) // columns * columns]
    f0_of(array if columns == 1 else array.reshape(-1, columns))


TABLES = st.text(alphabet="a b\t\n\r.,:-|/1e9\ufeff\0\u0301\u304c", max_size=60)


@fuzz
@given(st.one_of(TABLES.map(str.encode), st.binary(max_size=40), TABLES.map(lambda text: text.encode("utf-16"))))
def test_tables_and_lists(content):
    for name, read in (
        ("wav.scp", read_table), ("segments", read_segments), ("list.txt", lambda path: input_files(path, (".wav",))),
        ("f0.csv", read_curve), ("f0.mid", read_curve),
    ):  # fmt: skip
        tried(read, written(name, content))


@fuzz
@given(st.data())
def test_sound(data):
    form = data.draw(st.sampled_from(["WAV", "FLAC", "OGG", "AIFF", "W64"]))
    path = written(f"a.{form.lower()}", data.draw(damaged(sound(form))))
    loaded = tried(load_audio, str(path), 44100, True)
    if loaded is not None:
        assert np.isfinite(loaded[0]).all() and np.abs(loaded[0]).max() <= 1 and len(loaded[0]) < 10**7


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats() | st.text(max_size=5) | st.just(1e308),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=4), inside, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from([*SPEC.to_dict(), "base", "fs", "x"])


@fuzz
@given(st.dictionaries(NAMES, VALUES, max_size=4) | VALUES, st.data())
def test_yaml(values, data):
    text = yaml.safe_dump(values, allow_unicode=True).encode()
    if data.draw(st.booleans()):
        text = data.draw(damaged(text))
    path = written("a.yaml", text)
    spec = tried(FeatureSpec.load, path)
    assert spec is None or (spec.fs > 0 and spec.hop_length > 0)
    tried(load_config, path)


@fuzz
@given(st.data())
def test_saved_vocoders(small, data):
    folder = Path(tempfile.mkdtemp(dir=".."))
    card, weights = ((small / name).read_bytes() for name in ("vocoder.yaml", "vocoder.pth"))
    kind = data.draw(st.sampled_from(["card", "weights", "entry", "pickle", "missing"]))
    if kind == "card":
        card = data.draw(damaged(card))
    elif kind == "weights":
        weights = data.draw(damaged(weights))
    elif kind == "entry":
        loaded = yaml.safe_load(card)
        where = data.draw(st.sampled_from([loaded, loaded["spec"], loaded["arguments"]]))
        # Counts of a network are not drawn large: whoever writes a card may ask for one of any size.
        where[data.draw(st.sampled_from(sorted(where)))] = data.draw(VALUES.filter(lambda x: not _is_large(x)))
        card = yaml.safe_dump(loaded).encode()
    elif kind == "pickle":
        buffer = io.BytesIO()
        torch.save({"mel_mean": Runs()}, buffer)
        weights = buffer.getvalue()
    (folder / "vocoder.yaml").write_bytes(card)
    if kind != "missing":
        (folder / "vocoder.pth").write_bytes(weights)
    vocoder = tried(load_vocoder, folder)
    if vocoder is not None:
        tried(vocoder.inference, torch.full((3, vocoder.spec.n_mels), -3.0), torch.full((3,), 200.0))


def _is_large(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and not abs(value) < 1000


@fuzz
@given(st.data())
def test_arguments_of_vocoders(data):
    """One argument is another, of some kind: a sentence, or a vocoder; one of NHV sings."""
    name = data.draw(st.just("nhv") | st.sampled_from(TRAINABLE))
    arguments = full_arguments(name, **SMALL.get(name, {}))
    changed = data.draw(st.sampled_from(sorted(arguments)))
    value = data.draw((VALUES | st.integers(-3, 12)).filter(lambda x: not _is_large(x)))
    vocoder = tried(lambda: build_vocoder(name, **{**arguments, changed: value}))
    if vocoder is not None and name == "nhv":
        with torch.no_grad():
            tried(vocoder.inference, torch.full((3, 128), -3.0), torch.full((3,), 200.0))


@fuzz
@given(st.data())
def test_packs(data):
    buffer = io.BytesIO()
    tensors = st.sampled_from([
        torch.zeros(1, 5, 128), torch.full((1, 5), 200.0), torch.zeros(()), torch.ones(2, 2), 3, "x", None,
        torch.nn.Parameter(torch.zeros(5, 128)), torch.zeros(1).expand(10**12), torch.zeros(5, 128).to_sparse(),
        torch.zeros(5, dtype=torch.complex64), torch.zeros(5, 128, dtype=torch.bfloat16), torch.zeros(5) > 0,
    ])  # fmt: skip
    entries = st.dictionaries(st.sampled_from(["mel", "f0", "offset", "x"]), tensors | st.floats(), max_size=4)
    torch.save(data.draw(st.lists(entries, max_size=2) | entries | tensors), buffer)
    content = buffer.getvalue()
    path = written("a.pt", data.draw(damaged(content)) if data.draw(st.booleans()) else content)
    for _, pack, _ in tried(lambda: list(read_mels(path))) or ():
        for segment in pack.segments if isinstance(pack, Pack) else ():
            tried(Layout(128).frames_first, segment.mel, "a")
            assert 0 <= segment.offset < 10**6
