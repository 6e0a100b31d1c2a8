"""Many inputs: what is made is kept while nothing has changed, what fails is left out."""

import pytest

from espnet2_nhv.errors import UserError
from espnet2_nhv.synthesis.outputs import Outputs, leaving_out, state_of


def make(outputs, name, *facts):
    outputs.path(name).write_bytes(b"wav")
    outputs.add(name, *facts)


def test_kept_with_the_same_settings_and_facts(tmp_path):
    outputs = Outputs(tmp_path / "out", dict(key=1))
    make(outputs, "a", "12 34")
    make(outputs, "more/b c", 0.5, 2)
    again = Outputs(tmp_path / "out", dict(key=1))
    assert again.is_made("a", "12 34") and again.is_made("a") and again.made["more/b c"] == ("0.5", "2")
    assert not again.is_made("a", "12 35") and not again.is_made("c")
    again.path("a").unlink()
    assert not again.is_made("a", "12 34")
    assert not Outputs(tmp_path / "out", dict(key=2)).made
    assert not Outputs(tmp_path / "out", dict(key=1)).made  # the settings between have replaced the files


def test_a_list_cut_off_by_a_kill_loses_its_last_line_only(tmp_path):
    make(Outputs(tmp_path, {}), "a", "x")
    with open(tmp_path / "made.tsv", "a") as log:
        log.write("b\thal")
    assert Outputs(tmp_path, {}).made == {"a": ("x",)}
    assert (tmp_path / "made.tsv").read_text() == "a\tx\n"


@pytest.mark.parametrize("damage", [b"\xff\xfe", b"key: [1", b""])
def test_damaged_settings_are_other_settings(tmp_path, damage):
    make(Outputs(tmp_path, dict(key=1)), "a")
    (tmp_path / "made_with.yaml").write_bytes(damage)
    assert not Outputs(tmp_path, dict(key=1)).made


def test_a_name_that_would_break_the_list_is_made_again(tmp_path):
    outputs = Outputs(tmp_path, {})
    make(outputs, "a\tb")
    make(outputs, "c")
    assert list(Outputs(tmp_path, {}).made) == ["c"]


def test_settings_come_after_the_list_is_emptied(tmp_path, monkeypatch):
    """Interrupted between the two, no old file passes for a new one."""
    from espnet2_nhv.synthesis import outputs

    make(Outputs(tmp_path, dict(key=1)), "a")
    real = outputs.write_whole

    def interrupted(path, content):
        if path.name == "made_with.yaml":
            raise KeyboardInterrupt
        real(path, content)

    monkeypatch.setattr(outputs, "write_whole", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Outputs(tmp_path, dict(key=2))
    monkeypatch.undo()
    for key in (1, 2):
        assert not Outputs(tmp_path, dict(key=key)).made


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(UserError, match="out is a file"):
        Outputs(tmp_path / "out", {})


def test_state_of_a_file(tmp_path):
    path = tmp_path / "a"
    path.write_text("1")
    before = state_of(path)
    assert state_of(path) == before
    path.write_text("12")
    assert state_of(path) != before and state_of("cat a |") == ""


def test_what_fails_is_left_out_and_named(caplog):
    failed = {}
    for name in ("a", "b", "c"):
        with leaving_out(name, failed):
            if name != "b":
                raise UserError(f"{name}: too\nshort" if name == "a" else "too long")
    assert failed == {"a": "a: too short", "c": "too long"}
    assert [record.getMessage() for record in caplog.records] == ["left out: a: too short", "left out: c: too long"]
    with pytest.raises(ValueError), leaving_out("d", failed):
        raise ValueError
