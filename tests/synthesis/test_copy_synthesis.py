"""Copy synthesis of any recording: pitch and formants go where they are told, nothing is lost on the way."""

import sys
from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile
import torch
from exports import save_small

from espnet2_nhv.bin import copy_synthesis as command
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.mel import LogMel, log_mel_of_long
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.feature.warp import between_harmonics, shift_formants


@pytest.fixture(scope="module")
def vocoder(tmp_path_factory):
    """A vocoder that does what the mel says: its network is silent."""
    from espnet2_nhv.vocoder import build_vocoder, save_vocoder

    path = tmp_path_factory.mktemp("copy") / "vocoder"
    save_vocoder(build_vocoder("nhv", channels=8, hidden=8, n_blocks=1), path, "CC0-1.0", "nothing")
    return path


def vowel(fs, seconds=0.9, f0=200.0):
    """A buzz through two resonances."""
    time = np.arange(int(fs * seconds)) / fs
    harmonics = np.arange(1, int(min(fs, 40000) / 2 / f0)) * f0
    gain = sum(1 / (1 + ((harmonics - centre) / 150) ** 2) for centre in (800, 1800)) + 0.1
    return 0.05 * (gain[:, None] * np.cos(2 * np.pi * harmonics[:, None] * time + harmonics[:, None])).sum(axis=0)


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["copy_synthesis", *map(str, arguments)])
    command.main()


def periodicity(path, frequency):
    """Autocorrelation, relative to the power, after one period of a frequency (Hz)."""
    wav, fs = soundfile.read(path)
    assert fs == 44100 and wav.ndim == 1
    autocorrelation = np.fft.irfft(np.abs(np.fft.rfft(wav, 2 * len(wav))) ** 2)
    return np.interp(fs / frequency, np.arange(len(wav)), autocorrelation[: len(wav)]) / autocorrelation[0]


def is_pitch(path, frequency):
    """Whether a sound, of which half is noise, repeats after a period, and less a bit off it or after half of one."""
    around = [periodicity(path, frequency * 2 ** (cents / 1200)) for cents in (-25, 0, 25)]
    return around[1] > 0.3 and around[1] == max(around) and 0.9 * around[1] > periodicity(path, 2 * frequency)


@pytest.mark.parametrize("options, expected", [([], 200), (["--key_shift", 7], 299.66), (["--f0_scale", 0.5], 100)])
def test_any_rate_and_stereo_at_the_wanted_pitch(vocoder, tmp_path, monkeypatch, options, expected):
    rates = {0: 48000, 7: 16000, 0.5: 22050}
    fs = rates[options[1] if options else 0]
    voice = vowel(fs)
    soundfile.write(tmp_path / "in.flac", np.stack([voice, 0.5 * voice], axis=1), fs)
    run(monkeypatch, tmp_path / "in.flac", tmp_path / "out.wav", "--vocoder", vocoder, *options)
    assert soundfile.info(tmp_path / "out.wav").duration == pytest.approx(0.9, abs=0.01)
    out = tmp_path / "out.wav"
    assert is_pitch(out, expected), [periodicity(out, expected * 2 ** (k / 48)) for k in (-1, 0, 1, 48)]


def test_formants_move_and_the_pitch_stays(vocoder, tmp_path, monkeypatch):
    soundfile.write(tmp_path / "in.wav", vowel(44100), 44100)

    def loudest(path):
        wav, fs = soundfile.read(path)
        below = int(1300 * len(wav) / fs)  # of the lower resonance's harmonics
        return np.argmax(np.abs(np.fft.rfft(wav * np.hanning(len(wav))))[:below]) * fs / len(wav)

    for shift, expected in ((1.0, 800), (1.25, 1000), (0.75, 600)):
        out = tmp_path / f"{shift}.wav"
        run(monkeypatch, tmp_path / "in.wav", out, "--vocoder", vocoder, "--formant_shift", shift, "--f0_method", "dio")
        assert loudest(out) == pytest.approx(expected, abs=5)
        assert is_pitch(out, 200), periodicity(out, 200)


