"""RESULTS.md and RESULTS.json of an experiment folder put together by hand."""

import json
import os
import sys

import pytest
import yaml
from espnet2.gan_tts.hifigan import HiFiGANGenerator
from result_files import table, write_scores
from small import SMALL

from espnet2_nhv.bin import report as report_cli
from espnet2_nhv.errors import UserError
from espnet2_nhv.report.page.tables import result_tables
from espnet2_nhv.report.results import write_results
from espnet2_nhv.score.evaluate import summarise
from espnet2_nhv.score.metrics import METRICS
from espnet2_nhv.score.optional import OPTIONAL
from espnet2_nhv.vocoder import build_vocoder
from espnet2_nhv.vocoder.saved import digest_of, save_vocoder

KEYS = {
    *(metric.key for metric in METRICS),
    *OPTIONAL,
    *("skipped", "vocoder", "set", "tag", "worst", "lsd_worst_at", "error", "params"),
    *("stale", "failed", "count", "stderr", "reads_recording", "bitrate"),
    *("n_utterances", "n_scored", "n_missing", "rtf", "rtf_device", "rtf_threads"),
    *("interval", "ranks", "composite", "peer", "refined"),
    *("steps", "train_seconds", "train_device", "f0_tracker", "features_f0"),
}


def test_the_table_is_ranked_and_its_best_values_are_bold(expdir):
    write_results(expdir, ["nhv", "hifigan"], ["eval"], command="./run.sh --corpus pjs")
    text = (expdir / "RESULTS.md").read_text()
    assert "`./run.sh --corpus pjs`" in text
    assert "F0 scores hear by" not in text  # scores of before it was noted
    first, second = table(text, "eval")
    assert (first["vocoder"], second["vocoder"]) == ("`hifigan`", "`nhv`")
    assert (first["MR-STFT (neper) ↓"], second["MR-STFT (neper) ↓"]) == ("**0.900**", "1.000")  # means of u1, u2
    assert (first["MCD (dB) ↓"], second["MCD (dB) ↓"]) == ("4.50", "**3.50**")
    assert (first["F0 fine (cent) ↓"], second["F0 fine (cent) ↓"]) == ("7.5", "")  # nothing to compare with
    assert first["V/UV (%) ↓"] == second["V/UV (%) ↓"] == "**5.50**"  # a tie
    assert (first["RTF ↓"], second["RTF ↓"]) == ("0.5000", "**0.0100**")
    assert second["RTF on"] == "cpu, 1 thread"
    assert (first["training"], second["training"]) == ("", "12,000 steps, 20.0 min, cuda")
    assert (first["utterances"], first["note"], second["note"]) == ("2/2", "", "")
    for metric in METRICS:
        assert f"- **{metric.label}" in text and metric.definition in text


def test_a_mean_over_fewer_utterances_is_not_the_best(expdir):
    write_scores(expdir / "lucky", "eval", {"mrstft": 0.1}, rtf=0.5, missing=["u3"])
    write_scores(expdir / "half", "eval", {"mrstft": 0.2}, missing=["u3"])
    scores = json.loads((expdir / "half/decode/eval/scores.json").read_text()) | {"n_scored": 1, "n_missing": 2}
    (expdir / "half/decode/eval/scores.json").write_text(json.dumps(scores))
    write_results(expdir, ["lucky", "half", "nhv", "hifigan"], ["eval"])
    # Two of three have two utterances like the others, whatever was wrong with the third; one has fewer.
    shown = table((expdir / "RESULTS.md").read_text(), "eval")
    assert [row["vocoder"] for row in shown] == ["`lucky`", "`hifigan`", "`nhv`", "`half`"]
    assert [row["MR-STFT (neper) ↓"] for row in shown] == ["**0.600**", "0.900", "1.000", "0.700"]
    assert (shown[0]["utterances"], shown[0]["note"], shown[3]["note"]) == ("2/3", "1 missing", "2 missing")
    assert result_tables(json.loads((expdir / "RESULTS.json").read_text()))[0]["rows"][3][0]["text"] == "half"


