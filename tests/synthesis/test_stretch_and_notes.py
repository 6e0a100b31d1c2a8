"""Recordings sung in another time, and note by note at another pitch."""

import sys

import numpy as np
import pytest
import soundfile
import torch
from exports import save_small

from espnet2_nhv import load_vocoder
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.knobs import KnobSource
from espnet2_nhv.feature.pitch.note_moves import NoteMoves
from espnet2_nhv.synthesis.change import Change, ChangedFeatures

FS = 44100


@pytest.fixture(scope="module")
def vocoder(tmp_path_factory):
    return save_small(tmp_path_factory.mktemp("stretch") / "saved")


def test_blocks_of_any_size_are_stretched_alike(vocoder):
    vocoder = load_vocoder(vocoder)
    rng = np.random.default_rng(0)
    mel = torch.from_numpy(rng.standard_normal((300, 128)).astype(np.float32))
    f0, vuv = np.linspace(100, 200, 300).astype(np.float32), (np.arange(300) % 100 > 20).astype(np.float32)
    knobs = KnobSource(dict(loudness=-3))
    for factor in (0.5, 1.7):
        wholes = []
        for size in (300, 64, 1):
            changed = ChangedFeatures(vocoder, Change(stretch=factor), knobs, NoteMoves(), f0, vuv, 300, "a")
            blocks = torch.cat(list(changed.blocks(mel.split(size))))
            assert len(blocks) == changed.n_frames == round(factor * 300)
            assert all(len(curve) == changed.n_frames for curve in changed.curves.values())
            wholes.append(blocks)
        for other in wholes[1:]:
            torch.testing.assert_close(other, wholes[0])


def test_command_line(vocoder, own_folder, monkeypatch):
    from espnet2_nhv.bin import copy_synthesis

    time = np.arange(FS) / FS
    soundfile.write("a.wav", 0.1 * np.sign(np.sin(2 * np.pi * 220 * time)), FS)
    (own_folder / "notes.csv").write_text("0.5,1.0,12\n")
    (own_folder / "f0.csv").write_text("0,220\n1,220\n")

    def run(*arguments):
        threads = torch.get_num_threads()
        common = ["copy", "a.wav", "b.wav", "--vocoder", str(vocoder), "--f0", "f0.csv"]
        monkeypatch.setattr(sys, "argv", [*common, *arguments])
        try:
            copy_synthesis.main()
        finally:
            torch.set_num_threads(threads)
        return soundfile.read("b.wav")[0]

    def pitch(wav):
        spectrum = np.abs(np.fft.rfft(wav * np.hanning(len(wav)), 2**18))
        lags = np.fft.irfft(np.log(spectrum + 1e-6))[FS // 600 : FS // 150]
        return FS / (FS // 600 + np.argmax(lags))

    wav = run("--stretch", "1.5", "--voicing", "12", "--breathiness", "-60")
    assert len(wav) == round(1.5 * (FS // 256)) * 256
    assert pitch(wav[FS // 4 : FS]) == pytest.approx(220, rel=0.02)
    wav = run("--notes", "notes.csv", "--voicing", "12", "--breathiness", "-60")
    assert pitch(wav[4000:20000]) == pytest.approx(220, rel=0.02)
    assert pitch(wav[26000:42000]) == pytest.approx(440, rel=0.02)
    for arguments, words in ((["--stretch", "9"], "stretch is 9"), (["--notes", "no.csv"], "no such table of notes")):
        with pytest.raises(UserError, match=words):
            run(*arguments)