def band_centres(spec):
    return librosa.mel_frequencies(spec.n_mels + 2, fmin=spec.fmin, fmax=spec.fmax)[1:-1]


def test_levels_at_harmonics_are_kept_and_joined():
    """A comb of harmonics under a straight line becomes the line."""
    spec, f0 = FeatureSpec(), np.array([300.0, 450.0])
    centres = band_centres(spec)
    line = -1.0 - centres / 8000
    comb = line - 0.8 * (1 - np.cos(2 * np.pi * centres / f0[:, None])) / 2
    smooth = between_harmonics(torch.from_numpy(comb).float(), f0, spec).numpy()
    inside = (centres > 500) & (centres < 3000)
    # The bands' centres, 40 Hz apart, miss the combs' tops by a little.
    np.testing.assert_allclose(smooth[:, inside], np.tile(line[inside], (2, 1)), atol=0.15)
    assert np.abs(comb - line)[:, inside].max() > 0.7


def test_formant_shift_moves_a_peak_to_its_place():
    spec = FeatureSpec()
    centres = band_centres(spec)
    peak = -(((np.log(centres) - np.log(1000)) / 0.3) ** 2)
    mel = torch.from_numpy(np.tile(peak, (3, 1))).float()
    for scale in (0.7, 1.3):
        expected = -(((np.log(centres) - np.log(1000 * scale)) / 0.3) ** 2)
        inside = (centres / scale > spec.fmin * 2) & (centres / scale < centres[-1]) & (expected > -8)
        np.testing.assert_allclose(shift_formants(mel, spec, scale)[1].numpy()[inside], expected[inside], atol=0.1)
    assert torch.equal(shift_formants(mel, spec, 1.0), mel)
    with pytest.raises(UserError, match="formant shift of 9"):
        shift_formants(mel, spec, 9)


@pytest.mark.parametrize("length", [300, 5000, 256 * 64, 256 * 64 + 200, 41000])
def test_mel_in_blocks_is_the_mel(length):
    wav = np.random.default_rng(0).standard_normal(length).astype(np.float32)
    spec = FeatureSpec()
    whole = LogMel(spec)(torch.from_numpy(wav))[0].T
    np.testing.assert_allclose(log_mel_of_long(wav, spec, block_frames=32), whole, atol=1e-5)


def test_folder_goes_on_and_leaves_out_what_is_bad(vocoder, tmp_path, monkeypatch, caplog):
    source, out = tmp_path / "in", tmp_path / "out"
    (source / "more").mkdir(parents=True)
    soundfile.write(source / "a.wav", vowel(16000, 0.3), 16000)
    soundfile.write(source / "more" / "b.ogg", vowel(44100, 0.3), 44100)
    soundfile.write(source / "silent.wav", np.zeros(9000), 44100)
    (source / "bad.wav").write_text("no audio")
    arguments = source, out, "--vocoder", vocoder, "--f0_method", "dio"
    with pytest.raises(SystemExit, match="1 files were left out"):
        run(monkeypatch, *arguments)
    assert "bad.wav: cannot be read" in caplog.text
    made = {path.relative_to(out).as_posix() for path in out.rglob("*.wav")}
    assert made == {"a.wav", "more/b.wav", "silent.wav"}
    assert np.abs(soundfile.read(out / "silent.wav")[0]).max() < 1e-4

    before = (out / "a.wav").stat()
    (out / "silent.wav").unlink()
    (source / "bad.wav").unlink()
    run(monkeypatch, *arguments)
    assert (out / "silent.wav").exists() and (out / "a.wav").stat().st_mtime_ns == before.st_mtime_ns
    run(monkeypatch, *arguments, "--key_shift", "1")  # other settings: all anew
    assert (out / "a.wav").stat().st_ino != before.st_ino  # two files made in one tick have one date


