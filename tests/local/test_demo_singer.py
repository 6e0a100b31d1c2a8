"""The built-in corpus: its F0 is the true one, and it is singing rather than clicks."""

import sys

import demo_data
import numpy as np
import pytest
import pyworld
import soundfile
from demo_data import PHRASES, VOICES, compose
from demo_singer import FS, RATE, STEP, Note, _pulse_train, sing
from scipy.signal import butter, sosfilt


def _rng():
    return np.random.default_rng(0)


def _rms_db(wav):
    return 10 * np.log10(np.mean(np.square(wav)))


@pytest.mark.parametrize("name", VOICES)
def test_f0_is_the_one_world_finds(demo_wavs, name):
    wav, f0 = demo_wavs[name]
    found, times = pyworld.dio(wav, FS, 60, 1200, frame_period=1000 / RATE)
    found = pyworld.stonemask(wav, found, times, FS)[: len(f0)]
    both = (found > 0) & (f0 > 0)
    cents = np.abs(1200 * np.log2(found[both] / f0[both]))
    assert 0.6 < (f0 > 0).mean() < 0.95
    assert ((found > 0) != (f0 > 0)).mean() < 0.08
    assert (cents > 50).mean() < 0.03
    assert np.sqrt(np.mean(cents[cents <= 50] ** 2)) < 10


@pytest.mark.parametrize("name", VOICES)
def test_level_and_floor(demo_wavs, name):
    wav, f0 = demo_wavs[name]
    assert len(wav) == STEP * len(f0)
    assert 20 * np.log10(np.abs(wav).max()) == pytest.approx(-3, abs=0.1)
    assert -95 < _rms_db(wav[: int(0.15 * FS)]) < -75
    voiced = np.repeat(f0 > 0, STEP)
    assert -27 < _rms_db(wav[voiced]) < -8


def test_pulse_train_is_the_sum_of_its_harmonics():
    f0 = np.linspace(990, 1130, 4000)
    phase = np.cumsum(f0 / FS)
    wanted = np.zeros(len(f0))
    for harmonic in range(1, 30):
        room = np.clip(FS / 2 / f0 - harmonic, 0, 1)  # the top one fades
        wanted += room * np.cos(2 * np.pi * harmonic * phase)
    assert np.abs(_pulse_train(phase, f0) - wanted).max() < 1e-8


def test_gliding_formants_do_not_click():
    notes = [Note(0.2), *(Note(0.25, 60, vowel) for vowel in "uaiaoaeauiau"), Note(0.2)]
    wav, f0 = sing(notes, VOICES["alto"], _rng())
    treble = sosfilt(butter(6, (16000, 21000), "band", fs=FS, output="sos"), wav)
    frames = np.lib.stride_tricks.sliding_window_view(treble, 256)[::128]
    energy = 10 * np.log10(np.mean(frames**2, axis=1))[100:-100]
    assert energy.max() - np.median(energy) < 9


