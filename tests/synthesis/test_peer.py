"""Vocoders that were trained elsewhere, through commands, folders of sounds and vocoders of another spec."""

import shutil
import sys

import numpy as np
import pytest
import soundfile
from conftest import ROOT
from tiny_dump import SPEC, tone, write_set

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.datadir import read_table
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.report.results import write_results
from espnet2_nhv.report.table import remarks
from espnet2_nhv.synthesis.peer import Peer
from espnet2_nhv.synthesis.peer_set import decode_peer
from espnet2_nhv.vocoder import build_vocoder, save_vocoder

HALVE = "import soundfile, sys; x, fs = soundfile.read(sys.argv[1]); soundfile.write(sys.argv[2], x[::2], fs // 2)"


@pytest.fixture
def data(tmp_path):
    """A set of two tones of 0.5 s."""
    utterances = {f"u/{n}": (tone(0.5, 200 * (n + 1))[0], np.zeros((1, 128)), np.ones((1, 1))) for n in range(2)}
    (tmp_path / "dump/eval/flac/u").mkdir(parents=True)
    return write_set(tmp_path / "dump/eval", utterances)


def test_a_command_hears_the_recording_at_its_own_rate(data, tmp_path):
    (tmp_path / "halve.py").write_text(HALVE)
    peer = Peer.parse(f"half={sys.executable} {tmp_path}/halve.py {{inp}} {{out}}")
    out = tmp_path / "exp/half/decode/eval"
    assert decode_peer(peer, data, out, "MIT") == dict(n_utterances=2, n_kept=0, failed={})
    for utt, path in read_table(out / "wav.scp").items():
        (made, fs), (recorded, _) = soundfile.read(path), soundfile.read(read_table(data / "wav.scp")[utt])
        assert fs == SPEC.fs and len(made) == len(recorded)
        # Below a quarter of the rate it is the same sound.
        inside = slice(2000, -2000)
        assert np.corrcoef(made[inside], recorded[inside])[0, 1] > 0.98
    assert decode_peer(peer, data, out)["n_kept"] == 2
    (row,) = write_results(tmp_path / "exp", ["half"], ["eval"])
    assert row["peer"] == "unknown" and "not scored" in row["error"]
    row["error"] = None
    assert "trained elsewhere, on other data" in remarks(row)


def test_a_saved_vocoder_reads_its_own_features(data, tmp_path):
    spec = FeatureSpec.load(ROOT / "conf/feature/24k_hop300.yaml")
    save_vocoder(build_vocoder("griffinlim", spec, n_iter=8), tmp_path / "gl24", "CC0", "nothing")
    out = tmp_path / "exp/gl/decode/eval"
    assert decode_peer(Peer.parse(f"gl={tmp_path}/gl24"), data, out)["n_utterances"] == 2
    assert "licence: CC0" in (tmp_path / "exp/gl/peer.yaml").read_text()
    for utt, path in read_table(out / "wav.scp").items():
        made, fs = soundfile.read(path)
        recorded, _ = soundfile.read(read_table(data / "wav.scp")[utt])
        level = [np.abs(np.fft.rfft(x[4000:12000])) for x in (made, recorded)]
        assert fs == SPEC.fs and abs(level[0].argmax() - level[1].argmax()) <= 2  # it sings the same note


def test_a_folder_of_sounds(data, tmp_path):
    (tmp_path / "sounds/u").mkdir(parents=True)
    shutil.copy(read_table(data / "wav.scp")["u/0"], tmp_path / "sounds/u/0.flac")
    summary = decode_peer(Peer.parse(f"them={tmp_path}/sounds"), data, tmp_path / "exp/them/decode/eval")
    assert summary["n_utterances"] == 1 and "neither a vocoder.yaml nor a sound u/1.wav" in summary["failed"]["u/1"]


@pytest.mark.parametrize(
    "peer, message",
    [
        ("them", "give NAME=DIR or NAME=command"),
        ("them=", "give NAME=DIR or NAME=command"),
        ("them=python synthesize.py {inp}", "is no folder, nor a command with {inp} and {out}"),
        ("them=no_such_program {inp} {out}", "no_such_program cannot be run"),
        (f"them={sys.executable} -c 'import sys; sys.exit(\"no weights here\")' {{inp}} {{out}}", "no weights here"),
        (f"them={sys.executable} -c pass {{inp}} {{out}}", "out.wav: not readable as audio"),
    ],
)
def test_what_does_not_work_is_said(data, tmp_path, peer, message):
    with pytest.raises(UserError) as raised:
        decode_peer(Peer.parse(peer), data, tmp_path / "exp/them/decode/eval")
    assert message in str(raised.value)


def test_another_length_is_not_another_pronunciation(data, tmp_path):
    (tmp_path / "cut.py").write_text(HALVE.replace("fs // 2", "fs"))
    peer = Peer.parse(f"cut={sys.executable} {tmp_path}/cut.py {{inp}} {{out}}")
    with pytest.raises(UserError, match="what it made lasts 0.25 s, the recording 0.50 s"):
        decode_peer(peer, data, tmp_path / "exp/cut/decode/eval")
