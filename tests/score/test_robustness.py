"""bin.robustness on a vocoder that has known faults."""

import json
import sys
from pathlib import Path

import pytest
import torch
from tiny_dump import features, tone, write_set

from espnet2_nhv.bench.measure import peak_memory, real_time_factors
from espnet2_nhv.bin import robustness as command
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.report.page.tables import result_tables
from espnet2_nhv.report.table import render
from espnet2_nhv.score.robustness import probes
from espnet2_nhv.score.robustness import run as robustness
from espnet2_nhv.score.robustness.probes import load_phrases
from espnet2_nhv.score.robustness.rows import collect_robustness, robustness_tables
from espnet2_nhv.vocoder import build_vocoder
from espnet2_nhv.vocoder.base import AbsVocoder
from espnet2_nhv.vocoder.registry import VOCODERS
from espnet2_nhv.vocoder.saved import save_vocoder

SPEC = FeatureSpec()


class Sharp(AbsVocoder):
    """Harmonics 12 cents above the F0 asked for, that throb with the frames: its faults are known."""

    needs_f0 = True

    def forward(self, mel, f0=None):
        f0 = f0.repeat_interleave(self.spec.hop_length, dim=-1)
        phase = 2 * torch.pi * torch.cumsum(f0.double() * 2 ** (12 / 1200), dim=-1) / self.fs
        wav = 0.1 * sum(torch.cos(k * phase) / k for k in range(1, 12))
        time = torch.arange(wav.shape[-1]) / self.fs
        wav = wav * (1 + 0.05 * torch.cos(2 * torch.pi * self.spec.frame_rate * time))
        return (wav + 1e-3 * torch.randn_like(wav)).float()


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A set of three sung phrases, and saved vocoders: sharp, and a HiFi-GAN that has learnt nothing."""
    utterances = {}
    for index, pitch in enumerate((150, 220, 300)):
        wav, f0 = tone(1.2, pitch, seed=index)
        utterances[f"u{index}"] = wav, *features(wav, f0)
    folder = write_set(tmp_path / "dump" / "eval", utterances)
    (folder / "vuv.scp").write_text((folder / "f0.scp").read_text())  # every F0 is above one half: all voiced
    monkeypatch.setitem(VOCODERS, "sharp", f"{__name__}:Sharp")
    monkeypatch.setattr(sys, "argv", [])
    torch.manual_seed(0)
    save_vocoder(build_vocoder("sharp"), tmp_path / "exp" / "sharp" / "vocoder", "CC0", "nothing")
    save_vocoder(build_vocoder("hifigan", channels=16), tmp_path / "exp" / "hifigan" / "vocoder", "CC0", "nothing")
    return tmp_path


def run(data, name, *options):
    sys.argv = ["robustness", "--vocoder", f"{data}/exp/{name}/vocoder", "--data", f"{data}/dump/eval"]
    sys.argv += ["--out", f"{data}/exp/{name}/robustness", "--held", "4", "--phrases", "1", *options]
    command.main()
    return json.loads((data / "exp" / name / "robustness" / "robustness.json").read_text())


def test_command_measures_goes_on_and_fills_the_tables(data, monkeypatch, capsys):
    assert probes.shift_probes() == [
        *("f0_x0.5", "f0_x0.75", "f0_x1.5", "f0_x2", "key_-3", "key_+3", "low_male", "high_soprano"),
    ]
    few_of = (
        ("SCALES", (1.5,)),
        ("KEYS", ()),
        ("VOICES", {"high_soprano": 880.0}),
        ("CYCLES", (7,)),
        ("GAINS", (-12,)),
        ("LIMITS", (8,)),
    )
    for name, few in (*few_of, ("NOISES", ["white"])):
        monkeypatch.setattr(probes, name, few)
    monkeypatch.setattr(robustness, "real_time_factors", lambda subjects, *a: {name: 0.5 for name in subjects})
    monkeypatch.setattr(robustness, "peak_memory", lambda name, seconds, threads: 100.0 * threads)
    results = run(data, "sharp")
    found = results["probes"]
    assert list(found) == [
        "held_4",
        "f0_x1.5",
        "high_soprano",
        "cycle_+7",
        "level_-12",
        "noise_white",
        "limit_8",
        "speed",
    ]
    assert found["held_4"]["f0_off"] == pytest.approx(12, abs=0.3) and found["held_4"]["f0_drift"] < 0.3
    assert found["held_4"]["frame_am"] == pytest.approx(5, abs=0.1) and found["held_4"]["glitches"] == 0
    assert found["f0_x1.5"]["f0_rmse"] == pytest.approx(12, abs=1.5) and found["f0_x1.5"]["f0_gross"] < 1
    assert found["high_soprano"]["f0_rmse"] == pytest.approx(12, abs=1.5)
    assert found["cycle_+7"]["mrstft"] > 0 and found["cycle_+7"]["lsd_0_4"] > 0
    assert found["level_-12"]["level_off"] > 10  # it sings at one level whatever the mel says
    assert found["noise_white"]["periodicity_gained"] > 0.8  # and it sings where there is no voice
    assert found["limit_8"]["level_off"] > 1 and found["limit_8"]["above_worst"] < 0
    assert found["speed"] == dict(rtf_1=0.5, rtf_2=0.5, peak_mb_1=100.0, peak_mb_2=200.0)
    for name in ("held_4", "cycle_+7_u0", "cycle_+7_u0_away", "noise_white", "limit_8_u0"):
        assert (data / f"exp/sharp/robustness/wav/{name}.wav").exists()

    # Again: nothing is measured twice; another length is measured beside what is there.
    for name in ("shift_errors", "real_time_factors"):
        monkeypatch.setattr(robustness, name, lambda *a: pytest.fail("measured again"))
    assert run(data, "sharp") == results
    both = run(data, "sharp", "--held", "4", "5")["probes"]
    assert both["held_4"] == found["held_4"] and "held_5" in both
    assert "held_5" in capsys.readouterr().out

    monkeypatch.setattr(robustness, "real_time_factors", real_time_factors)
    monkeypatch.setattr(robustness, "peak_memory", peak_memory)
    monkeypatch.setattr(robustness, "THREADS", (1,))
    other = run(data, "hifigan")["probes"]
    assert other["f0_x1.5"] == {"skipped": "it reads no F0, so no other can be asked for"}
    # It repeats one frame, so it sings the frame rate (see above).
    assert other["held_4"]["frame_tone"] > -10
    assert other["speed"]["rtf_1"] > 0 and other["speed"]["peak_mb_1"] > 0

    (data / "exp/sharp/vocoder/training.yaml").write_text("{steps: 300, seconds: 60.0}")
    rows = [row for name in ("sharp", "hifigan") for row in collect_robustness(data / "exp" / name, name)]
    held, shifted, cycle, level, noise, limit, speed = robustness_tables(rows)
    assert [table.title for table in (cycle, level, noise, limit)] == [
        *("There and back", "Quiet singing", "Noise without a voice", "Recordings without treble"),
    ]
    assert [{line.row["vocoder"] for line in table.lines} for table in (cycle, level)] == [
        {"sharp"},
        {"sharp", "hifigan"},
    ]
    assert [(line.row["probe"], line.row["vocoder"]) for line in held.lines][:2] == [
        ("held_4", "sharp"),
        ("held_4", "hifigan"),
    ]
    assert [line.row["steps_per_second"] for line in speed.lines] == [5.0, None]
    assert {line.row["vocoder"] for line in shifted.lines} == {"sharp"} and len(shifted.lines) == 2
    why = "Without a row: {} (it reads no F0, so no other can be asked for)."
    text = render(rows).split("### Other keys and voices")[1].split("###")[0]
    assert text.count("hifigan") == 1 and why.format("`hifigan`") in text
    assert result_tables(rows)[1]["note"].endswith(why.format("hifigan"))

    # Another vocoder in the place of the one that was measured.
    save_vocoder(build_vocoder("sharp"), data / "exp" / "sharp" / "vocoder", "CC0", "another song")
    assert all(row["stale"] for row in collect_robustness(data / "exp" / "sharp", "sharp"))
    assert not any(row["stale"] for row in collect_robustness(data / "exp" / "hifigan", "hifigan"))


def test_what_would_take_too_long_is_skipped_until_the_limit_is_higher(data, monkeypatch):
    n_probes = (
        1
        + len([*probes.shift_probes(), *probes.cycle_probes(), *probes.level_probes()])
        + 5
        + len(probes.limit_probes(SPEC))
        + 1
    )
    found = run(data, "sharp", "--limit", "1e-6")["probes"]
    assert len(found) == n_probes and all("over the limit" in values["skipped"] for values in found.values())
    monkeypatch.setattr(robustness, "shift_errors", lambda *a: dict(f0_rmse=1.0))
    monkeypatch.setattr(robustness, "real_time_factors", lambda subjects, *a: {name: 0.5 for name in subjects})
    monkeypatch.setattr(robustness, "peak_memory", lambda name, seconds, threads: 100.0 * threads)
    for name in ("lsd", "mrstft", "mcd", "gained_periodicity"):
        monkeypatch.setattr(robustness, name, lambda *a: {"lsd_worst_at": 0.0, "lsd_0_4": 1.0, "lsd_8_16": 1.0})
    found = run(data, "sharp")["probes"]
    assert len(found) == n_probes and not any("skipped" in values for values in found.values())


def test_measured_again_where_what_measures_changes_not_where_what_shows_does(data, monkeypatch):
    def made_from(file=None):
        read = Path.read_bytes
        monkeypatch.setattr(Path, "read_bytes", lambda path: read(path) + b"#" * (str(path).endswith(str(file))))
        vocoder, dump = data / "exp" / "sharp" / "vocoder", data / "dump" / "eval"
        found = robustness._fingerprint(vocoder, dump, 1)
        monkeypatch.setattr(Path, "read_bytes", read)
        return found

    before = made_from()
    assert made_from("robustness/rows.py") == made_from("robustness/columns.py") == before
    measuring = ["robustness/drift.py", "score/mcd.py", "score/f0.py", "pitch/harvest.py", "vocoder.pth", "feats.scp"]
    assert len({before, *map(made_from, measuring)}) == 1 + len(measuring)


def test_wrong_input_is_one_sentence(data, tmp_path):
    with pytest.raises(UserError, match="a held note of 2.0 s is too short"):
        run(data, "sharp", "--held", "2")
    with pytest.raises(UserError, match="--phrases is 0"):
        run(data, "sharp", "--phrases", "0")
    with pytest.raises(UserError, match="feats.scp is missing"):
        (tmp_path / "eval").mkdir()
        SPEC.save(tmp_path / "spec.yaml")
        load_phrases(tmp_path / "eval", 1)