def test_harmonics_reach_far_up():
    wav, f0 = sing(compose(VOICES["alto"], 1, _rng()), VOICES["alto"], _rng())
    # A line at each harmonic, high ones too, and less between them (at 0.5 f0 beside, where only breath is).
    contrast = {1: [], 10: [], 30: []}
    for start in range(3 * FS, 4 * FS, 1024):
        spectrum = 20 * np.log10(np.abs(np.fft.rfft(wav[start : start + 2048] * np.hanning(2048), 1 << 15)) + 1e-9)
        note = f0[(start + 1024) // STEP] * (1 << 15) / FS  # bins
        for harmonic, values in contrast.items():
            values.append(spectrum[round(harmonic * note)] - spectrum[round((harmonic + 0.5) * note)])
    assert np.median(contrast[1]) > 30 and np.median(contrast[10]) > 15 and np.median(contrast[30]) > 5, contrast


def test_vowels_differ_in_their_formants():
    def share(vowel, low, high):
        wav, _ = sing([Note(0.2), Note(1.0, 50, vowel), Note(0.2)], VOICES["tenor"], _rng())
        power = np.abs(np.fft.rfft(wav)) ** 2
        frequency = np.fft.rfftfreq(len(wav), 1 / FS)
        return power[(frequency > low) & (frequency < high)].sum() / power.sum()

    assert share("a", 550, 1300) > 0.5 > 0.2 > share("i", 550, 1300)
    assert share("i", 1700, 3500) > 2 * share("o", 1700, 3500)


def test_same_seed_same_song():
    notes = compose(VOICES["bass"], 2, _rng())
    assert notes == compose(VOICES["bass"], 2, _rng())
    one, other = (sing(notes[:6], VOICES["bass"], _rng()) for _ in range(2))
    assert np.array_equal(one[0], other[0]) and np.array_equal(one[1], other[1])


def test_ranges_of_the_voices():
    for name, low, high in (("bass", 90, 200), ("soprano", 300, 950)):
        _, f0 = sing(compose(VOICES[name], 0, _rng()), VOICES[name], _rng())
        assert f0[f0 > 0].min() < low and f0.max() > high


def _small_corpus(monkeypatch, tmp_path, *options, voices=("bass",), **phrases):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(demo_data, "PHRASES", phrases)
    monkeypatch.setattr(demo_data, "VOICES", {name: VOICES[name] for name in voices})
    monkeypatch.setattr(sys, "argv", ["demo_data.py", *options])
    demo_data.main()


def test_length_of_the_corpus(monkeypatch, tmp_path):
    lengths = {}
    monkeypatch.setattr(demo_data, "sing", lambda notes, *_: (np.array([sum(n.seconds for n in notes)]), np.zeros(1)))
    monkeypatch.setattr(demo_data, "write_wav", lambda path, wav, *_: lengths.update({path.stem: wav[0]}))
    demo_data.write_corpus(tmp_path)
    assert all(4 < seconds < 8 for seconds in lengths.values()), lengths
    total = {set_: sum(v for k, v in lengths.items() if f"_{set_}_" in k) for set_ in PHRASES}
    assert 160 < total["train"] < 220 and 20 < total["dev"] < 30 and 20 < total["eval"] < 30


def test_corpus_is_written_once(monkeypatch, tmp_path, capsys):
    _small_corpus(monkeypatch, tmp_path, train=1, dev=1, eval=1)
    wav_scp = dict(line.split() for line in (tmp_path / "data/eval/wav.scp").read_text().splitlines())
    true_f0 = dict(line.split() for line in (tmp_path / "data/eval/true_f0.scp").read_text().splitlines())
    assert list(wav_scp) == list(true_f0) == ["bass_eval_00"]
    wav, fs = soundfile.read(wav_scp["bass_eval_00"])
    assert fs == FS and len(wav) == STEP * len(np.load(true_f0["bass_eval_00"]))
    files = sorted((tmp_path / "downloads").rglob("*.wav"))
    before = [(path.stat().st_mtime_ns, path.read_bytes()) for path in files]
    _small_corpus(monkeypatch, tmp_path, train=1, dev=1, eval=1)
    assert [path.stat().st_mtime_ns for path in files] == [mtime for mtime, _ in before]
    (tmp_path / "downloads/demo/version").write_text("another")
    _small_corpus(monkeypatch, tmp_path, train=1, dev=1, eval=1)
    assert [path.read_bytes() for path in files] == [data for _, data in before]


def test_eval_of_one_voice(monkeypatch, tmp_path):
    monkeypatch.setattr(demo_data, "sing", lambda *_: (np.zeros(STEP), np.zeros(1)))
    options = "--eval_voices", "soprano"
    _small_corpus(monkeypatch, tmp_path, *options, voices=("bass", "soprano"), train=1, dev=1, eval=1)
    singers = {name: (tmp_path / f"data/{name}/utt2spk").read_text().split()[1::2] for name in ("train", "dev", "eval")}
    assert singers == dict(train=["bass", "soprano"], dev=["bass", "soprano"], eval=["soprano"])
