"""run.sh as a user runs it: its options, its errors, and the whole recipe on a miniature corpus."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from waiting import LONG

ROOT = Path(__file__).resolve().parents[1]
FS = 44100


def run_sh(cwd, *options, script="run.sh"):
    """Run the recipe in `cwd` with this Python; returns the finished process, its output as text."""
    return subprocess.run(
        [str(ROOT / script), "--python", sys.executable, *options],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=4 * LONG,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def sing(path, f0, seconds=4.0):
    """A plain sung tone with a little noise, and rests around it."""
    time = np.arange(int(seconds * FS)) / FS
    phase = 2 * np.pi * np.cumsum(f0 * 2 ** (np.sin(2 * np.pi * 5 * time) / 24)) / FS
    tone = sum(np.sin(k * phase) / k for k in range(1, 20)) * 0.1
    tone += 0.002 * np.random.default_rng(int(f0)).normal(size=len(time))
    silence = np.zeros(FS // 4)
    soundfile.write(path, np.concatenate([silence, tone, silence]), FS)


@pytest.mark.parametrize(
    "options, message",
    [
        (["--bogus", "1"], "--bogus is not an option of run.sh; --help lists them"),
        (["--stage"], "--stage needs a value"),
        (["--stage", "two"], "--stage is 'two', but a whole number is needed"),
        (["--corpus", "opera"], "there is no corpus 'opera'; there are demo kaldi pjs score voices wav"),
        (["--feature", "8k"], "there is no feature preset '8k'"),
        (["--vocoders", "nhv theremin"], "for vocoder 'theremin'"),
        (["--vocoders", " "], "--vocoders is empty"),
        (["--tier", "heavy"], "there is no tier 'heavy'; there are light and full"),
        (["--tier", "light", "--train_config", "conf"], "give one"),
        (["--tier", "light", "--vocoders", "pwg"], "conf/train/light/pwg.yaml for vocoder 'pwg'"),
        (["--sets", "eval test"], "--sets is 'eval test'; give dev, eval or 'dev eval'"),
        (["--sets", ""], "--sets is ''"),
        (["--strict", "very"], "--strict takes true or false, not 'very'"),
        (["nhv"], "what is 'nhv'?"),
        (["--corpus", "wav"], "db_root"),
        (["--corpus", "voices"], "needs --db_root: give folders of voices"),
        (["--peers", "only_a_name"], "--peers has 'only_a_name'; give NAME=DIR or NAME=command"),
        (["--balance_voices", "maybe"], "--balance_voices is 'maybe'; give true or false"),
        (["--corpus", "pjs", "--db_root", "nowhere"], "nowhere"),
    ],
)
def test_wrong_options_get_one_sentence(tmp_path, options, message):
    run = run_sh(tmp_path, *options)
    assert run.returncode != 0
    assert message in run.stderr
    assert "Traceback" not in run.stderr
    assert len([line for line in run.stderr.splitlines() if line.startswith("error:")]) == 1


def _calls(tmp_path, *options):
    """What run.sh calls its Python for, of a Python that does nothing."""
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\ntouch exp/RESULTS.md\n')
    python.chmod(0o755)
    (tmp_path / "exp").mkdir(exist_ok=True)
    run = run_sh(tmp_path, *options, "--python", str(python))
    assert run.returncode == 0, run.stderr
    return (tmp_path / "calls").read_text()


def test_a_corpus_has_configs_of_its_own_file_by_file(tmp_path):
    calls = _calls(tmp_path, "--stage", "4", "--stop_stage", "4", "--vocoders", "nhv mcnn hifigan")
    configs = [str(Path(path).relative_to(ROOT)) for path in re.findall(r"--config (\S+)", calls)]
    assert configs == ["conf/train/demo/nhv.yaml", "conf/train/mcnn.yaml", "conf/train/demo/hifigan.yaml"]
    (tmp_path / "calls").unlink()
    calls = _calls(tmp_path, "--stage", "4", "--stop_stage", "4", "--vocoders", "all")
    trained = {path.stem for path in (ROOT / "conf/train").glob("[!_]*.yaml")}
    assert {Path(path).stem for path in re.findall(r"--config (\S+)", calls)} == trained
    assert len(re.findall("--config ", calls)) == len(trained)


def test_the_demo_has_defaults_that_options_change(tmp_path):
    calls = _calls(tmp_path, "--stage", "3")
    assert set(re.findall(r"--f0_method (\S+)", calls)) == {"swift"}
    assert re.findall(r"--decode exp/(\S+)/decode/eval", calls) == ["nhv", "sawsing", "pretrained"]
    assert f"bin.peer --peer pretrained={ROOT}/pretrained/nhv " in calls
    assert re.search(r"--vocoders nhv sawsing pretrained --sets eval", calls)
    (tmp_path / "calls").unlink()
    calls = _calls(tmp_path, "--stage", "4", "--vocoders", "hifigan", "--peers", "", "--sets", "dev")
    assert re.findall(r"--decode exp/(\S+)", calls) == ["hifigan/decode/dev"]


def test_help_lists_every_option_with_its_default(tmp_path):
    text = run_sh(tmp_path, "--help").stdout
    for option, default in (("stage", "1"), ("tier", '""'), ("dumpdir", "dump"), ("ngpu", "0")):
        line = next(line for line in text.splitlines() if line.strip().startswith(f"--{option} "))
        assert f"(default: {default})" in line


@pytest.mark.parametrize("stage, decoded, scored", [(5, "nhv mcnn", "nhv mcnn"), (6, "", "mcnn")])
def test_what_failed_in_an_earlier_run_is_tried_again(tmp_path, stage, decoded, scored):
    for name, what in (("nhv", "decoding"), ("hifigan", "training"), ("mcnn", "scoring")):
        (tmp_path / "exp" / name).mkdir(parents=True)
        (tmp_path / "exp" / name / "failed.txt").write_text(f"{what} failed with status 1\n")
    python = tmp_path / "python"  # that says what it was called for
    python.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\ntouch exp/RESULTS.md\n')
    python.chmod(0o755)
    options = ["--stage", str(stage), "--sets", "eval", "--vocoders", "nhv hifigan mcnn", "--python", str(python)]
    options += ["--train_config", str(ROOT / "conf/train"), "--peers", f"them={tmp_path}; us=cp {{inp}} {{out}}"]
    run = run_sh(tmp_path, *options)
    assert run.returncode == 0, run.stderr
    calls = (tmp_path / "calls").read_text()
    assert re.findall(r"bin.decode .*--out exp/(\S+)/decode/eval", calls) == decoded.split()
    *ours, _, _ = re.findall(r"bin.score .*--decode exp/(\S+)/decode/eval", calls)
    assert ours == scored.split()
    peers = re.findall(r"bin.peer --peer (.*) --data dump/eval --out exp/(\S+)/decode/eval", calls)
    assert sorted(peers) == ([(f"them={tmp_path}", "them"), ("us=cp {inp} {out}", "us")] if stage == 5 else [])
    assert {"nhv", "hifigan", "mcnn", "them", "us"} == set(
        re.search(r"bin.report .*?--vocoders (.*?) --sets", calls)[1].split()
    )
    assert (tmp_path / "exp/hifigan/failed.txt").exists() and not (tmp_path / "exp/mcnn/failed.txt").exists()


@pytest.mark.slow
def test_whole_recipe_on_a_miniature_corpus(tmp_path):
    songs = tmp_path / "songs"
    songs.mkdir()
    for index, f0 in enumerate((110, 220, 440, 660)):
        sing(songs / f"song{index}.wav", f0)
    (songs / "broken.wav").write_bytes(b"RIFF nothing")
    options = ["--corpus", "wav", "--db_root", str(songs), "--budget", "3steps"]
    options += ["--train_config", str(ROOT / "conf/train/demo")]
    options += ["--train_args", "--batch_size 2 --segment_frames 16 --valid_segments 4"]
    run = run_sh(tmp_path, *options)
    assert run.returncode == 0, run.stderr[-3000:]
    assert "broken" in run.stdout + run.stderr

    rows = json.loads((tmp_path / "exp/RESULTS.json").read_text())
    assert {(row["vocoder"], row["set"]) for row in rows} == {
        (vocoder, name) for vocoder in ("nhv", "hifigan") for name in ("dev", "eval")
    }
    for row in rows:
        assert np.isfinite(row["mrstft"]) and row["rtf"] > 0 and not row["error"]
        wavs = list((tmp_path / f"exp/{row['vocoder']}/decode/{row['set']}/wav").glob("*.wav"))
        references = (tmp_path / f"dump/{row['set']}/wav.scp").read_text().split("\n")[:-1]
        assert len(wavs) == len(references) > 0
    assert "| `nhv` |" in (tmp_path / "exp/RESULTS.md").read_text()
    assert (tmp_path / "exp/report/index.html").exists()
    assert list((tmp_path / "exp/report/data/eval/000").glob("*-nhv.js"))

    # Again: nothing is computed twice, so nothing is written anew.
    written = [
        "dump/train/feats.scp",
        "exp/nhv/checkpoint.pth",
        "exp/nhv/decode/eval/wav.scp",
        "exp/nhv/decode/eval/scores.json",
        "exp/report/data/eval/000/0-reference.js",
    ]
    before = [(tmp_path / name).stat().st_mtime_ns for name in written]
    assert run_sh(tmp_path, *options).returncode == 0
    assert [(tmp_path / name).stat().st_mtime_ns for name in written] == before

    # Another corpus in the same folders is refused before anything is lost.
    run = run_sh(tmp_path, "--corpus", "demo")
    assert run.returncode != 0 and "use other folders" in run.stderr
    assert (tmp_path / "exp/RESULTS.json").exists()


@pytest.mark.slow
def test_one_failing_vocoder_does_not_stop_the_others(tmp_path):
    songs, configs = tmp_path / "songs", tmp_path / "configs"
    songs.mkdir()
    configs.mkdir()
    for index, f0 in enumerate((150, 300, 450)):
        sing(songs / f"song{index}.wav", f0, seconds=2.0)
    (configs / "nhv.yaml").write_text(f"base: {ROOT}/conf/train/demo/nhv.yaml\n")
    (configs / "hifigan.yaml").write_text(
        f"base: {ROOT}/conf/train/demo/hifigan.yaml\nvocoder_conf: {{channels: nine}}\n"
    )
    options = ["--corpus", "wav", "--db_root", str(songs), "--budget", "1steps", "--train_config", str(configs)]
    (configs / "_shared.yaml").write_text("batch_size: 1\n")  # a base, not a vocoder
    options += ["--vocoders", "all", "--sets", "eval"]
    options += ["--train_args", "--batch_size 2 --segment_frames 16 --valid_segments 2"]
    options += ["--robustness", "true", "--robustness_args", "--held 4 --phrases 1 --limit 60"]
    run = run_sh(tmp_path, *options)
    assert run.returncode == 1
    rows = json.loads((tmp_path / "exp/RESULTS.json").read_text())
    probes = {(row["vocoder"], row["probe"]) for row in rows if row["set"] == "robustness"}
    assert {("nhv", "held_4"), ("nhv", "f0_x2"), ("nhv", "speed")} < probes and "hifigan" not in dict(probes)
    rows = {(row["vocoder"], row["set"]): row for row in rows if row["set"] != "robustness"}
    assert set(rows) == {("nhv", "eval"), ("hifigan", "eval")} and os.listdir(tmp_path / "exp/nhv/decode") == ["eval"]
    assert np.isfinite(rows["nhv", "eval"]["mrstft"])
    assert "training failed" in rows["hifigan", "eval"]["error"]
