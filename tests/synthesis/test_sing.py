"""A score in, singing out, by a singing model that ESPnet made."""

import shutil
import sys

import numpy as np
import pytest
import soundfile
import tiny_espnet as tiny
import torch
from score_files import note_xml, tempo_xml, write_xml

from espnet2_nhv.bin import sing as program
from espnet2_nhv.errors import UserError
from espnet2_nhv.espnet.singer import Singer, SungPhrase
from espnet2_nhv.feature.knobs import KnobSource
from espnet2_nhv.notation.read import read_song
from espnet2_nhv.synthesis.sing import DEFAULT, open_singer, sing, together
from espnet2_nhv.vocoder import build_vocoder, save_vocoder

CONF = dict(tiny.XIAOICE, f0_layers=1, f0_chans=8)


def voiced(model, acoustic):
    """With all frames voiced, whatever its random weights say: F0 of others is interpolated from those beside."""
    with torch.no_grad():
        acoustic.linear_projection.bias[-1] = 100.0
    return model


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A vocoder; a model that sings with it, its statistics beside it as when it was moved; a joint model."""
    root = tmp_path_factory.mktemp("models")
    torch.manual_seed(0)
    save_vocoder(build_vocoder("nhv", tiny.SPEC, **tiny.NHV), root / "nhv", "CC0-1.0", "nothing")
    stats = root / "stats.npz"
    np.savez(stats, count=2, sum=np.full(128, -6.0), sum_square=np.full(128, 18.5))
    normalize = dict(normalize="global_mvn", normalize_conf=dict(stats_file=str(stats)))
    args = tiny.singing_args("note_xiaoice", CONF, **normalize)
    model = tiny.SVSTask.build_model(args)
    tiny.save_model(root / "alone", args, voiced(model, model.svs))
    joint = tiny.joint(acoustic="note_xiaoice", acoustic_params=CONF)
    args = tiny.singing_args("joint_score2wav", joint, **normalize)
    model = tiny.GANSVSTask.build_model(args)
    tiny.save_model(root / "joint", args, voiced(model, model.svs.generator["score2mel"]))
    for name in ("alone", "joint"):
        shutil.copy(stats, root / name)
    stats.unlink()
    return root


@pytest.fixture
def score(tmp_path):
    """At 120 a minute: a rest of 0.5 s, "ka" A3 1 s, "o" E4 0.5 s and held F4 0.5 s, a rest of 1 s, "ko" A3 0.5 s."""
    bars = (
        tempo_xml(120) + note_xml(4) + note_xml(8, "A3", "か") + note_xml(4, "E4", "お"),
        note_xml(4, "F4") + note_xml(8) + note_xml(4, "A3", "こ"),
    )
    return write_xml(tmp_path / "song.musicxml", *bars)


@pytest.mark.parametrize("kind", ["alone", "joint"])
def test_notes_are_where_the_score_has_them(kind, models, score):
    singer = Singer(models / kind, models / "nhv")
    sung = []
    sing_phrase = singer.sing
    singer.sing = lambda *args: sung.append(sing_phrase(*args)) or sung[-1]
    wav = sing(read_song(score), singer)
    assert abs(len(wav) / 44100 - (0.5 + 2 + 1 + 0.5 + 0.25)) < 0.01 and np.isfinite(wav).all()
    rate = 44100 / 256
    first, second = sung
    for phrase, count in ((first, 6), (second, 4)):  # pau k a o o pau, pau k o pau
        assert len(phrase.frames) == count and abs(phrase.frames.sum() * 256 - len(phrase.wav)) <= 256
    assert first.start == pytest.approx(0.25) and second.start == pytest.approx(3.25)
    for time, note in ((0.6, 57), (1.3, 57), (1.7, 64), (2.3, 65)):
        heard = first.f0[round((time - first.start) * rate)]
        assert heard == pytest.approx(440 * 2 ** ((note - 69) / 12), rel=1e-3)
    silence = wav[round(2.8 * 44100) : round(3.2 * 44100)]
    assert not silence.any()


@pytest.mark.parametrize("kind", ["alone", "joint"])
def test_knobs_turn_in_the_time_of_the_song(kind, models, score, tmp_path):
    """6 dB less from 3 s on, where the second phrase is."""
    (tmp_path / "loudness.csv").write_text("time,loudness\n0,0\n2.9,0\n2.9,-6\n5,-6\n")
    np.save(tmp_path / "frames.npy", np.where(np.arange(800) * 256 / 44100 < 2.9, 0.0, -6.0))
    singer, song = Singer(models / kind, models / "nhv"), read_song(score)
    plain = sing(song, singer)
    split = round(3.0 * singer.fs)
    for curve in ("loudness.csv", "frames.npy"):
        turned = sing(song, singer, knobs=KnobSource(dict(loudness=str(tmp_path / curve))))
        np.testing.assert_allclose(turned[:split], plain[:split], atol=1e-6)
        np.testing.assert_allclose(turned[split:], plain[split:] * 10 ** (-6 / 20), atol=1e-5)
    assert np.abs(plain[split:]).max() > 1e-3
    np.testing.assert_array_equal(sing(song, singer), plain)


def test_knobs_that_a_vocoder_does_not_have_are_refused(models, score, tmp_path):
    save_vocoder(build_vocoder("griffinlim", tiny.SPEC), tmp_path / "gl", "none", "nothing")
    with pytest.raises(UserError, match="knobs"):
        sing(read_song(score), Singer(models / "alone", tmp_path / "gl"), knobs=KnobSource(dict(breathiness=3.0)))
    args = tiny.singing_args("joint_score2wav", tiny.joint("hifigan_generator", "note_xiaoice", CONF,
                                                            vocoder_params=dict(channels=32)))  # fmt: skip
    tiny.save_model(tmp_path / "stock", args, tiny.GANSVSTask.build_model(args))
    with pytest.raises(UserError, match="the vocoder within this model has no knobs"):
        sing(read_song(score), Singer(tmp_path / "stock"), knobs=KnobSource(dict(breathiness=3.0)))


def test_phrases_overlap_and_begin_before_the_score():
    parts = [
        SungPhrase(-0.1, np.full(200, 0.5, np.float32), None, None),
        SungPhrase(0.05, np.full(50, 0.7, np.float32), None, None),
    ]
    wav = together(parts, 1000)
    assert wav.tolist() == pytest.approx([0.5] * 50 + [1.0] * 50)


def run(*arguments):
    sys.argv = ["sing", *map(str, arguments)]
    program.main()


def test_program(models, score, tmp_path, capsys):
    out = tmp_path / "out.wav"
    run(score, out, "--model", models / "alone", "--vocoder", models / "nhv", "--tempo", 2, "--key_shift", 3)
    assert soundfile.info(out).duration == pytest.approx(2.0 + 0.25, abs=0.01)
    assert "out.wav: 2.2 s" in capsys.readouterr().out or soundfile.info(out).samplerate == 44100
    bad = write_xml(tmp_path / "bad.musicxml", note_xml(16, "A3", "か"), note_xml(16, "A3", "さ"))
    with pytest.raises(UserError, match="bar 2: 'さ' has the phoneme s, which this model has not learnt"):
        run(bad, out, "--model", models / "alone", "--vocoder", models / "nhv")
    with pytest.raises(UserError, match="no config.yaml, so it is not a trained singing model"):
        run(score, out, "--model", tmp_path)
    with pytest.raises(UserError, match="--breathiness is 99"):
        run(score, out, "--breathiness", 99)
    with pytest.raises(UserError, match="no part 'x'"):
        run(score, out, "--part", "x")


def test_other_models_are_refused(models, tmp_path, monkeypatch):
    (tmp_path / "config.yaml").write_text("svs: [")
    (tmp_path / "model.pth").write_bytes(b"")
    with pytest.raises(UserError, match="config.yaml: not"):
        Singer(tmp_path, models / "nhv")
    monkeypatch.setattr("espnet2_nhv.synthesis.sing.DEFAULT", tmp_path / "none")
    with pytest.raises(UserError, match="no default singing model"):
        open_singer()


def test_the_singer_that_comes_along_sings_its_song():
    folder = DEFAULT
    song = read_song(folder / "sakura.musicxml")
    assert song.notes[-1].end == pytest.approx(14 * 4 * 60 / 88)
    singer = open_singer()
    song.notes = song.notes[:6]  # sakura, sakura
    rate, heard = singer.rate, []
    sing_phrase = singer.sing
    singer.sing = lambda *args: heard.append(sing_phrase(*args)) or heard[-1]
    wav = sing(song, singer)
    for note in song.notes:
        middle = heard[0].f0[round(((note.start + note.end) / 2 - heard[0].start) * rate)]
        assert abs(12 * np.log2(middle / 440) + 69 - note.midi) < 1.0
        inside = wav[round((note.start + 0.1) * singer.fs) : round((note.end - 0.1) * singer.fs)]
        assert 0.003 < np.sqrt(np.mean(inside**2)) < 0.5
