"""Copy synthesis of long recordings, with a curve of one's own, a range, and features that are kept."""

import logging
import sys

import numpy as np
import pytest
import soundfile
from signals import FS, voice
from test_copy_synthesis import is_pitch

from espnet2_nhv.bin import copy_synthesis as command
from espnet2_nhv.bin import synthesize
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature import recording as recordings
from espnet2_nhv.feature.audio import load_audio
from espnet2_nhv.feature.mel import log_mel_of_long, mel_blocks
from espnet2_nhv.feature.pitch.analysis import extract_f0
from espnet2_nhv.feature.pitch.swift import Swift
from espnet2_nhv.feature.recording import open_recording
from espnet2_nhv.synthesis import copy_synthesis as module
from espnet2_nhv.synthesis.wav import write_wav, writing_wav


@pytest.fixture(scope="module")
def vocoder(tmp_path_factory):
    from espnet2_nhv.vocoder import build_vocoder, save_vocoder

    path = tmp_path_factory.mktemp("blocks") / "vocoder"
    save_vocoder(build_vocoder("nhv", channels=8, hidden=8, n_blocks=1, jitter=0.0), path, "CC0-1.0", "nothing")
    return path


def run(monkeypatch, program, *arguments):
    monkeypatch.setattr(sys, "argv", [program.__name__.rpartition(".")[2], *map(str, arguments)])
    program.main()


