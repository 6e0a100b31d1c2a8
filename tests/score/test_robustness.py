"""Robustness: each measure on notes whose faults are known, then all of them on a vocoder that has known faults."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_dump import features, tone, write_set

from espnet2_nhv.bench.measure import peak_memory, real_time_factors
from espnet2_nhv.bin import robustness as command
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.report.page.tables import result_tables
from espnet2_nhv.report.table import render
from espnet2_nhv.score.robustness import probes, unvoiced
from espnet2_nhv.score.robustness import run as robustness
from espnet2_nhv.score.robustness.columns import COLUMNS, kind_of
from espnet2_nhv.score.robustness.comb import fit_comb, line_spectrum
from espnet2_nhv.score.robustness.drift import drift
from espnet2_nhv.score.robustness.frame_rate import frame_rate_traces
from espnet2_nhv.score.robustness.glitches import glitches
from espnet2_nhv.score.robustness.periodicity import periodicity
from espnet2_nhv.score.robustness.probes import Phrase, asked_f0, load_phrases, steady_frame
from espnet2_nhv.score.robustness.rows import collect_robustness, robustness_tables
from espnet2_nhv.score.robustness.shift import shift_errors
from espnet2_nhv.score.robustness.unvoiced import gained_periodicity
from espnet2_nhv.vocoder import build_vocoder
from espnet2_nhv.vocoder.base import AbsVocoder
from espnet2_nhv.vocoder.registry import VOCODERS
from espnet2_nhv.vocoder.saved import save_vocoder

SPEC = FeatureSpec()
FS, F0 = SPEC.fs, 207.3


def clock(seconds):
    return np.arange(int(seconds * FS)) / FS


def note(seconds=6.0, f0=F0, noise=0.0, harmonics=30):
    """Harmonics falling by 1 / k, the first of amplitude 0.1; `f0` may be an array of one value a sample."""
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(f0, clock(seconds).shape)) / FS
    wav = 0.1 * sum(np.cos(k * phase) / k for k in range(1, harmonics + 1))
    return wav + noise * np.random.default_rng(0).standard_normal(len(wav))


# --- the comb


@pytest.mark.parametrize("f0", [65.4, 207.3, 880.0])
def test_comb_finds_pitch_and_power(f0):
    order = np.arange(1, int(7000 / f0))
    wav = note(1.0, f0 * 2 ** (30 / 1200), harmonics=len(order))  # asked for f0, 30 cents sharp
    comb = fit_comb(line_spectrum(wav), FS, f0)
    assert 1200 * np.log2(comb.f0 / f0) == pytest.approx(30, abs=0.5)
    assert comb.harmonic == pytest.approx(0.005 * np.sum(1.0 / order**2), rel=1e-3)
    assert comb.rest < 1e-5 * comb.harmonic


# --- drift


def test_a_note_that_falls_is_found_to_have_fallen():
    scores = drift(note(f0=np.where(clock(6) > 3, F0 * 2 ** (-7 / 1200), F0), noise=1e-4), F0, SPEC)
    assert scores["f0_drift"] == pytest.approx(7, abs=0.3)
    assert scores["f0_off"] == pytest.approx(7, abs=0.3)


def test_a_note_out_of_tune_has_not_drifted():
    scores = drift(note(f0=F0 * 2 ** (20 / 1200), noise=1e-4), F0, SPEC)
    assert scores["f0_off"] == pytest.approx(20, abs=0.3)
    assert scores["f0_drift"] < 0.2 and scores["lsd_drift"] < 0.5


def test_colour_drift_is_the_difference_of_levels():
    wav = note(noise=0.003)
    assert drift(wav * np.where(clock(6) > 3, 0.5, 1.0), F0, SPEC)["lsd_drift"] == pytest.approx(6.02, abs=0.1)


def test_noise_has_no_pitch_to_drift():
    scores = drift(0.1 * np.random.default_rng(0).standard_normal(6 * FS), F0, SPEC)
    assert scores["f0_off"] is None and scores["f0_drift"] is None


# --- periodicity


def test_harmonics_to_noise_by_hand():
    level = 3e-3
    harmonic = 0.005 * np.sum(1.0 / np.arange(1, 31) ** 2)
    # White noise between F0 / 2 and 8 kHz, but for the 11 bins of 1 Hz about each of the 38 harmonics there.
    noise = level**2 * (8000 - F0 / 2 - 38 * 11) / (FS / 2)
    scores = periodicity(note(noise=level), F0, FS)
    assert scores["hnr"] == pytest.approx(10 * np.log10(harmonic / noise), abs=0.2)
    assert abs(scores["hnr_drift"]) < 0.2
    assert scores["hnr_worst"] == pytest.approx(scores["hnr"], abs=0.3)


def test_a_rough_end_and_a_rough_second_are_told_apart():
    noise = 0.01 * np.random.default_rng(1).standard_normal(8 * FS)
    time, clean = clock(8), note(8.0, noise=1e-3)
    end = periodicity(clean + noise * (time > 6), F0, FS)
    assert end["hnr_drift"] == pytest.approx(-20, abs=0.5) and end["hnr_worst"] == pytest.approx(
        end["hnr"] - 20, abs=0.5
    )
    middle = periodicity(clean + noise * ((time > 3.5) & (time < 4.6)), F0, FS)
    assert abs(middle["hnr_drift"]) < 0.3 and middle["hnr_worst"] < middle["hnr"] - 15


def test_another_pitch_is_not_periodic_at_this_one():
    assert periodicity(note(f0=172.27), F0, FS)["hnr"] < 0


# --- glitches


@pytest.mark.parametrize("f0", [65.4, 207.3, 700.0])
def test_a_clean_note_has_no_glitch(f0):
    scores = glitches(note(f0=f0, noise=3e-3), SPEC)
    assert scores["glitches"] == 0 and scores["worst_frame"] < 5


def test_clicks_and_gaps_are_counted_and_found():
    wav = note(8.0, noise=3e-3)
    wav[2 * FS] += 0.5
    wav[4 * FS : 4 * FS + 900] = 0
    wav[5 * FS] -= 0.5
    wav[5 * FS + 400] += 0.5  # the same moment
    assert glitches(wav, SPEC)["glitches"] == 3
    wav = note(8.0, noise=3e-3)
    wav[5 * FS] += 0.5
    scores = glitches(wav, SPEC)
    assert scores["worst_frame_at"] == pytest.approx(5, abs=0.04)
    assert scores["worst_frame"] > 10


# --- frame rate


@pytest.mark.parametrize("depth", [0.01, 0.1])
def test_depth_of_modulation_at_the_frame_rate(depth):
    wav = note(10.0, noise=1e-3) * (1 + depth * np.cos(2 * np.pi * SPEC.frame_rate * clock(10)))
    assert frame_rate_traces(wav, F0, SPEC)["frame_am"] == pytest.approx(100 * depth, rel=0.03)


def test_modulation_of_breath_counts_too():
    breath = 0.1 * np.random.default_rng(0).standard_normal(10 * FS)
    plain = frame_rate_traces(breath, F0, SPEC)["frame_am"]
    wav = breath * (1 + 0.2 * np.cos(2 * np.pi * SPEC.frame_rate * clock(10)))
    assert plain < 1
    assert frame_rate_traces(wav, F0, SPEC)["frame_am"] == pytest.approx(20, abs=1.5)


def test_energy_at_multiples_of_the_frame_rate():
    clean = note(10.0, noise=1e-3)
    hum = 0.01 * np.cos(2 * np.pi * 3 * SPEC.frame_rate * clock(10))
    share = 10 * np.log10(0.01**2 / 2 / (0.005 * np.sum(1.0 / np.arange(1, 31) ** 2)))
    assert frame_rate_traces(clean, F0, SPEC)["frame_tone"] < -60
    assert frame_rate_traces(clean + hum, F0, SPEC)["frame_tone"] == pytest.approx(share, abs=0.3)
    # A frame repeated for ever is nothing but the frame rate.
    frame = np.random.default_rng(0).standard_normal(SPEC.hop_length)
    assert frame_rate_traces(np.tile(0.1 * frame, 1400), F0, SPEC)["frame_tone"] == pytest.approx(0, abs=0.1)


# --- other keys


def phrase_of(f0):
    n_frames = len(f0) // SPEC.hop_length
    return f0[:: SPEC.hop_length][:n_frames], np.ones(n_frames)


def test_pitch_is_judged_against_what_was_asked():
    recording, f0 = tone(1.5, 220)
    own, vuv = phrase_of(f0)
    sung, _ = tone(1.5, 330 * 2 ** (10 / 1200))
    scores = shift_errors(sung.astype(float), 1.5 * own, recording.astype(float), own, vuv, SPEC)
    assert scores["f0_rmse"] == pytest.approx(10, abs=1)
    assert scores["f0_gross"] == 0 and scores["f0_lost"] < 5
    scores = shift_errors(sung.astype(float), 0.75 * own, recording.astype(float), own, vuv, SPEC)
    assert scores["f0_gross"] == 100 and scores["f0_worst"] == pytest.approx(1210, abs=15)


def test_timbre_is_of_the_envelope_not_of_the_pitch():
    def vowel(f0, peak, seconds=1.5):
        """Harmonics under one resonance, and their F0."""
        phase = 2 * np.pi * f0 * clock(seconds)
        return 0.05 * sum(np.exp(-(((k * f0 - peak) / 400) ** 2)) * np.cos(k * phase) for k in range(1, 60)) + 1e-3 * (
            np.random.default_rng(0).standard_normal(len(phase))
        )

    own, vuv = phrase_of(np.full(int(1.5 * FS), 150.0))
    recording = vowel(150.0, 1000.0)
    same = shift_errors(vowel(200.0, 1000.0), own * 4 / 3, recording, own, vuv, SPEC)["timbre"]
    other = shift_errors(vowel(200.0, 1800.0), own * 4 / 3, recording, own, vuv, SPEC)["timbre"]
    assert shift_errors(recording, own, recording, own, vuv, SPEC)["timbre"] < 0.5
    assert same < other / 2


def test_what_lies_outside_the_analysis_is_not_judged():
    recording, f0 = tone(0.5, 60)
    own, vuv = phrase_of(f0)
    scores = shift_errors(recording.astype(float), 0.5 * own, recording.astype(float), own, vuv, SPEC)
    assert set(scores.values()) == {None}


# --- what is not a voice


@pytest.mark.parametrize("name", unvoiced.NOISES)
def test_noise_is_no_more_periodic_than_another_draw_of_it(name, monkeypatch):
    noise = unvoiced.make_noise(name, SPEC)
    assert 20 * np.log10(np.sqrt(np.mean(noise**2))) == pytest.approx(-36, abs=0.1)
    draw = np.random.default_rng
    monkeypatch.setattr(np.random, "default_rng", lambda seed: draw(seed + 1))
    scores = gained_periodicity(noise, unvoiced.make_noise(name, SPEC), SPEC)
    assert scores["periodicity_gained"] < 0.1 and abs(scores["level_off"]) < 0.01


def test_a_hum_in_noise_is_found_at_its_pitch():
    noise = unvoiced.make_noise("pink", SPEC)
    hum = note(4.0, f0=245.0)
    hum *= np.sqrt(3 * np.mean(noise**2) / np.mean(hum**2))  # three quarters of the power
    scores = gained_periodicity(noise, noise + hum, SPEC)
    assert scores["periodicity_gained"] == pytest.approx(0.75, abs=0.12)
    assert min(abs(scores["hum"] * k - 245) for k in (1, 2, 3, 4)) < 3  # a multiple of the period is as good
    assert scores["level_off"] == pytest.approx(6.02, abs=0.3)
    assert set(gained_periodicity(noise, np.zeros_like(noise), SPEC).values()) == {None}


# --- what is asked


def test_a_vocoder_that_can_be_told_the_pitch_of_the_mel_is_probed_both_ways():
    assert not any(name.endswith("mel_f0") for name in [*probes.shift_probes(), *probes.cycle_probes()])
    told = [name for name in probes.shift_probes(True) if name.endswith("mel_f0")]
    assert told == [
        f"{name}_mel_f0" for name in ("f0_x0.5", "f0_x0.75", "f0_x1.5", "f0_x2", "low_male", "high_soprano")
    ]
    phrase = Phrase("u", np.zeros((100, 128)), np.linspace(150, 250, 100), np.ones(100), "u.wav")
    assert asked_f0("f0_x0.5_mel_f0", phrase, SPEC) == pytest.approx(phrase.f0 / 2)
    assert asked_f0("cycle_-5_mel_f0", phrase, SPEC) == pytest.approx(phrase.f0 * 2 ** (-5 / 12))
    assert {kind_of(name) for name in told} == {"shifted"} and kind_of("cycle_-5_mel_f0") == "cycle"


def test_voices_are_moved_to_their_median():
    phrase = Phrase("u", np.zeros((100, 128)), np.linspace(150, 250, 100), np.ones(100), "u.wav")
    assert np.median(asked_f0("high_soprano", phrase, SPEC)) == pytest.approx(880, rel=1e-3)
    assert np.median(asked_f0("low_male", phrase, SPEC)) == pytest.approx(82.4, rel=1e-3)
    assert asked_f0("key_+3", phrase, SPEC) == pytest.approx(phrase.f0 * 2**0.25)
    assert asked_f0("f0_x0.5", phrase, SPEC) == pytest.approx(phrase.f0 / 2)


def test_the_steadiest_loud_frame_is_held():
    rng = np.random.default_rng(0)
    mel, f0, vuv = rng.normal(-2, 0.5, (200, 128)), 200 + 20 * rng.random(200), np.ones(200)
    mel[60:90], f0[60:90] = -6.0, 210.0  # steady but faint
    mel[120:150], f0[120:150] = -1.0, 210.0
    vuv[170:] = 0
    mel[170:] = -1.0  # steady but unvoiced
    _, frame = steady_frame([Phrase("u", mel, f0, vuv, "u.wav")])
    assert 128 <= frame < 142


# --- the command


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
