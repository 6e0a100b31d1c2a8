"""Modules that are loaded when they are used."""

import importlib.util
import sys

import pytest

from espnet2_nhv.espnet import lazy


def test_a_stand_in_becomes_the_module_when_it_is_used(tmp_path, monkeypatch):
    package = tmp_path / "slow_thing"
    package.mkdir()
    (package / "__init__.py").write_text("value = 1\n")
    (package / "part.py").write_text("value = 2\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(lazy, "_SLOW", ("slow_thing", "slow_thing.part"))
    lazy.import_later()
    import slow_thing.part

    stand_in, part = sys.modules["slow_thing"], sys.modules["slow_thing.part"]
    assert isinstance(part, lazy._Later) and not hasattr(stand_in, "__file__")  # looking at it loads nothing
    for name in lazy._SLOW:  # as transformers looks for what is installed
        assert importlib.util.find_spec(name) is not None and isinstance(sys.modules[name], lazy._Later)
    assert stand_in is slow_thing and sys.modules["slow_thing"] is stand_in
    assert stand_in.value == 1 and part.value == 2
    assert sys.modules["slow_thing"].value == 1 and not isinstance(sys.modules["slow_thing"], lazy._Later)
    lazy.import_later()  # what is loaded already stays
    assert sys.modules["slow_thing.part"].value == 2
    for name in ("slow_thing", "slow_thing.part"):
        del sys.modules[name]


def test_what_is_not_installed_stays_missing(monkeypatch):
    monkeypatch.setattr(lazy, "_SLOW", ("not_there", "not_there.part"))
    lazy.import_later()
    with pytest.raises(ImportError):
        import not_there  # noqa: F401
