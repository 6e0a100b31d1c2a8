"""Stage 1 of the corpus `voices`: folders with their licences; what is held out; what goes on the card."""

import sys

import numpy as np
import pytest
import soundfile
import voices_data
from conftest import ROOT

from espnet2_nhv.bin.prepare import main as prepare
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.balance import read_weights
from espnet2_nhv.feature.datadir import read_table
from espnet2_nhv.feature.licence import load_sources

FS = 44100
SETS = ("train", "dev", "eval")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def voice(folder, files=3, licence=None, seconds=0.6):
    folder.mkdir(parents=True)
    rng = np.random.default_rng(len(folder.name))
    for number in range(files):
        soundfile.write(folder / f"{number}#a.flac", 0.1 * rng.standard_normal(int(seconds * FS)), FS)
    if licence:
        (folder / "ATTRIBUTION.txt").write_text(f"{folder.name.title()}, sung by A.\nLicence: {licence}.\n")


def pjs_songs(folder, numbers):
    for number in numbers:
        path = folder / f"pjs{number:03d}" / f"pjs{number:03d}_song.flac"
        path.parent.mkdir(parents=True)
        soundfile.write(path, 0.1 * np.random.default_rng(number).standard_normal(FS), FS)
        (path.parent / f"pjs{number:03d}_speech.wav").touch()
    (folder / "ATTRIBUTION.txt").write_text("PJS, CC BY-SA 4.0")


def run(monkeypatch, *options):
    monkeypatch.setattr(sys, "argv", ["voices_data", "--data", "data", *map(str, options)])
    voices_data.main()
    return {name: read_table(f"data/{name}/utt2spk") for name in SETS}


def test_folders_with_pjs(tmp_path, monkeypatch, capsys):
    voice(tmp_path / "in/ann", licence="MIT (LICENSE)")
    voice(tmp_path / "in/bob smith/deep", licence="CC BY 3.0")
    voice(tmp_path / "in/olpc_male", licence="CC BY 3.0")
    voice(tmp_path / "in/nit_song070", licence="CC BY 3.0")
    voice(tmp_path / "in/.hidden")
    pjs_songs(tmp_path / "my pjs", [1, 2, 81, 91])
    sets = run(monkeypatch, "--db_root", "in 'my pjs'")
    assert sets["train"] == {
        **{f"ann-{i}_a": "ann" for i in range(3)}, **{f"deep-{i}_a": "deep" for i in range(3)},
        "pjs001": "pjs", "pjs002": "pjs",
    }  # fmt: skip
    assert sets["dev"] == {**{f"olpc_male-{i}_a": "olpc_male" for i in range(3)}, "pjs081": "pjs"}
    assert sets["eval"] == {"pjs091": "pjs"}
    sources = {source.name: source for source in load_sources("data/train/sources.yaml")}
    assert {name: source.licence for name, source in sources.items()} == {
        "ann": "MIT", "deep": "CC BY 3.0", "pjs": "CC BY-SA 4.0",
    }  # fmt: skip
    assert (
        sources["ann"].attribution == "Ann, sung by A. Licence: MIT (LICENSE)."
        and "Koguchi" in sources["pjs"].attribution
    )
    assert [source.name for source in load_sources("data/dev/sources.yaml")] == ["olpc_male", "pjs"]
    assert "nit_song070 is kept to measure on" in capsys.readouterr().out

    sets = run(monkeypatch, "--db_root", "in 'my pjs'", "--dev_voices", "ann", "--eval_voices", "deep")
    assert set(sets["dev"].values()) == {"ann", "pjs"} and set(sets["eval"].values()) == {"deep", "pjs"}
    assert set(sets["train"].values()) == {"olpc_male", "pjs"}
    assert set(run(monkeypatch, "--db_root", "in 'my pjs'", "--dev_voices", "")["dev"].values()) == {"pjs"}


def test_without_pjs_a_tenth_is_held_out(tmp_path, monkeypatch, capsys):
    voice(tmp_path / "in/ann", files=8, seconds=0.1)
    voice(tmp_path / "in/bob", files=8, seconds=0.1)
    (tmp_path / "in/bob/licence").write_text("CC0\n")
    sets = run(monkeypatch, "--db_root", tmp_path / "in")
    assert {name: len(utts) for name, utts in sets.items()} == {"train": 12, "dev": 2, "eval": 2}
    assert len({utt for utts in sets.values() for utt in utts}) == 16
    assert [source.licence for source in load_sources("data/train/sources.yaml")] == ["unknown", "CC0"]
    assert "no voice is kept out for dev" in capsys.readouterr().out


def test_slips(tmp_path, monkeypatch):
    voice(tmp_path / "in/ann")
    voice(tmp_path / "more/ann")
    (tmp_path / "nothing/here").mkdir(parents=True)
    for options, message in (
        (["--db_root", ""], "the corpus voices needs --db_root"),
        (["--db_root", "in nowhere"], "--db_root nowhere: there is no such folder"),
        (["--db_root", "nothing"], "--db_root nothing: no voice in it"),
        (["--db_root", "in more"], "in/ann and .*more/ann would both be the voice 'ann'"),
        (["--db_root", "in", "--dev_voices", "bob"], "--dev_voices bob: there is no such voice; there are ann"),
        (["--db_root", "in", "--dev_voices", "ann"], "too few"),
        (["--db_root", "'in"], "no closing quotation"),
    ):
        with pytest.raises(UserError, match=message):
            run(monkeypatch, *options)
    assert not (tmp_path / "data/train").exists()


def test_stage_2_weighs_and_measures(tmp_path, monkeypatch):
    voice(tmp_path / "in/ann", files=6, licence="MIT")
    voice(tmp_path / "in/bob", files=1, licence="CC BY 4.0")
    run(monkeypatch, "--db_root", "in", "--dev_voices", "bob")
    (tmp_path / "data/train/utt2spk").write_text("".join(f"ann-{i}_a {'x' if i else 'ann'}\n" for i in range(6)))
    options = [
        "prepare",
        "--data",
        "data/train",
        "--out",
        "dump/train",
        "--spec",
        str(ROOT / "conf/feature/44k_hop256.yaml"),
    ]
    options += ["--speed_factors", "0.8", "--speed_speakers", "ann", "--allow_upsampling"]
    speakers = None
    for more in (["--balance_voices"], []):
        monkeypatch.setattr(sys, "argv", options + more)
        prepare()
        speakers = read_table("dump/train/utt2spk")
        assert (tmp_path / "dump/train/utt2weight").exists() == bool(more)
        weights = read_weights("dump/train", speakers)
        assert (len(set(weights.values())) > 1) == bool(more)
        assert load_sources("dump/train/sources.yaml") == load_sources("data/train/sources.yaml")
        before = (tmp_path / "dump/train/wav.scp").stat().st_mtime_ns
        prepare()
        assert (tmp_path / "dump/train/wav.scp").stat().st_mtime_ns == before
    assert sorted(speakers.values()) == ["ann", "sp0.8-ann"] + sum(1 for spk in speakers.values() if spk == "x") * ["x"]
    bandwidths = {name: float(hz) for name, hz in read_table("dump/train/utt2bandwidth").items()}
    assert set(bandwidths) == set(speakers)
    # Steady noise has no voice in it that could end; what was played more slowly has nothing above.
    (slow,) = (hz for utt, hz in bandwidths.items() if utt.startswith("sp0.8"))
    assert slow <= 0.8 * FS / 2

    monkeypatch.setattr(sys, "argv", [*options[:-2], "bob"])
    with pytest.raises(UserError, match="--speed_speakers bob: there is no such speaker; there are ann, x"):
        prepare()
