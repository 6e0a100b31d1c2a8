"""Tables of robustness: who is compared, who is the best, and who has no row."""

from espnet2_nhv.report.table import render
from espnet2_nhv.score.robustness.columns import COLUMNS, kind_of
from espnet2_nhv.score.robustness.rows import robustness_tables


def robustness_row(vocoder, probe, value, **others):
    """A row of RESULTS.json whose every metric has one value."""
    values = {metric.key: value for metric in COLUMNS[kind_of(probe)]}
    row = dict(vocoder=vocoder, tag="", set="robustness", probe=probe, held_from=dict(utt="u", seconds=1.0, f0=220.0))
    return {**row, "phrases": ["u", "v"], "stale": False, "error": None, **values, **others}


def bold(rows, heading):
    """Vocoders with a bold value in the table under a heading, and the notes of those that have one."""
    lines = render(rows).split(f"### {heading}")[1].split("###")[0].splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("| ")][2:]
    return {line[1].strip("`") for line in cells if "**" in "".join(line)}, {
        line[1].strip("`"): line[-1] for line in cells if line[-1]
    }


def test_a_hum_is_not_the_steadiest_note():
    rows = [robustness_row("a", "held_10", 2.0), robustness_row("b", "held_10", 3.0)]
    hum = robustness_row("hum", "held_10", 0.0, f0_off=421.3)
    breath = robustness_row("breath", "held_10", 0.0, f0_off=None)
    assert bold([*rows, hum, breath], "Held notes") == ({"a", "b"}, {})  # b where higher is better


def test_what_was_measured_of_something_else_is_not_compared():
    rows = [robustness_row("a", "key_+3", 2.0), robustness_row("b", "key_+3", 3.0)]
    rows += [robustness_row("fewer", "key_+3", 0.0, phrases=["u"]), robustness_row("old", "key_+3", 0.0, stale=True)]
    assert bold(rows, "Other keys and voices") == (
        {"a"},
        {"fewer": "of other phrases (u)", "old": "measured before it was trained again"},
    )
    rows = [robustness_row("a", "held_30", 2.0), robustness_row("a", "held_10", 2.0), robustness_row("b", "held_10", 3)]
    rows.append(robustness_row("c", "held_10", 0.0, held_from=dict(utt="v", seconds=1.0, f0=330.0)))
    assert bold(rows, "Held notes") == ({"a", "b"}, {"c": "of another note"})
    (table,) = robustness_tables(rows)
    assert [line.row["probe"] for line in table.lines] == ["held_10"] * 3 + ["held_30"]


def test_one_probe_that_was_skipped_keeps_its_row():
    rows = [robustness_row("a", "held_10", 2.0), robustness_row("a", "held_60", None, error="too slow")]
    rows += [robustness_row("b", f"held_{seconds}", None, error="it needs the recording") for seconds in (10, 60)]
    (table,) = robustness_tables(rows)
    assert [(line.row["vocoder"], line.row["probe"], line.note) for line in table.lines] == [
        ("a", "held_10", ""),
        ("a", "held_60", "too slow"),
    ]
    assert [(reason, [row["vocoder"] for row in rows]) for reason, rows in table.absent] == [
        ("it needs the recording", ["b"])
    ]
    text = render(rows[2:])  # nobody has a row
    assert "| probe |" not in text and "Without a row: `b` (it needs the recording)." in text
