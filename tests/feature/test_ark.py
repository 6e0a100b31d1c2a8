"""Ark files: whole or not there, readable by kaldiio, and clear about damage."""

import errno
import io
import os
import struct
from pathlib import Path

import kaldiio
import numpy as np
import pytest

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.ark import ArkTable, ArkWriter, read_matrix
from espnet2_nhv.feature.datadir import write_table

pytestmark = pytest.mark.usefixtures("own_folder")


def _matrices():
    rng = np.random.default_rng(0)
    shapes = {"song_a": (7, 3), "låt-β": (1, 1), "song_b": (40, 5)}
    return {utt: rng.standard_normal(shape).astype(np.float32) for utt, shape in shapes.items()}


def _write(path="feats.1.ark", matrices=None):
    with ArkWriter(path) as writer:
        for utt, matrix in (matrices or _matrices()).items():
            writer[utt] = matrix
    places = {utt: f"{path}:{offset}" for utt, offset in writer.offsets.items()}
    write_table("feats.scp", places)
    return places


def test_kaldiio_reads_what_was_written():
    _write()
    for table in (kaldiio.load_scp("feats.scp"), dict(kaldiio.load_ark("feats.1.ark"))):
        assert set(table) == set(_matrices())
        for utt, matrix in _matrices().items():
            assert table[utt].dtype == np.float32 and np.array_equal(table[utt], matrix)


def test_bytes_are_kaldis():
    matrix = np.array([[1.0, -2.0], [0.5, 8.0], [3.0, 4.0]], dtype=np.float32)
    _write(matrices={"u": matrix})
    # Kaldi's manual: the key, a space, "\0B", the type "FM ", rows and columns each after its size in bytes, data.
    expected = b"u \0BFM " + struct.pack("<bibi", 4, 3, 4, 2) + matrix.tobytes()
    assert Path("feats.1.ark").read_bytes() == expected


def test_any_float_becomes_float32():
    _write(matrices={"u": np.arange(6, dtype=np.float64).reshape(2, 3).T})
    assert np.array_equal(ArkTable("feats.scp")["u"], np.arange(6, dtype=np.float32).reshape(2, 3).T)


def test_table_is_lazy_and_gives_copies():
    _write()
    table = ArkTable("feats.scp")
    assert len(table) == 3 and sorted(table) == sorted(_matrices()) and "song_c" not in table
    os.rename("feats.1.ark", "away")
    with pytest.raises(UserError, match="feats.1.ark, which holds song_a, is missing: run stage 3 again"):
        table["song_a"]
    os.rename("away", "feats.1.ark")
    table["song_a"][:] = 0
    assert np.array_equal(table["song_a"], _matrices()["song_a"])


@pytest.mark.parametrize("missing", [1, 4, 40 * 5 * 4 - 4, 40 * 5 * 4, 40 * 5 * 4 + 8, 40 * 5 * 4 + 15])
def test_cut_short(missing):
    places = _write()
    content = Path("feats.1.ark").read_bytes()
    Path("feats.1.ark").write_bytes(content[: len(content) - missing])
    table = ArkTable("feats.scp")
    assert np.array_equal(table["song_a"], _matrices()["song_a"])  # what is whole can be used
    with pytest.raises(UserError) as refusal:
        table["song_b"]
    assert str(refusal.value) == (
        f"{places['song_b']}: song_b cannot be read, the file is cut short or of another run: "
        "run stage 3 again, it makes what is not whole"
    )


def test_cuts_anywhere_are_noticed():
    places = _write()
    content = Path("feats.1.ark").read_bytes()
    start = int(places["song_b"].split(":")[1])
    for length in [*range(start, start + 20), *range(start + 20, len(content), 13)]:
        Path("feats.1.ark").write_bytes(content[:length])
        with pytest.raises(UserError, match="song_b cannot be read"):
            read_matrix("song_b", places["song_b"])


def test_offset_of_another_run_is_noticed():
    places = _write()
    path, offset = places["song_b"].split(":")
    for wrong in (int(offset) - 3, int(offset) + 1, int(offset) + 12, 10**6):
        with pytest.raises(UserError, match="cannot be read, the file is cut short or of another run"):
            read_matrix("song_b", f"{path}:{wrong}")


def test_audio_in_the_place_of_features_is_noticed():
    with kaldiio.WriteHelper("ark,scp:wav.ark,wav.scp", write_function="soundfile") as writer:
        writer["u"] = np.zeros(100, dtype=np.int16), 8000
    with pytest.raises(UserError, match="u cannot be read"):
        ArkTable("wav.scp")["u"]


def test_doubled_utterance_is_refused():
    Path("feats.scp").write_text("a ark/feats.1.ark:2\nb ark/feats.1.ark:20\na ark/feats.2.ark:2\n")
    with pytest.raises(UserError, match=r"feats.scp: two entries have the id 'a' \(lines 1 and 3\)"):
        ArkTable("feats.scp")


def test_missing_scp():
    with pytest.raises(UserError, match="feats.scp is missing: run the stage that writes it"):
        ArkTable("feats.scp")


def test_nothing_of_an_interrupted_file_appears():
    with pytest.raises(KeyboardInterrupt):
        with ArkWriter("feats.1.ark") as writer:
            writer["a"] = np.zeros((2, 3))
            assert os.listdir(".") == ["feats.1.ark.part"]
            raise KeyboardInterrupt
    assert os.listdir(".") == []


def test_a_file_is_replaced_only_when_the_new_one_is_whole():
    places = _write()
    with pytest.raises(ValueError, match="a matrix has two dimensions"):
        with ArkWriter("feats.1.ark") as writer:
            writer["song_a"] = np.zeros((2, 3))
            writer["song_b"] = np.zeros(3)
    assert np.array_equal(read_matrix("song_b", places["song_b"]), _matrices()["song_b"])


class _FullDisk(io.BytesIO):
    room = 600

    def write(self, data):
        if self.tell() + len(data) > self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)


def test_full_disk_names_the_file():
    with pytest.raises(OSError) as error:
        with ArkWriter("feats.1.ark") as writer:
            writer._file.close()
            writer._file = _FullDisk()
            for utt, matrix in _matrices().items():
                writer[utt] = matrix
    assert error.value.errno == errno.ENOSPC and error.value.filename == "feats.1.ark"
    assert os.listdir(".") == []
