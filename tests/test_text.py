"""Text of others: marks of encodings, YAML that would grow or run, names in two spellings."""

import unicodedata

import pytest

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.datadir import read_segments, read_table
from espnet2_nhv.feature.pitch.curve_files import read_curve
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.synthesis.inputs import input_files
from espnet2_nhv.text import existing_path, load_yaml, read_text
from espnet2_nhv.train.config import load_config


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path):
    (tmp_path / "a.wav").touch()
    texts = {
        "wav.scp": "a a.wav\n", "segments": "u a 0 1\n", "list.txt": "a.wav\n", "f0.csv": "time,f0\n0,100\n1,200\n",
        "spec.yaml": "fs: 44100\n", "config.yaml": "batch_size: 2\n",
    }  # fmt: skip
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8-sig")
    assert read_table(tmp_path / "wav.scp") == {"a": "a.wav"}
    assert read_segments(tmp_path / "segments") == {"u": ("a", 0, 1)}
    assert input_files(tmp_path / "list.txt", ()) == {"a": str(tmp_path / "a.wav")}
    assert read_curve(tmp_path / "f0.csv").f0.tolist() == [100, 200]
    assert FeatureSpec.load(tmp_path / "spec.yaml") == FeatureSpec()
    assert load_config(tmp_path / "config.yaml") == {"batch_size": 2}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_other_encodings_are_named(tmp_path, encoding):
    path = tmp_path / "wav.scp"
    path.write_text("a a.wav\n", encoding=encoding)
    name = encoding.upper()
    for read in (read_text, read_table, load_yaml, read_curve, lambda path: input_files(path, ())):
        if read is read_curve:
            path = path.rename(tmp_path / "f0.csv")
        with pytest.raises(UserError, match=f"it is {name}: convert it: iconv -f {name} -t UTF-8"):
            read(path)
        path = path.rename(tmp_path / "wav.scp")


def test_shift_jis_is_refused(tmp_path):
    (tmp_path / "wav.scp").write_bytes("\u6b4c a.wav\n".encode("shift_jis"))
    with pytest.raises(UserError, match=r"not a table in UTF-8 \(byte 0 is 0x89\).*iconv"):
        read_table(tmp_path / "wav.scp")


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi")
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, "its aliases make more than 200000 values"),
        ("a: &a [*a]", "an alias stands for what it is in"),
        ("!!python/object/apply:os.system ['touch ran']", "not readable as YAML"),
        ("a: 2024-99-99", "not readable as YAML"),
        ("a: !!int x", "not readable as YAML"),
        ("[" * 20000, "not readable as YAML"),
        ("{[a]: 1, {b: 1}: 2}", "not readable as YAML"),
        ("a: b: c", "not readable as YAML"),
        ("a: \x07", "not readable as YAML"),
    ],
)
def test_yaml_that_would_grow_or_run(tmp_path, monkeypatch, text, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spec.yaml").write_text(text)
    with pytest.raises(UserError, match=message) as error:
        FeatureSpec.load("spec.yaml")
    assert len(str(error.value)) < 400 and "\n" not in str(error.value) and not (tmp_path / "ran").exists()


def test_aliases_that_mean_something_are_read(tmp_path):
    (tmp_path / "a.yaml").write_text("a: &a {x: 1}\nb: {<<: *a, y: 2}\nc: [*a, *a]\n")
    assert load_yaml(tmp_path / "a.yaml") == {"a": {"x": 1}, "b": {"x": 1, "y": 2}, "c": [{"x": 1}, {"x": 1}]}


@pytest.mark.parametrize("form, other", [("NFC", "NFD"), ("NFD", "NFC")])
def test_both_spellings_of_a_name_are_found(tmp_path, form, other):
    path = tmp_path / unicodedata.normalize(form, "\u304c\u00e9") / unicodedata.normalize(form, "\u30d7.wav")
    path.parent.mkdir()
    path.touch()
    assert existing_path(unicodedata.normalize(other, str(path))) == str(path)
    assert existing_path(str(path)) == str(path)
    missing = str(path) + unicodedata.normalize(other, "\u00e9")
    assert existing_path(missing) == missing
