"""F0 curves out of the files that programs write."""

import kaldiio
import mido
import numpy as np
import pytest
from signals import FS, SPEC

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.pitch.analysis import extract_f0
from espnet2_nhv.feature.pitch.curve import Curve
from espnet2_nhv.feature.pitch.curve_files import find_curve, read_curve

SECONDS = 2.0
WAV = np.zeros(int(SECONDS * FS))
MOMENTS = np.arange(len(WAV) // 256) * 256 / FS
# What is sung: 200 to 400 Hz from 0.5 to 1.5 s, silence around.
TRUE = 200 * 2 ** (MOMENTS - 0.5)
SUNG = (MOMENTS >= 0.5) & (MOMENTS <= 1.5)


def _rows(step=0.01):
    time = np.arange(0, SECONDS, step)
    sung = (time >= 0.5) & (time <= 1.5)
    return [(t, 200 * 2 ** (t - 0.5) if yes else 0.0) for t, yes in zip(time, sung)]


def _written(tmp_path, text, name="song.csv"):
    (tmp_path / name).write_text(text)
    return tmp_path / name


def _check(f0, vuv, within=0.012):
    edge = np.minimum(np.abs(MOMENTS - 0.5), np.abs(MOMENTS - 1.5)) < within
    assert ((vuv > 0) == SUNG)[~edge].all()
    assert np.abs(1200 * np.log2(f0 / TRUE))[SUNG & ~edge].max() < 2


TEXTS = {
    "vocadito.csv": lambda: "".join(f"{t:.6f},{f:.3f}\n" for t, f in _rows(0.0058)),
    "tony.csv": lambda: "".join(f"{t:.9f},{f:.3f}\n" for t, f in _rows(0.0058) if f),  # unvoiced rows left out
    "tony_minus.csv": lambda: "".join(f"{t:.9f},{f or -150.0:.3f}\n" for t, f in _rows()),
    "praat.txt": lambda: "Time_s   F0_Hz\n" + "".join(f"{t:.6f}   {f or '--undefined--'}\n" for t, f in _rows()),
    "tool.tsv": lambda: "# f0\n" + "".join(f"{t:.4f}\t{f or 'nan'}\n" for t, f in _rows()),
    "swift.csv": lambda: (
        "timestamp,pitch_hz,confidence,voiced\n"
        + "".join(f"{t:.4f},{f or 99:.2f},0.9,{'true' if f else 'false'}\n" for t, f in _rows())
    ),
    "swapped.csv": lambda: "frequency;time\n" + "".join(f"{f};{t}\n" for t, f in _rows()),
    "byte_order_mark.csv": lambda: "\ufeff" + "".join(f"{t},{f}\r\n" for t, f in _rows()),
}


@pytest.mark.parametrize("name", TEXTS)
def test_tables_of_time_and_hz(name, tmp_path):
    curve = read_curve(_written(tmp_path, TEXTS[name](), name))
    _check(*extract_f0(WAV, SPEC, "file", curve=curve))


def test_labels_of_audacity_are_spans(tmp_path):
    curve = read_curve(_written(tmp_path, "0.500000\t1.000000\t220\n1.000000\t1.250000\t330.5\n", "label.txt"))
    f0, vuv = extract_f0(WAV, SPEC, "file", curve=curve)
    assert np.allclose(f0[(MOMENTS > 0.5) & (MOMENTS < 1.0)], 220)
    assert np.allclose(f0[(MOMENTS > 1.01) & (MOMENTS < 1.25)], 330.5)
    assert ((vuv > 0) == (MOMENTS >= 0.5) & (MOMENTS < 1.25)).all()


def test_numpy_and_kaldi(tmp_path):
    frames = np.where(SUNG, TRUE, np.nan)
    np.save(tmp_path / "a.npy", frames)
    np.save(tmp_path / "b.npy", np.array(_rows()))
    np.savez(tmp_path / "c.npz", f0=np.where(SUNG, TRUE, 0))
    np.savez(tmp_path / "d.npz", frequency=[f for _, f in _rows()], times=[t for t, _ in _rows()])
    matrix = np.where(SUNG, TRUE, 0).astype(np.float32)[:, None]
    kaldiio.save_ark(str(tmp_path / "e.ark"), {"song": matrix, "other": matrix * 2}, scp=str(tmp_path / "e.scp"))
    curves = [read_curve(tmp_path / name) for name in ("a.npy", "b.npy", "c.npz", "d.npz")]
    curves += [find_curve(tmp_path / name, "song") for name in ("e.ark", "e.scp")]
    for curve in curves:
        _check(*extract_f0(WAV, SPEC, "file", curve=curve))


def test_midi(tmp_path):
    file, track = mido.MidiFile(ticks_per_beat=480), mido.MidiTrack()
    file.tracks.append(track)
    track.append(mido.MetaMessage("set_tempo", tempo=500000))  # a beat is half a second
    for kind, note, ticks in (("on", 69, 480), ("off", 69, 480), ("on", 57, 0), ("off", 57, 240)):
        track.append(mido.Message(f"note_{kind}", note=note, velocity=64, time=ticks))
    track.append(mido.Message("note_on", note=60, velocity=64, time=0))
    track.append(mido.Message("pitchwheel", pitch=8191, time=120))
    track.append(mido.Message("note_on", note=60, velocity=0, time=120))  # which ends it
    file.save(tmp_path / "song.mid")
    f0, vuv = extract_f0(WAV, SPEC, "file", curve=read_curve(tmp_path / "song.mid"))

    def at(second):
        return f0[round(second * FS / 256)]

    assert (at(0.75), at(1.1)) == (pytest.approx(440), pytest.approx(220))
    assert at(1.3) == pytest.approx(261.63, abs=0.01) and at(1.45) == pytest.approx(293.65, abs=0.1)
    assert ((vuv > 0) == (MOMENTS >= 0.5) & (MOMENTS < 1.5)).all()


def test_a_curve_may_go_beyond_the_range_of_the_spec():
    curve = Curve(np.linspace(1500, 2300, len(MOMENTS)))
    f0, vuv = extract_f0(WAV, SPEC, "file", curve=curve)
    np.testing.assert_allclose(f0, np.linspace(1500, 2300, len(MOMENTS)), rtol=1e-5)
    assert vuv.all()


@pytest.mark.parametrize(
    "text, sentence",
    [
        ("", "no line of time and F0"),
        ("0.0,220\nfoo,230\n", "'foo 230' .line 2 .* does not begin with a time"),
        ("0.0,A4\n", "'A4' is not a frequency in Hz"),
        ("0.0\n0.1\n", "two columns, time in seconds and Hz"),
        ("0.0,0\n0.1,0\n", "no value above 0 Hz"),
        ("0.0,5.3\n0.1,5.4\n", "nowhere above 5.4: is it in Hz"),
        ("0.2,220\n0.1,220\n", "times are not numbers of seconds that ascend"),
        ("0.0,220\n0.1,inf\n", "infinite at value 1"),
        ('File type = "ooTextFile"\n', "an object file of Praat: save the pitch listing"),
        ("0.0,220\n1.0,220\n2.0,220\n3.0,220\n", "a pitch at 3.00 s, but the recording ends at 2.00 s"),
        ("0.0,220\n0.1,15000\n", "reaches 15000 Hz, more than can be sung"),
    ],
)
def test_what_is_refused(text, sentence, tmp_path):
    with pytest.raises(UserError, match=sentence):
        extract_f0(WAV, SPEC, "file", curve=read_curve(_written(tmp_path, text)))


def test_other_refusals(tmp_path):
    (tmp_path / "a.mid").write_bytes(b"no midi")
    (tmp_path / "a.npy").write_bytes(b"no array")
    np.save(tmp_path / "short.npy", np.full(100, 220.0))
    for file, sentence in (("a.mid", "not readable as a MIDI file"), ("a.npy", "not readable as a NumPy file")):
        with pytest.raises(UserError, match=sentence):
            read_curve(tmp_path / file)
    with pytest.raises(UserError, match="has 100 values, but the recording has 344 frames"):
        extract_f0(WAV, SPEC, "file", curve=read_curve(tmp_path / "short.npy"))
    with pytest.raises(UserError, match="there is no such file"):
        read_curve(tmp_path / "none.csv")
    with pytest.raises(UserError, match="there is no F0 of song in it"):
        find_curve(tmp_path, "song")
    with pytest.raises(UserError, match="the F0 of one recording: give a folder"):
        find_curve(tmp_path / "short.npy", "song")
    with pytest.raises(UserError, match="needs a curve: give --f0 FILE"):
        extract_f0(WAV, SPEC, "file")
