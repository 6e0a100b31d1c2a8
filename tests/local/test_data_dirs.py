"""Stage 1: corpora become Kaldi data directories that others can read, and every slip is one sentence."""

import os
import subprocess
import sys

import kaldi_data
import kaldiio
import numpy as np
import pjs_data
import pytest
import soundfile
import wav_data
from conftest import ROOT
from data_dirs import safe_id

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.datadir import read_segments, read_table, write_data_dir

FS = 8000
SETS = ("train", "dev", "eval")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def _noise(path, seconds=1.2, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    soundfile.write(path, 0.1 * rng.standard_normal(int(seconds * FS)), FS)
    return path


def _run(monkeypatch, corpus, db_root, data="data"):
    monkeypatch.setattr(sys, "argv", ["script", "--db_root", str(db_root), "--data", str(data)])
    corpus.main()


def _sets(data, table="utt2spk"):
    return {name: read_table(f"{data}/{name}/{table}") for name in SETS}


def _check_kaldi(folder):
    """What Kaldi's validate_data_dir.sh asks for."""
    for table in folder.iterdir():
        subprocess.run(["sort", "-c", table], env={"LC_ALL": "C"}, check=True)
    utt2spk = read_table(folder / "utt2spk")
    inverted = {utt: spk for spk, utts in read_table(folder / "spk2utt").items() for utt in utts.split()}
    assert inverted == utt2spk
    segments = folder / "segments"
    assert set(read_table(segments if segments.exists() else folder / "wav.scp")) == set(utt2spk)


# wav: any folder


def test_wav_splits_by_file(tmp_path, monkeypatch):
    names = [f"Ann/song {i}.wav" for i in range(8)] + [f"ボブ/deep/曲{i}.flac" for i in range(8)] + ["a.ogg", "b.mp3"]
    for seed, name in enumerate(names):
        _noise(tmp_path / "in" / name, seed=seed)
    _noise(tmp_path / "in" / "._a.wav")
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "ボブ").rename(tmp_path / "elsewhere")
    (tmp_path / "in" / "ボブ").symlink_to(tmp_path / "elsewhere")
    _run(monkeypatch, wav_data, "in")
    sets = _sets("data")
    assert {name: len(utts) for name, utts in sets.items()} == {"train": 14, "dev": 2, "eval": 2}
    together = {utt: spk for utts in sets.values() for utt, spk in utts.items()}
    assert len(together) == len(names)
    assert together["Ann_song_3"] == "Ann" and together["ボブ_deep_曲3"] == "ボブ" and together["a"] == "wav"
    for name in SETS:
        _check_kaldi(tmp_path / "data" / name)
        assert all(os.path.isabs(path) and os.path.exists(path) for path in _sets("data", "wav.scp")[name].values())
    _run(monkeypatch, wav_data, tmp_path / "in", "again")
    assert _sets("again") == sets


def test_wav_new_files_move_little(tmp_path, monkeypatch):
    for i in range(20):
        _noise(tmp_path / "in" / f"{i}.wav")
    _run(monkeypatch, wav_data, "in")
    before = _sets("data")
    for i in range(4):
        _noise(tmp_path / "in" / f"00{i}.wav")  # first in the alphabet
    _run(monkeypatch, wav_data, "in")
    after = _sets("data")
    assert sum(len(set(before[name]) & set(after[name])) for name in ("dev", "eval")) >= 2
    assert not set(before["train"]) & (set(after["dev"]) | set(after["eval"]))


def test_wav_two_files_with_one_id(tmp_path, monkeypatch):
    for name in ("a.wav", "a.flac", "b.wav", "c.wav"):
        _noise(tmp_path / "in" / name)
    with pytest.raises(UserError, match=r"in/a\.flac and .*in/a\.wav would both have the id 'a'"):
        _run(monkeypatch, wav_data, "in")
    assert not (tmp_path / "data").exists()


def test_wav_doubtful_files_are_not_held_out(tmp_path, monkeypatch):
    for i in range(4):
        _noise(tmp_path / "in" / f"good{i}.wav")
    for i in range(30):
        (tmp_path / "in" / f"bad{i}.wav").write_bytes(b"no audio")
    _noise(tmp_path / "in" / "short.wav", 0.5)
    _run(monkeypatch, wav_data, "in")
    sets = _sets("data")
    assert all(utt.startswith("good") for name in ("dev", "eval") for utt in sets[name])
    assert len(sets["train"]) == 33 and len(sets["dev"]) == len(sets["eval"]) == 1