def test_list_of_files(vocoder, tmp_path, monkeypatch):
    soundfile.write(tmp_path / "a.wav", vowel(16000, 0.3), 16000)
    (tmp_path / "wav.scp").write_text(f"song1 {tmp_path}/a.wav\n")
    run(monkeypatch, tmp_path / "wav.scp", tmp_path / "out", "--vocoder", vocoder, "--f0_method", "dio")
    assert (tmp_path / "out" / "song1.wav").exists()


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["missing.wav", "out.wav"], "missing.wav"),
        (["a.wav", "no/such/out.wav"], "no folder"),
        (["a.wav", "a.wav"], "a.wav is the recording itself, which would be lost"),
        (["a.wav", "."], "a.wav is the recording itself, which would be lost"),
        ([".", "."], "a.wav would be lost: results of that name are written there"),
        (["a.scp", "."], "a.wav would be lost: results of that name are written there"),
        ([".", "./empty/.."], "a.wav would be lost"),
        (["a.wav", "out.mp3"], "what is written is wav: call it out.wav"),
        (["a.wav", "out.wav", "--f0_scale", "0"], "f0_scale"),
        (["a.wav", "out.wav", "--f0_scale", "100"], "smaller shift"),
        (["a.wav", "out.wav", "--key_shift", "nan"], "key_shift"),
        (["a.wav", "out.wav", "--formant_shift", "-1"], "formant_shift"),
        (["empty", "out"], "no file ending in"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(vocoder, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    soundfile.write("a.wav", vowel(16000, 0.2), 16000)
    (tmp_path / "a.scp").write_text("a a.wav\n")
    before = (tmp_path / "a.wav").read_bytes()
    with pytest.raises(UserError, match=words) as error:
        run(monkeypatch, *arguments, "--vocoder", vocoder, "--f0_method", "dio")
    assert "\n" not in str(error.value) and not list(tmp_path.glob("out*"))
    assert (tmp_path / "a.wav").read_bytes() == before


def test_results_among_the_recordings_are_not_read_again(vocoder, tmp_path, monkeypatch):
    soundfile.write(tmp_path / "a.wav", vowel(16000, 0.2), 16000)
    for _ in range(2):
        run(monkeypatch, tmp_path, tmp_path / "out", "--vocoder", vocoder, "--f0_method", "dio")
    assert [path.relative_to(tmp_path) for path in sorted(tmp_path.rglob("*.wav"))] == [
        Path("a.wav"),
        Path("out/a.wav"),
    ]


def test_without_a_default_vocoder_one_must_be_named(tmp_path, monkeypatch):
    from espnet2_nhv.synthesis import default

    monkeypatch.setattr(default, "DEFAULT", tmp_path / "none")
    with pytest.raises(UserError, match="--vocoder DIR"):
        run(monkeypatch, "a.wav", "b.wav")


def test_exported_vocoders_do_the_same(tmp_path, monkeypatch):
    from espnet2_nhv.export.export import export

    soundfile.write(tmp_path / "a.wav", vowel(44100, 0.3), 44100)
    (whole, _), _ = export(save_small(tmp_path / "saved"), "onnx", tmp_path)
    run(monkeypatch, tmp_path / "a.wav", tmp_path / "x.wav", "--vocoder", whole, "--f0_method", "dio")
    assert np.abs(soundfile.read(tmp_path / "x.wav")[0]).max() > 0.01


def test_a_vocoder_that_analyses_the_recording_itself(tmp_path, monkeypatch):
    from espnet2_nhv.vocoder import build_vocoder, save_vocoder

    save_vocoder(build_vocoder("world"), tmp_path / "world", "none", "nothing")
    soundfile.write(tmp_path / "a.wav", vowel(44100, 0.3), 44100)
    run(monkeypatch, tmp_path / "a.wav", tmp_path / "x.wav", "--vocoder", tmp_path / "world")
    assert is_pitch(tmp_path / "x.wav", 200)
    with pytest.raises(UserError, match="analyses recordings itself"):
        run(monkeypatch, tmp_path / "a.wav", tmp_path / "x.wav", "--vocoder", tmp_path / "world", "--key_shift", "1")