def song(fs, seconds=9.0):
    """Notes between rests; louder than full scale at the end."""
    wav = voice(220 * 2 ** (np.arange(int(seconds * FS)) // FS % 5 / 12), seconds)
    wav *= np.arange(len(wav)) % FS < 0.8 * FS
    return wav if fs == FS else np.interp(np.arange(int(seconds * fs)) / fs, np.arange(len(wav)) / FS, wav)


@pytest.mark.parametrize("fs", [FS, 48000])
def test_a_long_recording_is_what_a_short_one_is(fs, tmp_path, monkeypatch):
    soundfile.write(tmp_path / "a.wav", 8 * song(fs), fs, subtype="FLOAT")
    whole, said = load_audio(str(tmp_path / "a.wav"), FS, True, strict=False)
    monkeypatch.setattr(recordings, "LONG_SECONDS", 2.0)
    monkeypatch.setattr("espnet2_nhv.feature.audio.BLOCK", 10000)
    wav, warnings = open_recording(str(tmp_path / "a.wav"), FS, 0.02)
    assert not isinstance(wav, np.ndarray) and wav.shape == whole.shape and len(wav) == len(whole)
    np.testing.assert_allclose(wav[:], whole, atol=2e-6)
    np.testing.assert_allclose(wav[1234:5678], whole[1234:5678], atol=2e-6)
    assert warnings == said and any("turned down" in text for text in said)


def test_blocks_of_any_size_give_the_same_frames(monkeypatch):
    from signals import SPEC

    wav = song(FS)
    f0, vuv = extract_f0(wav, SPEC, "swift")
    mel = log_mel_of_long(wav.astype(np.float32), SPEC)
    for size in (4, 8):
        monkeypatch.setattr(Swift, "piece_seconds", size)
        f0_again, vuv_again = extract_f0(wav, SPEC, "swift")
        assert (vuv_again == vuv).all()
        # A sixth of a cent; five at a few jumps between notes and in the rests that are interpolated from there.
        np.testing.assert_allclose(f0_again, f0, rtol=4e-3)
        assert np.mean(np.abs(f0_again / f0 - 1)[vuv > 0] > 1e-4) < 0.01
    for size in (100, 333):
        blocks = list(mel_blocks(wav.astype(np.float32), SPEC, size))
        np.testing.assert_allclose(np.concatenate(blocks), mel, atol=1e-4)


@pytest.mark.parametrize("change", [[], ["--key_shift", 4, "--formant_shift", 1.1]])
def test_in_blocks_as_at_once(vocoder, tmp_path, monkeypatch, change):
    soundfile.write(tmp_path / "a.wav", song(FS), FS)
    options = "--vocoder", vocoder, "--f0_method", "dio", "--subtype", "FLOAT", *change
    with monkeypatch.context() as patch:
        patch.setattr(module, "stream_of", lambda vocoder: None)
        run(monkeypatch, command, tmp_path / "a.wav", tmp_path / "whole.wav", *options)
    monkeypatch.setattr(recordings, "LONG_SECONDS", 2.0)
    monkeypatch.setattr(module, "mel_blocks", lambda wav, spec: mel_blocks(wav, spec, 300))
    run(monkeypatch, command, tmp_path / "a.wav", tmp_path / "blocks.wav", *options)
    whole, blocks = (soundfile.read(tmp_path / f"{name}.wav")[0] for name in ("whole", "blocks"))
    assert len(whole) == len(blocks) == len(song(FS)) // 256 * 256
    np.testing.assert_allclose(blocks, whole, atol=1e-4)


def test_ones_own_curve_is_sung(vocoder, tmp_path, monkeypatch):
    soundfile.write(tmp_path / "a.wav", voice(220.0, 1.5), FS)
    (tmp_path / "a.csv").write_text("0.0,300\n0.75,300\n1.5,300\n")
    (tmp_path / "late.csv").write_text("0.0,300\n4.0,300\n")
    options = "--vocoder", vocoder, "--f0"
    run(monkeypatch, command, tmp_path / "a.wav", tmp_path / "x.wav", *options, tmp_path / "a.csv")
    assert is_pitch(tmp_path / "x.wav", 300) and not is_pitch(tmp_path / "x.wav", 220)
    with pytest.raises(UserError, match="a pitch at 4.00 s, but the recording ends at 1.50 s"):
        run(monkeypatch, command, tmp_path / "a.wav", tmp_path / "y.wav", *options, tmp_path / "late.csv")
    with pytest.raises(UserError, match="--f0 gives the F0 and --f0_method dio would look for it"):
        run(monkeypatch, command, tmp_path / "a.wav", tmp_path / "y.wav", *options, "a.csv", "--f0_method", "dio")
    # Of a folder, each recording has the curve that is called as it is.
    (tmp_path / "in").mkdir()
    for name in ("b", "c"):
        soundfile.write(tmp_path / "in" / f"{name}.wav", voice(220.0, 0.5), FS)
    (tmp_path / "in" / "b.csv").write_text("0,250\n0.5,250\n")
    with pytest.raises(SystemExit, match="1 files were left out"):
        run(monkeypatch, command, tmp_path / "in", tmp_path / "out", *options, tmp_path / "in")
    assert (tmp_path / "out" / "b.wav").exists() and not (tmp_path / "out" / "c.wav").exists()


def test_a_range_too_narrow_is_told_of(vocoder, tmp_path, monkeypatch, caplog):
    soundfile.write(tmp_path / "a.wav", voice(1500.0, 1.5), FS)
    options = tmp_path / "a.wav", tmp_path / "x.wav", "--vocoder", vocoder, "--f0_method", "swift"
    with caplog.at_level(logging.WARNING):
        run(monkeypatch, command, *options)
    assert "100% of what is loud and periodic has a pitch beyond 50 to 1200 Hz" in caplog.text
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        run(monkeypatch, command, *options, "--f0_ceil", 2500)
    assert "beyond" not in caplog.text
    with pytest.raises(UserError, match="--f0_ceil is 9000 Hz: give 40 to 2500"):
        run(monkeypatch, command, *options, "--f0_ceil", 9000)


def test_features_are_kept_and_sung_again(vocoder, tmp_path, monkeypatch):
    soundfile.write(tmp_path / "a.wav", song(FS, 2.0), FS)
    options = "--vocoder", vocoder, "--subtype", "FLOAT"
    kept = tmp_path / "kept"
    run(monkeypatch, command, tmp_path / "a.wav", tmp_path / "x.wav", *options, "--keep_features", kept)
    with np.load(kept / "a.npz") as features:
        assert features["mel"].shape == (len(features["f0"]), 128) and set(features) == {"mel", "f0", "vuv"}
    run(monkeypatch, synthesize, "--mel", kept, "--out", tmp_path / "again", *options)
    first, again = (soundfile.read(tmp_path / name)[0] for name in ("x.wav", "again/a.wav"))
    np.testing.assert_allclose(again, first, atol=1e-4)
    with pytest.raises(UserError, match="features of another spec are kept there"):
        extra = "--keep_features", kept, "--f0_ceil", 900
        run(monkeypatch, command, tmp_path / "a.wav", tmp_path / "x.wav", *options, *extra)


def test_blocks_of_a_wav_file_are_the_file(tmp_path):
    wav = 0.5 * np.sin(np.arange(5000) / 9.0).astype(np.float32)
    for subtype in ("PCM_16", "FLOAT"):
        write_wav(tmp_path / "whole.wav", wav, FS, subtype)
        with writing_wav(tmp_path / "blocks.wav", len(wav), FS, subtype) as write:
            for block in np.array_split(wav, 7):
                write(block)
        assert (soundfile.read(tmp_path / "whole.wav")[0] == soundfile.read(tmp_path / "blocks.wav")[0]).all()
    with pytest.raises(OSError, match="No space left"):
        with writing_wav(tmp_path / "short.wav", 100000, FS) as write:
            write(wav)  # as if the disk had taken no more
    assert not (tmp_path / "short.wav").exists()
    (tmp_path / "full.wav.part").symlink_to("/dev/full")
    with pytest.raises(OSError, match="full.wav"), writing_wav(tmp_path / "full.wav", 100000, FS) as write:
        write(wav)


def test_synthesize_takes_a_table_and_midi(vocoder, tmp_path, monkeypatch):
    import mido

    np.save(tmp_path / "song.npy", np.full((200, 128), -2.0, np.float32))
    (tmp_path / "any.csv").write_text("time,f0\n0.0,300\n0.6,300\n1.1,300\n")
    file, track = mido.MidiFile(), mido.MidiTrack()
    file.tracks.append(track)
    track += [mido.Message("note_on", note=62, time=0), mido.Message("note_off", note=62, time=1060)]
    file.save(tmp_path / "any.mid")
    options = "--vocoder", vocoder, "--mel", tmp_path / "song.npy"
    for name, pitch in (("any.csv", 300), ("any.mid", 293.66)):
        run(monkeypatch, synthesize, *options, "--f0", tmp_path / name, "--out", tmp_path / "out")
        assert is_pitch(tmp_path / "out" / "song.wav", pitch)
    (tmp_path / "any.csv").write_text("0.0,300\n3.0,300\n")
    with pytest.raises(UserError, match="a pitch at 3.00 s, but the recording ends at 1.16 s"):
        run(monkeypatch, synthesize, *options, "--f0", tmp_path / "any.csv", "--out", tmp_path / "out2")