def test_wav_one_file_is_split_inside(tmp_path, monkeypatch, capsys):
    (tmp_path / "in").mkdir()
    wav = 0.1 * np.random.default_rng(0).standard_normal(40 * FS)
    for pause in (32.4, 35.7):  # near 80% and 90%
        wav[int(pause * FS) : int((pause + 0.2) * FS)] *= 0.01
    soundfile.write(tmp_path / "in" / "only one.wav", wav, FS)
    _run(monkeypatch, wav_data, "in")
    assert "dev and eval" in capsys.readouterr().out
    spans = {name: read_segments(f"data/{name}/segments")[f"only_one_{name}"] for name in SETS}
    assert spans["train"][1:] == (0, spans["dev"][1]) and spans["dev"][2] == spans["eval"][1]
    assert 32.4 <= spans["dev"][1] <= 32.6 and 35.7 <= spans["eval"][1] <= 35.9 and spans["eval"][2] == float("inf")
    for name in SETS:
        _check_kaldi(tmp_path / "data" / name)
    ((fs, dev),) = kaldiio.load_scp("data/dev/wav.scp", segments="data/dev/segments").values()
    assert fs == FS and len(dev) == pytest.approx((spans["eval"][1] - spans["dev"][1]) * FS, abs=2)


def test_wav_too_little_to_split(tmp_path, monkeypatch):
    _noise(tmp_path / "in" / "a.wav", 5)
    with pytest.raises(UserError, match="a: too short to split: it has 5 s and at least 10 s is needed"):
        _run(monkeypatch, wav_data, "in")


def test_wav_nothing_there(tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    with pytest.raises(UserError, match="no wav, flac, ogg, mp3 or other sound file in it"):
        _run(monkeypatch, wav_data, "in")


def test_safe_id():
    assert safe_id("a b/c.d") == "a_b_c_d"
    assert safe_id("ga\u0301") == safe_id("g\u00e1")  # a Mac's spelling and everybody else's
    long = [safe_id("x" * 300 + end) for end in "12"]
    assert long[0] != long[1] and len(long[0]) == 80


# kaldi: data directories


def _kaldi_dir(folder, names, segments=None):
    wav_scp = {name: str(_noise(folder / "wav" / f"{name}.wav")) for name in names}
    write_data_dir(folder, wav_scp, {utt: utt[0] for utt in segments or names}, segments)


def test_kaldi_sets_as_they_are(tmp_path, monkeypatch):
    _kaldi_dir(tmp_path / "in/train", ["a1", "b1", "c1"])
    _kaldi_dir(tmp_path / "in/tr_no_dev", ["a1"])  # train still has what is held out
    _kaldi_dir(tmp_path / "in/dev", ["b1"])
    _kaldi_dir(tmp_path / "in/test", ["c1"], {"c1_x": ("c1", 0.25, 1.0), "c1_y": ("c1", 1.0, float("inf"))})
    _run(monkeypatch, kaldi_data, "in")
    assert _sets("data") == {"train": {"a1": "a"}, "dev": {"b1": "b"}, "eval": {"c1_x": "c", "c1_y": "c"}}
    assert read_segments("data/eval/segments") == read_segments("in/test/segments")
    for name in SETS:
        _check_kaldi(tmp_path / "data" / name)


def test_kaldi_one_directory_is_split(tmp_path, monkeypatch):
    _kaldi_dir(tmp_path / "in", [f"u{i:02d}" for i in range(30)])
    _run(monkeypatch, kaldi_data, "in")
    sets = _sets("data")
    assert [len(sets[name]) for name in SETS] == [24, 3, 3] and len(set().union(*sets.values())) == 30


def test_kaldi_segments_are_split_not_recordings(tmp_path, monkeypatch):
    _kaldi_dir(tmp_path / "in", ["r"], {f"r{i}": ("r", 0.1 * i, 0.1 * i + 0.1) for i in range(10)})
    _run(monkeypatch, kaldi_data, "in")
    assert [len(utts) for utts in _sets("data").values()] == [8, 1, 1]
    assert all(list(read_table(f"data/{name}/wav.scp")) == ["r"] for name in SETS)


def test_kaldi_pipes_and_relative_paths(tmp_path, monkeypatch):
    _noise(tmp_path / "wavs/a.wav")
    (tmp_path / "in").mkdir()
    pipes = "".join(f"p{i} cat wavs/a.wav |\n" for i in range(5))
    (tmp_path / "in/wav.scp").write_text(pipes + "q wavs/a.wav\n")
    _run(monkeypatch, kaldi_data, "in")
    together = {utt: source for table in _sets("data", "wav.scp").values() for utt, source in table.items()}
    assert together["p3"] == "cat wavs/a.wav |" and together["q"] == str(tmp_path / "wavs/a.wav")


def test_kaldi_paths_of_another_folder(tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/wav.scp").write_text("a downloads/a.wav\nb downloads/b.wav\n")
    with pytest.raises(UserError, match=r"none of its files exists .*downloads/a.wav.*run from the folder"):
        _run(monkeypatch, kaldi_data, "in")


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        (["train", "dev"], r"no data directory for eval \(it has dev, train\)"),
        ([], r"no data directory for train \(nothing in it has a wav.scp\)"),
        (["train", "dev", "test_a", "test_b"], "test_a and test_b could both be meant"),
    ],
)
def test_kaldi_sets_that_are_missing_or_many(tmp_path, monkeypatch, folders, message):
    (tmp_path / "in").mkdir()
    for name in folders:
        _kaldi_dir(tmp_path / "in" / name, [name])
    with pytest.raises(UserError, match=message):
        _run(monkeypatch, kaldi_data, "in")