def test_who_has_no_pitch_in_half_the_songs_has_not_the_best_pitch(expdir):
    write_scores(expdir / "breath", "eval", {"mrstft": 0.9, "f0_gross": 0.0})
    path = expdir / "breath/decode/eval/scores.json"
    scores = json.loads(path.read_text())
    scores["count"]["f0_gross"] = 1
    path.write_text(json.dumps(scores))
    write_results(expdir, ["breath", "nhv", "hifigan"], ["eval"])
    shown = {row["vocoder"]: row for row in table((expdir / "RESULTS.md").read_text(), "eval")}
    assert [row["F0 gross (%) ↓"] for row in shown.values()] == ["**5.50**", "**5.50**", "0.50"]
    assert shown["`breath`"]["V/UV (%) ↓"] == "**5.50**"  # of which it has both


def test_who_hears_the_recording_is_named(expdir):
    for name in ("world", "soundstream"):
        save_vocoder(build_vocoder(name, **SMALL.get(name, {})), expdir / name / "vocoder", "CC0", "nothing")
        write_scores(expdir / name, "eval", {})
    rows = write_results(expdir, ["world", "soundstream", "nhv"], ["eval"])
    assert [row["reads_recording"] for row in rows] == [True, True, False]
    notes = {row["vocoder"]: row["note"] for row in table((expdir / "RESULTS.md").read_text(), "eval")}
    codec = "analyses the recording itself; 0.8 kbit/s"  # two books of eight words, 138 times a second
    assert notes == {"`world`": "analyses the recording itself", "`soundstream`": codec, "`nhv`": ""}


def test_a_perfect_copy_is_first_on_the_page_too(expdir):
    write_scores(expdir / "copy", "eval", {"mrstft": -0.5})  # and 0.5, so their mean is 0
    rows = write_results(expdir, ["nhv", "copy"], ["eval"])
    assert result_tables(rows)[0]["rows"][0][0]["text"] == "copy"


def test_speed_is_compared_on_one_device_only(expdir):
    speed = expdir / "hifigan/decode/eval/rtf.json"
    speed.write_text(speed.read_text().replace('"cpu"', '"cuda"'))
    rows = write_results(expdir, ["nhv", "hifigan"], ["eval"])
    shown = table((expdir / "RESULTS.md").read_text(), "eval")
    assert [(row["RTF ↓"], row["RTF on"]) for row in shown] == [
        ("0.5000", "cuda, 1 thread"),
        ("0.0100", "cpu, 1 thread"),
    ]
    page = result_tables(rows)[0]
    column = [column["label"] for column in page["columns"]].index("RTF on")
    assert [row[column]["text"] for row in page["rows"]] == ["cuda, 1 thread", "cpu, 1 thread"]


def test_scores_of_an_earlier_training_are_not_taken_for_those_of_the_last(expdir):
    (expdir / "hifigan/decode/eval/source.yaml").write_text("vocoder: 0123456789abcdef\n")
    before = digest_of(expdir / "nhv/vocoder")
    (expdir / "nhv/decode/eval/source.yaml").write_text(yaml.safe_dump({"vocoder": before}))
    (expdir / "nhv/failed.txt").write_text("training failed with status 1\n")
    rows = write_results(expdir, ["nhv", "hifigan"], ["eval"])
    assert [(row["stale"], row["failed"]) for row in rows] == [(False, "training failed with status 1"), (True, None)]
    first, second = table((expdir / "RESULTS.md").read_text(), "eval")
    assert first["note"] == "training failed with status 1, after this was scored"
    assert second["vocoder"] == "`hifigan`" and "**" not in "".join(second.values())
    assert second["note"] == "synthesised before it was trained again: run stage 5"
    os.utime(expdir / "nhv/failed.txt", (1, 1))  # scored after that
    assert write_results(expdir, ["nhv"], ["eval"])[0]["failed"] is None


