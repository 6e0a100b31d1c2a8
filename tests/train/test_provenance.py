"""What the card of trained weights says: the voices and their strictest licence, and the weights before."""

import argparse

import pytest
import yaml
from exports import TRAINED_ON, save_small

from espnet2_nhv.errors import UserError
from espnet2_nhv.export.card import describe, make_card
from espnet2_nhv.feature.licence import Source, dump_sources
from espnet2_nhv.train.provenance import provenance
from espnet2_nhv.vocoder.saved import load_card, load_vocoder, save_vocoder

ANN, BOB = Source("ann", "MIT", "Ann, by A."), Source("bob", "CC BY 4.0", "Bob, by そう.")


def _args(tmp_path, **options):
    names = dict.fromkeys(("sources", "licence", "trained_on", "init_vocoder"))
    return argparse.Namespace(**{**names, "train_data": str(tmp_path / "dump"), **options})


def _write(path, sources):
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump(dump_sources(sources), allow_unicode=True), encoding="utf-8")
    return str(path)


def test_sources_beside_the_data(tmp_path):
    assert provenance(_args(tmp_path)) == ("unknown", str(tmp_path / "dump"), [])
    assert provenance(_args(tmp_path, licence="CC0", trained_on="x")) == ("CC0", "x", [])
    _write(tmp_path / "dump/sources.yaml", [ANN, BOB])
    found = provenance(_args(tmp_path, trained_on="voices"))
    assert found == ("CC BY 4.0", "voices: ann (MIT), bob (CC BY 4.0)", [ANN, BOB])
    other = _write(tmp_path / "other.yaml", [ANN])
    assert provenance(_args(tmp_path, trained_on="v", sources=other)) == ("MIT", "v: ann (MIT)", [ANN])
    with pytest.raises(UserError, match="lost.yaml is missing"):
        provenance(_args(tmp_path, sources="lost.yaml"))


def test_weights_that_it_starts_from_count(tmp_path):
    """Own recordings under a free licence do not free weights of CC BY-SA 4.0, nor those of many voices."""
    saved = save_small(tmp_path / "saved")
    vocoder = load_vocoder(saved, fuse=False)
    save_vocoder(vocoder, saved, "CC BY-SA 4.0", "a corpus")  # a card without a list
    found = provenance(_args(tmp_path, licence="CC0", trained_on="mine", init_vocoder=str(saved)))
    assert found.licence == "CC BY-SA 4.0" and found.trained_on == "mine; before that, on a corpus"
    assert found.sources == [Source("a corpus", "CC BY-SA 4.0", "a corpus")]
    save_vocoder(vocoder, saved, "CC BY 4.0", "voices", [BOB])
    _write(tmp_path / "dump/sources.yaml", [ANN, BOB])
    found = provenance(_args(tmp_path, init_vocoder=str(saved)))
    assert found.licence == "CC BY 4.0" and found.sources == [ANN, BOB]


def test_cards_carry_the_sources(tmp_path):
    saved = save_small(tmp_path / "saved")
    assert "sources" not in load_card(saved) and "sources" not in make_card(saved, "onnx")
    assert TRAINED_ON in describe(make_card(saved, "onnx"))
    save_vocoder(load_vocoder(saved, fuse=False), saved, "CC BY 4.0", "voices", [ANN, BOB])
    assert load_card(saved)["sources"] == dump_sources([ANN, BOB])
    assert describe(make_card(saved, "onnx")).endswith("ann (MIT): Ann, by A.\nbob (CC BY 4.0): Bob, by そう.")
    card = yaml.safe_load((saved / "vocoder.yaml").read_text(encoding="utf-8"))
    (saved / "vocoder.yaml").write_text(yaml.safe_dump({**card, "sources": ["ann"]}))
    with pytest.raises(UserError, match="vocoder.yaml: sources are a list"):
        load_vocoder(saved)
