"""Stage 5: a set from its features, resumable, with bad utterances skipped and counted."""

import dataclasses
import json
import shutil
import subprocess
import sys

import kaldiio
import numpy as np
import pytest
import soundfile
import torch
from tiny_dump import SPEC, features, tone, write_set

from espnet2_nhv import load_vocoder
from espnet2_nhv.bin import decode as command
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.datadir import read_table
from espnet2_nhv.refiner.network import MelRefiner
from espnet2_nhv.refiner.saved import save_refiner
from espnet2_nhv.synthesis import decode
from espnet2_nhv.synthesis.decode import decode_set
from espnet2_nhv.vocoder.registry import build_vocoder
from espnet2_nhv.vocoder.saved import save_vocoder


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    path = tmp_path_factory.mktemp("decode")
    utterances = {}
    for utt, seconds in (("a", 0.4), ("b", 0.3), ("song/1", 0.5)):
        wav, f0 = tone(seconds, 200)
        utterances[utt] = wav, *features(wav, f0)
    (path / "dump" / "eval" / "flac" / "song").mkdir(parents=True)
    write_set(path / "dump" / "eval", utterances)
    for name, conf in (("hifigan", dict(channels=16)), ("nhv", {})):
        torch.manual_seed(0)
        save_vocoder(build_vocoder(name, SPEC, **conf), path / name, licence="CC0", trained_on="nothing")
    return path


@pytest.fixture
def calls(monkeypatch):
    """Names what is synthesised, by its number of frames; the warm-up does not count."""
    made, real = [], decode._synthesize

    def synthesize(vocoder, mel, *rest):
        if len(mel) > decode._WARM_UP_FRAMES:
            made.append(len(mel))
        return real(vocoder, mel, *rest)

    monkeypatch.setattr(decode, "_synthesize", synthesize)
    return made


@pytest.mark.parametrize("name", ["hifigan", "nhv"])
def test_writes_what_the_vocoder_makes(root, tmp_path, name):
    summary = decode_set(root / name, root / "dump/eval", tmp_path / "out", subtype="FLOAT")
    wavs = read_table(tmp_path / "out/wav.scp")
    assert list(wavs) == ["a", "b", "song/1"] and summary["n_utterances"] == 3 and summary["failed"] == {}
    vocoder, total = load_vocoder(root / name), 0.0
    feats, f0s = (read_table(root / f"dump/eval/{kind}.scp") for kind in ("feats", "f0"))
    for utt, path in wavs.items():
        got, fs = soundfile.read(path, dtype="float32")
        mel, f0 = (torch.from_numpy(kaldiio.load_mat(table[utt]).copy()) for table in (feats, f0s))
        torch.manual_seed(0)
        want = vocoder.inference(mel, f0[:, 0])
        assert fs == SPEC.fs and len(got) == len(mel) * SPEC.hop_length
        np.testing.assert_allclose(got, want.numpy(), atol=1e-6)
        total += len(got) / fs
    speed = json.loads((tmp_path / "out/rtf.json").read_text())
    assert set(speed) == {"rtf", "audio_seconds", "compute_seconds", "threads", "device"}
    assert speed["audio_seconds"] == pytest.approx(total)
    assert speed["rtf"] == pytest.approx(speed["compute_seconds"] / total) and speed["rtf"] > 0
    assert speed["threads"] == torch.get_num_threads() and speed["device"] == "cpu"


def test_pcm_is_the_default(root, tmp_path):
    decode_set(root / "hifigan", root / "dump/eval", tmp_path)
    assert soundfile.info(read_table(tmp_path / "wav.scp")["a"]).subtype == "PCM_16"