def test_kaldi_one_utterance_in_two_sets(tmp_path, monkeypatch):
    for name in ("train", "dev", "eval"):
        _kaldi_dir(tmp_path / "in" / name, [name] if name == "dev" else ["same", name])
    with pytest.raises(UserError, match="utterance 'same' is in both train and eval"):
        _run(monkeypatch, kaldi_data, "in")


# pjs


def _songs(folder, numbers, extension="wav"):
    for number in numbers:
        path = folder / f"pjs{number:03d}" / f"pjs{number:03d}_song.{extension}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        (path.parent / f"pjs{number:03d}_speech.wav").touch()


def test_pjs_sets(tmp_path, monkeypatch):
    _songs(tmp_path / "in", [n for n in range(1, 101) if n not in (22, 62, 85)])
    _run(monkeypatch, pjs_data, "in")
    sets = {name: sorted(int(utt[3:]) for utt in utts) for name, utts in _sets("data").items()}
    assert sets["eval"] == list(range(91, 101)) and sets["dev"] == [81, 82, 83, 84, 86, 87, 88, 89, 90]
    assert sets["train"] == [n for n in range(1, 81) if n not in (22, 62)]
    _check_kaldi(tmp_path / "data/train")


def test_pjs_slips(tmp_path, monkeypatch):
    _songs(tmp_path / "in", [1, 81, 91])
    _songs(tmp_path / "in", [81], "flac")
    with pytest.raises(UserError, match="pjs081_song.flac and .*pjs081_song.wav would both have the id 'pjs081'"):
        _run(monkeypatch, pjs_data, "in")
    _songs(tmp_path / "few", [1, 81])
    with pytest.raises(UserError, match="of eval: download PJS_corpus_ver1.1"):
        _run(monkeypatch, pjs_data, "few")


def test_pjs_as_it_is(pjs, tmp_path, monkeypatch):
    _run(monkeypatch, pjs_data, pjs)
    sizes = {name: len(utts) for name, utts in _sets("data").items()}
    assert sizes["dev"] <= 10 and sizes["eval"] <= 10 and 60 <= sizes["train"] <= 80
    assert all(soundfile.info(path).samplerate == 48000 for path in read_table("data/dev/wav.scp").values())


# tables, and the shell scripts


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a x\nb y\na z\n", r"two entries have the id 'a' \(lines 1 and 3\)"),
        ("a x\nb\n", "line 2: 'b' has no value"),
    ],
)
def test_bad_tables(tmp_path, text, message):
    (tmp_path / "wav.scp").write_text(text)
    with pytest.raises(UserError, match=message):
        read_table(tmp_path / "wav.scp")


@pytest.mark.parametrize("line", ["a r 2 1", "a r 1", "a r one two", "a r -3 1"])
def test_bad_segments(tmp_path, line):
    (tmp_path / "segments").write_text(line + "\n")
    with pytest.raises(UserError, match="a"):
        read_segments(tmp_path / "segments")


def test_tables_of_another_corpus_do_not_stay(tmp_path):
    write_data_dir(tmp_path / "d", {"r": "x"}, {"u": "s"}, {"u": ("r", 0, 1)}, **{"true_f0.scp": {"u": "y"}})
    write_data_dir(tmp_path / "d", {"v": "x"}, {"v": "s"})
    assert sorted(path.name for path in (tmp_path / "d").iterdir()) == ["spk2utt", "utt2spk", "wav.scp"]


@pytest.mark.parametrize("corpus", ["wav", "kaldi", "pjs", "voices"])
@pytest.mark.parametrize("db_root", ["", "no such folder"])
def test_data_sh_without_a_corpus(corpus, db_root):
    script = ROOT / "egs/nhv_sing" / corpus / "local/data.sh"
    command = [script, "--db_root", db_root, "--data", "data", "--python", sys.executable]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 1 and not os.path.exists("data")
    (message,) = result.stderr.splitlines()
    assert message.startswith("error: ") and "db_root" in message and db_root in message


def test_data_sh_from_anywhere(tmp_path):
    for i in range(3):
        _noise(tmp_path / "my songs" / f"{i}.wav")
    script = ROOT / "egs/nhv_sing/wav/local/data.sh"
    # A command instead of a path, as ESPnet's recipes have it.
    python = f"{sys.executable} -W ignore"
    command = [script, "--db_root", "my songs", "--data", "out/data", "--python", python]
    subprocess.run(command, check=True)
    assert [len(utts) for utts in _sets("out/data").values()] == [1, 1, 1]