def test_periodicity_has_a_table_of_its_own_and_nearest_to_zero_is_best(expdir):
    write_scores(expdir / "buzz", "eval", {"ap_6": -8.5, "ap_9": -1.5, "between_4_8": None})
    write_scores(expdir / "hiss", "eval", {"ap_6": 2.5, "ap_9": 0.5, "between_4_8": 1.0})
    rows = write_results(expdir, ["buzz", "hiss", "absent"], ["eval"])
    first, second = table((expdir / "RESULTS.md").read_text(), "Periodicity of eval")  # who has no score has no row
    assert (first["aperiodicity 6k (dB) → 0"], second["aperiodicity 6k (dB) → 0"]) == ("-8.0", "**3.0**")
    assert first["aperiodicity 9k (dB) → 0"] == "**-1.0**" and second["aperiodicity 9k (dB) → 0"] == "**1.0**"
    assert (first["between 4-8 (dB) → 0"], second["between 4-8 (dB) → 0"]) == ("", "1.5")
    assert "MR-STFT (neper) ↓" not in first and first["absolute 6k (dB) ↓"] == "**5.5**"
    main = table((expdir / "RESULTS.md").read_text(), "eval")
    assert main[0]["aperiodicity (dB) ↓"] == "**5.5**" and "aperiodicity 6k (dB) → 0" not in main[0]
    copied, grouped, _, ranks = result_tables(rows)
    assert ranks["title"] == "Ranks of eval" and [row[0]["text"] for row in ranks["rows"]] == ["hiss", "buzz"]
    assert (grouped["title"], [row[0]["text"] for row in grouped["rows"]]) == ("Periodicity of eval", ["buzz", "hiss"])
    assert {"zero", "lower", ""} == {column["better"] for column in grouped["columns"]}
    assert "aperiodicity (dB)" in [column["label"] for column in copied["columns"]]


def test_learned_scores_stand_with_their_errors(expdir):
    for name, mean, error in (("nhv", -0.25, 0.06), ("hifigan", -0.7, None)):
        path = expdir / name / "decode" / "eval" / "scores.json"
        scores = json.loads(path.read_text())
        for key, values in (("mean", mean), ("stderr", error), ("count", 2)):
            scores[key]["distillmos"] = values
        path.write_text(json.dumps(scores))
    rows = write_results(expdir, ["nhv", "hifigan"], ["eval"])
    shown = {row["vocoder"]: row for row in table((expdir / "RESULTS.md").read_text(), "Learned scores of eval")}
    label = "DistillMOS (MOS) ↑"
    assert (shown["`nhv`"][label], shown["`hifigan`"][label]) == ("**-0.25** ± 0.06", "-0.70")
    (learned,) = [page for page in result_tables(rows) if page["title"] == "Learned scores of eval"]
    assert sorted(row[1]["text"] for row in learned["rows"]) == ["-0.25 ± 0.06", "-0.70"]


def test_worst_utterances_are_named(expdir):
    write_results(expdir, ["nhv", "hifigan"], ["eval"])
    first, second = table((expdir / "RESULTS.md").read_text(), "Worst utterances of eval")
    assert (first["vocoder"], first["MCD (dB)"]) == ("`hifigan`", "5.00 u2")
    assert (second["vocoder"], second["MCD (dB)"], second["F0 fine (cent)"]) == ("`nhv`", "4.00 u2", "")
    assert second["worst frame (dB)"] == "6.0 u2 at 1.50 s"


def test_rows_of_the_json(expdir):
    rows = write_results(expdir, ["nhv", "hifigan"], ["eval"])
    assert rows == json.loads((expdir / "RESULTS.json").read_text())
    assert [(row["vocoder"], row["set"]) for row in rows] == [("nhv", "eval"), ("hifigan", "eval")]
    plain = HiFiGANGenerator(
        in_channels=128,
        channels=16,
        upsample_scales=[8, 8, 2, 2],
        upsample_kernel_sizes=[16, 16, 4, 4],
        use_weight_norm=False,
    )
    for row in rows:
        assert set(row) == KEYS
        assert row["error"] is None
        assert row["params"] == sum(parameter.numel() for parameter in plain.parameters())
    assert rows[0]["mcd"] == 3.5 and rows[0]["f0_rmse"] is None and rows[0]["rtf"] == 0.01
    assert rows[0]["steps"] == 12000 and rows[1]["steps"] is None
    assert rows[1]["worst"]["mcd"] == ["u2", 5.0]


