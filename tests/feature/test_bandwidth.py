"""What band recordings really have: their own content must not decide it, what was done to them must."""

import numpy as np
import pytest
import soundfile
from scipy.signal import butter, sosfilt

from espnet2_nhv.feature.bandwidth import measure_bandwidths
from espnet2_nhv.feature.report import print_narrow

FS = 44100


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def sing(seed=0, seconds=2.0, noise=1e-4, dull=False):
    """A voice that swells and fades: harmonics to the top with a tilt, an s in the middle, a room's noise."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * FS)) / FS
    harmonics = np.arange(1, int((3000 if dull else FS / 2) / 220))
    tone = sum(np.sin(2 * np.pi * 220 * k * time + k * k) / k for k in harmonics) * 0.1
    loud = np.interp(time, [0, 0.3, 0.5, 0.9, 1.1, 1.6, 1.8, seconds], [0, 0, 1, 1, 0.1, 1, 0, 0])
    hiss = 0 if dull else 0.02 * np.exp(-(((time - 1.0) / 0.05) ** 2)) * rng.standard_normal(len(time))
    return tone * loud + hiss + noise * rng.standard_normal(len(time))


def coded(wav, cutoff):
    """As a codec does it: nothing is left above."""
    spectrum = np.fft.rfft(wav)
    spectrum[np.fft.rfftfreq(len(wav), 1 / FS) > cutoff] = 0
    return np.fft.irfft(spectrum, len(wav))


def low_passed(wav, cutoff, order=8):
    return sosfilt(butter(order, cutoff, fs=FS, output="sos"), wav)


def measure(wavs, utt2spk=None):
    for name, wav in wavs.items():
        soundfile.write(f"{name}.flac", wav, FS, subtype="PCM_16")
    return measure_bandwidths({name: f"{name}.flac" for name in wavs}, utt2spk or dict.fromkeys(wavs, "x"), FS)


def test_nothing_ends_it():
    assert measure({"a": sing(0), "b": sing(1)}) == {"a": FS / 2, "b": FS / 2}


@pytest.mark.parametrize("cutoff", [6000, 11000, 16500])
def test_codec(cutoff):
    found = measure({name: coded(sing(seed), cutoff) for seed, name in enumerate("abc")})
    assert all(cutoff - 500 <= hz <= cutoff for hz in found.values()), found


def test_room_noise_hides_the_voice():
    """Where a constant noise is louder than the voice ever gets, the band is the noise's, and its line at 15.7 kHz."""
    line = 0.003 * np.sin(2 * np.pi * 15700 * np.arange(2 * FS) / FS)
    found = measure({name: low_passed(sing(seed, noise=0), 9000) for seed, name in enumerate("abc")})
    noise = {seed: 3e-3 * np.random.default_rng(9 + seed).standard_normal(2 * FS) for seed in range(3)}
    wavs = {name: low_passed(sing(seed, noise=0), 9000) + noise[seed] + line for seed, name in enumerate("abc")}
    noisy = measure(wavs)
    assert max(noisy.values()) < 10000 < min(found.values())


def test_a_dull_song_is_not_a_narrow_recording():
    """One utterance without an s takes the band of its speaker's others; one alone ends at 4 kHz at the lowest."""
    wavs = {"a": sing(0), "b": sing(1), "dull": sing(2, dull=True)}
    assert measure(wavs)["dull"] == FS / 2
    assert measure({"dull": wavs["dull"]})["dull"] == 4000


def test_one_mp3_among_others_and_speakers_apart():
    wavs = {"a": sing(0), "b": sing(1), "c": sing(2), "mp3": coded(sing(3), 12000)}
    found = measure(wavs)
    assert found["a"] == FS / 2 and 11500 <= found["mp3"] <= 12000
    others = measure({**wavs, "d": coded(sing(4), 8000)}, {**dict.fromkeys(wavs, "x"), "d": "y"})
    assert others == {**found, "d": pytest.approx(8000, abs=500)}


def test_silence_and_snippets_say_nothing():
    short, silent = sing()[:3000], np.zeros(FS)
    assert measure({"short": short, "silent": silent, "a": sing(0)}) == dict.fromkeys(["short", "silent", "a"], FS / 2)
    # Zeros around a voice are not its noise floor.
    gated = np.concatenate([np.zeros(FS), low_passed(sing(0, noise=3e-3), 9000, 4), np.zeros(FS)])
    assert measure({"gated": gated})["gated"] < FS / 2


def test_whose_recordings_are_narrow_is_said(capsys):
    utt2spk = {f"{speaker}{n}": speaker for speaker in "abcdefgh" for n in range(2)}
    bandwidths = {utt: FS / 2 if speaker in "ab" else 12000.0 for utt, speaker in utt2spk.items()}
    bandwidths["a1"] = 15750.0
    print_narrow(bandwidths, utt2spk, FS, "dump/x")
    assert capsys.readouterr().err == (
        "dump/x: recordings that end below 22.05 kHz: a (1 of 2, up to 15.8 kHz), c (2 of 2, up to 12.0 kHz), "
        "d (2 of 2, up to 12.0 kHz), e (2 of 2, up to 12.0 kHz), f (2 of 2, up to 12.0 kHz) and 2 more; "
        "all in dump/x/utt2bandwidth\n"
    )
    print_narrow(dict.fromkeys(bandwidths, FS / 2), utt2spk, FS, "dump/x")
    assert capsys.readouterr().err == ""