def test_goes_on_where_it_stopped(root, tmp_path, calls, monkeypatch):
    real, count = decode.write_wav, []

    def killed_at_the_third(path, *rest):
        count.append(path)
        if len(count) == 3:
            path.with_name(path.name + ".part").write_bytes(b"RIFF")
            raise KeyboardInterrupt
        real(path, *rest)

    monkeypatch.setattr(decode, "write_wav", killed_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        decode_set(root / "hifigan", root / "dump/eval", tmp_path)
    monkeypatch.setattr(decode, "write_wav", real)
    # Killed in the middle of a line, too.
    with open(tmp_path / "utt2seconds", "a") as log:
        log.write("wav/song%2F1\t0.")
    lengths = list(calls)
    calls.clear()
    summary = decode_set(root / "hifigan", root / "dump/eval", tmp_path)
    assert (summary["n_kept"], summary["n_utterances"]) == (2, 3) and calls == lengths[2:]
    assert set(read_table(tmp_path / "wav.scp")) == {"a", "b", "song/1"}
    assert not list(tmp_path.rglob("*.part")) and soundfile.info(str(tmp_path / "wav/song%2F1.wav")).frames > 0

    calls.clear()
    again = decode_set(root / "hifigan", root / "dump/eval", tmp_path)
    assert not calls and again["rtf"] == summary["rtf"]
    (tmp_path / "wav/a.wav").unlink()
    decode_set(root / "hifigan", root / "dump/eval", tmp_path)
    assert calls == lengths[:1]


def test_another_vocoder_or_other_features_start_anew(root, tmp_path, calls):
    decode_set(root / "hifigan", root / "dump/eval", tmp_path)
    shutil.copytree(root / "hifigan", tmp_path / "v")
    torch.manual_seed(9)
    save_vocoder(build_vocoder("hifigan", SPEC, channels=16), tmp_path / "v", licence="CC0", trained_on="nothing")
    for arguments in (
        (tmp_path / "v", root / "dump/eval"),
        (tmp_path / "v", root / "dump/eval", tmp_path, "cpu", None, "FLOAT"),
    ):
        calls.clear()
        summary = decode_set(*arguments[:2], tmp_path, *arguments[3:])
        assert len(calls) == 3 and summary["n_kept"] == 0
    calls.clear()
    (root / "dump/eval/feats.scp").touch()  # written anew
    decode_set(*arguments)
    assert len(calls) == 3


def test_an_interruption_leaves_no_list_of_old_and_new_files(root, tmp_path, monkeypatch):
    decode_set(root / "hifigan", root / "dump/eval", tmp_path)

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(decode, "write_wav", interrupted)
    with pytest.raises(KeyboardInterrupt):
        decode_set(root / "nhv", root / "dump/eval", tmp_path)
    assert not (tmp_path / "wav.scp").exists()
    monkeypatch.undo()
    decode_set(root / "nhv", root / "dump/eval", tmp_path)
    assert len(read_table(tmp_path / "wav.scp")) == 3


def test_fewer_threads_than_one(root, tmp_path):
    with pytest.raises(UserError, match="0 threads: give 1 or more"):
        decode_set(root / "hifigan", root / "dump/eval", tmp_path, threads=0)


def damaged(root, tmp_path):
    shutil.copytree(root / "dump", tmp_path / "dump")
    data = tmp_path / "dump/eval"
    feats = read_table(data / "feats.scp")
    (tmp_path / "cut.ark").write_bytes(b"b \0BFM \4\xff\xff\0\0\4\x80\0\0\0 too short")
    (data / "feats.scp").write_text(f"a {tmp_path}/cut.ark:2\nb {feats['b']}\nlost {tmp_path}/none.ark:5\n")
    return data


def test_a_bad_utterance_is_skipped_and_named(root, tmp_path):
    summary = decode_set(root / "hifigan", damaged(root, tmp_path), tmp_path / "out")
    assert set(summary["failed"]) == {"a", "lost"} and list(read_table(tmp_path / "out/wav.scp")) == ["b"]


def test_f0_is_asked_for_where_it_is_needed(root, tmp_path):
    shutil.copytree(root / "dump", tmp_path / "dump")
    table = read_table(tmp_path / "dump/eval/f0.scp")
    (tmp_path / "dump/eval/f0.scp").write_text(f"b {table['b']}\n")
    summary = decode_set(root / "nhv", tmp_path / "dump/eval", tmp_path / "out")
    assert set(summary["failed"]) == {"a", "song/1"} and "f0.scp" in summary["failed"]["a"]
    assert decode_set(root / "hifigan", tmp_path / "dump/eval", tmp_path / "out2")["failed"] == {}


def test_features_of_another_spec(root, tmp_path):
    shutil.copytree(root / "dump", tmp_path / "dump")
    dataclasses.replace(SPEC, fmax=16000).save(tmp_path / "dump/spec.yaml")
    with pytest.raises(UserError, match="fmax 16000 but the vocoder in .* needs 22050"):
        decode_set(root / "hifigan", tmp_path / "dump/eval", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    # Another logarithm is converted.
    dataclasses.replace(SPEC, log_base=None).save(tmp_path / "dump/spec.yaml")
    natural = decode_set(root / "nhv", tmp_path / "dump/eval", tmp_path / "out", subtype="FLOAT")
    assert natural["n_utterances"] == 3


def test_command(root, tmp_path, monkeypatch, capsys):
    def run(*extra, data=root / "dump/eval"):
        arguments = ["decode", "--vocoder", root / "hifigan", "--data", data, "--out", tmp_path / "out", *extra]
        monkeypatch.setattr(sys, "argv", [str(a) for a in arguments])
        command.main()

    run("--strict")
    assert "real-time factor" in capsys.readouterr().out
    run(data=damaged(root, tmp_path))
    with pytest.raises(SystemExit, match="2 utterances failed, the first is a"):
        run("--strict", data=tmp_path / "dump/eval")
    if not torch.cuda.is_available():
        with pytest.raises(UserError, match="no GPU"):
            run("--ngpu", "1")


def test_command_says_errors_in_one_line(root, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "espnet2_nhv.bin.decode", "--vocoder", tmp_path, "--data", root / "dump/eval", "--out",
         tmp_path / "out"], capture_output=True, text=True,
    )  # fmt: skip
    assert (
        done.returncode == 1
        and done.stderr.strip() == f"error: {tmp_path}: not a saved vocoder (it has no vocoder.yaml)"
    )


def test_mels_pass_a_refiner_first(root, tmp_path):
    """Wherever mels are decoded; what was made without it, or with another, is made anew."""
    torch.manual_seed(0)
    refiner = MelRefiner(SPEC, channels=8, hidden=8, n_blocks=1)
    torch.nn.init.normal_(refiner.head.weight, std=0.3)
    save_refiner(refiner, tmp_path / "refiner", "CC0", "nothing")
    data, out = root / "dump" / "eval", tmp_path / "out"
    plain = decode_set(root / "hifigan", data, out)
    before = {utt: soundfile.read(path)[0] for utt, path in read_table(out / "wav.scp").items()}
    refined = decode_set(root / "hifigan", data, out, refiner=tmp_path / "refiner")
    assert plain["n_kept"] == refined["n_kept"] == 0
    mel = torch.from_numpy(kaldiio.load_mat(read_table(data / "feats.scp")["a"]))
    expected = load_vocoder(root / "hifigan").inference(refiner.eval().refine(mel)).numpy()
    made = {utt: soundfile.read(path)[0] for utt, path in read_table(out / "wav.scp").items()}
    assert np.allclose(made["a"], expected, atol=2e-4) and not np.allclose(made["a"], before["a"], atol=2e-3)
    assert decode_set(root / "hifigan", data, out, refiner=tmp_path / "refiner")["n_kept"] == 3
    with pytest.raises(UserError, match="not a saved refiner"):
        decode_set(root / "hifigan", data, out, refiner=tmp_path)