def test_both_trackers_are_named(expdir):
    scores = expdir / "nhv" / "decode" / "eval" / "scores.json"
    scores.write_text(json.dumps(dict(json.loads(scores.read_text()), f0_tracker="harvest")))
    (scores.parent / "source.yaml").write_text("f0_method: swift\n")
    (row,) = write_results(expdir, ["nhv"], ["eval"])
    assert (row["f0_tracker"], row["features_f0"]) == ("harvest", "swift")
    assert "F0 scores hear by harvest, whatever the features' F0 is by: swift." in (expdir / "RESULTS.md").read_text()


def test_a_vocoder_that_failed_has_a_row_that_says_why(expdir):
    (expdir / "empty").mkdir()
    save_vocoder(build_vocoder("hifigan", channels=16), expdir / "undecoded" / "vocoder", "CC0", "nothing")
    (expdir / "crashed").mkdir()
    (expdir / "crashed" / "failed.txt").write_text("stage 4: out of memory | again\nmore\n")
    decode = expdir / "unscored" / "decode" / "eval"
    decode.mkdir(parents=True)
    (decode / "scores.json").write_text(json.dumps(summarise({"u1": (None, "u1.wav: not readable")})))
    names = ["empty", "undecoded", "nhv", "crashed", "unscored", "nowhere"]
    rows = {row["vocoder"]: row for row in write_results(expdir, names, ["eval"])}
    assert all(set(row) == KEYS for row in rows.values())
    assert rows["nhv"]["error"] is None
    assert "not trained" in rows["empty"]["error"] and "not trained" in rows["nowhere"]["error"]
    assert "not decoded" in rows["undecoded"]["error"]
    assert rows["crashed"]["error"] == "stage 4: out of memory | again"
    assert "u1.wav: not readable" in rows["unscored"]["error"]
    shown = table((expdir / "RESULTS.md").read_text(), "eval")
    assert shown[0]["vocoder"] == "`nhv`"
    notes = {row["vocoder"].strip("`"): row["note"] for row in shown}
    assert notes["crashed"] == "failed: stage 4: out of memory \\| again"
    assert notes["nhv"] == ""


def test_damaged_side_files_leave_gaps_only(expdir):
    (expdir / "nhv" / "vocoder" / "training.yaml").write_text("{steps: 12")
    (expdir / "nhv" / "decode" / "eval" / "rtf.json").write_text("[]")
    (expdir / "nhv" / "vocoder" / "vocoder.pth").write_bytes(b"PK")
    (row,) = write_results(expdir, ["nhv"], ["eval"])
    assert row["steps"] is row["rtf"] is row["params"] is None
    assert row["mcd"] == 3.5


def test_sets_and_tag(expdir):
    write_scores(expdir / "nhv_small", "dev", {"mrstft": 0.3})
    write_results(expdir, ["nhv"], ["dev", "eval"], tag="small")
    text = (expdir / "RESULTS.md").read_text()
    (dev,), (test,) = table(text, "dev"), table(text, "eval")
    assert dev["vocoder"] == "`nhv` (small)" and dev["note"] == ""
    assert test["note"].startswith("failed: not trained")


def test_command_line(expdir, monkeypatch, capsys):
    monkeypatch.setattr(
        sys, "argv", ["report", "--expdir", str(expdir), "--vocoders", "nhv", "nowhere", "--sets", "eval"]
    )
    report_cli.main()
    out = capsys.readouterr().out
    assert "nowhere on eval: not trained" in out and "RESULTS.md" in out
    with pytest.raises(UserError, match="not there"):
        write_results(expdir / "nowhere", ["nhv"], ["eval"])
