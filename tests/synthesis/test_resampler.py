"""The resampler: what it is asked for, what it sings, whom it serves, and what it refuses."""

import http.client
import json
import sys
import threading

import numpy as np
import pytest
import soundfile
import torch
from exports import save_small
from waiting import LONG

from espnet2_nhv import load_vocoder
from espnet2_nhv.bin import resampler as command
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.pitch.source import PitchSource
from espnet2_nhv.synthesis.utau.folders import Folders
from espnet2_nhv.synthesis.utau.render import CACHE, Resampler
from espnet2_nhv.synthesis.utau.request import parse_bend, parse_flags, parse_request
from espnet2_nhv.synthesis.utau.server import ResamplerServer, ask

FS = 44100


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return save_small(tmp_path_factory.mktemp("resampler") / "saved")


@pytest.fixture
def bank(tmp_path):
    """A bank of one syllable: 0.1 s of hiss, then 0.9 s of a buzz at 220 Hz."""
    (tmp_path / "bank").mkdir()
    (tmp_path / "out").mkdir()
    time, rng = np.arange(FS) / FS, np.random.default_rng(0)
    wav = np.where(time < 0.1, 0.05 * rng.standard_normal(FS), 0.1 * np.sign(np.sin(2 * np.pi * 220 * time)))
    soundfile.write(tmp_path / "bank" / "a.wav", wav, FS)
    return tmp_path


def note(bank, name="C4", flags="", **more):
    given = dict(velocity=100, flags=flags, offset=0, length=700, consonant=150, cutoff=0, volume=100)
    given = {**given, "modulation": 0, "tempo": "!120", "bend": "AA", **more}
    return [str(bank / "bank" / "a.wav"), str(bank / "out" / "b.wav"), name, *map(str, given.values())]


def pitch(wav):
    spectrum = np.abs(np.fft.rfft(wav * np.hanning(len(wav)), 2**18))
    lags = np.fft.irfft(np.log(spectrum + 1e-6))[FS // 900 : FS // 120]
    return FS / (FS // 900 + np.argmax(lags))


def test_bends_are_signed_numbers_of_twelve_bits():
    """By the positions of the digits in base64: B is 1, + is 62, / is 63."""
    assert parse_bend("AA") == [0] and parse_bend("") == [0] and parse_bend("AB") == [1]
    assert parse_bend("BAf///gA") == [64, 2047, -1, -2048]
    assert parse_bend("AB#3#AC#1#") == [1, 1, 1, 1, 2, 2]
    for bad in ("A", "#3#", "AB#x#", "A!", "AB#99999999#"):
        with pytest.raises(UserError, match="pitch bend"):
            parse_bend(bad)


def test_flags_notes_and_defaults():
    assert parse_flags("g-10B60Kt-2.5P0Kg3") == dict(g=-10, B=60, Kt=-2.5, P=0, Kg=3)
    assert parse_flags("Mt5Y0H5eB60") == {"B": 60} and parse_flags("-") == {}
    request = parse_request(["a.wav", "b.wav", "A4"])
    assert request.f0 == pytest.approx(440) and request.stretch == 1 and not any(request.knobs().values())
    assert parse_request(["a", "b", "Bb3"]).f0 == pytest.approx(440 * 2 ** (-11 / 12))
    turned = parse_request(["a", "b", "C#4", "200", "g100B100Kl-3t12"])
    assert turned.stretch == 0.5 and turned.f0 == pytest.approx(440 * 2 ** ((61 + 1.2 - 69) / 12))
    assert turned.knobs() == pytest.approx(dict(breathiness=12, voicing=0, tension=0, gender=-12, loudness=-3))


@pytest.mark.parametrize(
    "place, value, words",
    [(2, "H4", "'H4' is not a note"), (3, "fast", "velocity"), (6, "0", "length"), (6, "nan", "length"),
     (9, "999", "volume"), (11, "!0", "tempo"), (12, "A", "pitch bend")],
)  # fmt: skip
def test_wrong_arguments(bank, place, value, words):
    arguments = note(bank)
    arguments[place] = value
    with pytest.raises(UserError, match=words):
        parse_request(arguments)
    with pytest.raises(UserError, match="13 arguments"):
        parse_request(arguments[:2])


def test_it_sings_the_note_and_keeps_features(saved, bank):
    resampler = Resampler(load_vocoder(saved), PitchSource("dio"))
    voice = "Kv12Kb-60P0"
    wav = resampler.render(parse_request(note(bank, "C4", voice)))
    assert len(wav) == round(0.7 * FS) and soundfile.info(bank / "out" / "b.wav").frames == len(wav)
    assert pitch(wav[12000:28000]) == pytest.approx(261.6, rel=0.01)
    kept = bank / "bank" / f"a.wav{CACHE}"
    assert kept.exists()
    again = Resampler(load_vocoder(saved), PitchSource("dio"))
    again._write = lambda *_: pytest.fail("it was analysed again")
    assert np.array_equal(again.sing(parse_request(note(bank, "C4", voice))), wav)
    kept.write_bytes(kept.read_bytes()[:-100])  # damaged: made again
    repaired = Resampler(load_vocoder(saved), PitchSource("dio"))
    assert np.array_equal(repaired.sing(parse_request(note(bank, "C4", voice))), wav)
    # 100 cents after the first beat: values every 1/96 of it.
    bent = resampler.sing(parse_request(note(bank, "C4", voice, bend="AA#47#Bk#96#", tempo="!240")))
    assert pitch(bent[12000:28000]) == pytest.approx(261.6 * 2 ** (1 / 12), rel=0.01)
    assert np.abs(resampler.sing(parse_request(note(bank, flags="P100"))).max()) == pytest.approx(0.5, rel=0.2)
    half = resampler.sing(parse_request(note(bank, flags="P0", volume=50)))
    np.testing.assert_allclose(half, resampler.sing(parse_request(note(bank, flags="P0"))) / 2, atol=1e-5)
    for changes, words in ((dict(offset=1000), "nothing of its"), (dict(cutoff=1200), "nothing of its")):
        with pytest.raises(UserError, match=words):
            resampler.sing(parse_request(note(bank, **changes)))


def test_time(saved, bank):
    """The consonant by velocity, the vowel longer where it is too short and never faster."""
    resampler = Resampler(load_vocoder(saved), PitchSource("dio"))
    time = np.arange(0, 3, 0.01)

    def heard(**changes):
        rate = resampler.vocoder.spec.frame_rate
        return resampler._positions(parse_request(note(bank, **changes)), round(rate), time) / rate

    short = heard(length=400, offset=100, consonant=100)
    np.testing.assert_allclose(short[:40], 0.1 + time[:40], atol=1e-9)
    slow = heard(length=400, offset=100, consonant=100, velocity=0)
    np.testing.assert_allclose(np.interp([0.1, 0.2], time, slow), [0.15, 0.2], atol=1e-6)
    long = heard(length=2900, offset=0, consonant=100, cutoff=-500)
    np.testing.assert_allclose(np.interp([0.05, 1.5, 2.9], time, long), [0.05, 0.3, 0.5], atol=0.02)


def test_nothing_outside_of_the_folders(bank):
    folders = Folders([bank / "bank"], [bank / "out"])
    inside, out = bank / "bank" / "a.wav", bank / "out" / "b.wav"
    folders.check(inside, out)
    (bank / "bank" / "link.wav").symlink_to("/etc/passwd")
    for source, target, words in (
        (bank / "bank" / ".." / "secret.wav", out, "--bank"),
        (bank / "bank" / "link.wav", out, "--bank"),
        (inside, bank / "out" / ".." / "b.wav", "--out"),
        (inside, bank / "bank" / "b.wav", "--out"),
        (inside, bank / "out" / "b.py", "ends in .wav"),
    ):
        with pytest.raises(UserError, match=words):
            folders.check(source, target)
    with pytest.raises(UserError, match="no such folder"):
        Folders([bank / "none"], [])


def test_a_server_sings_for_this_machine_and_its_programs_only(bank):
    asked = []

    def render(arguments):
        if arguments[2] == "H4":
            raise UserError("no note")
        asked.append(arguments)

    with ResamplerServer(render, port=0) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        port = server.server_port
        assert server.server_address[0] == "127.0.0.1"
        assert ask(note(bank), port) == "" and asked == [note(bank)]
        assert ask(note(bank, "H4"), port) == "no note"

        def status(body, **headers):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LONG)
            connection.request("POST", "/", body, {"X-NHV-Resampler": "1", **headers})
            return connection.getresponse().status

        good = json.dumps(note(bank)).encode()
        assert status(good) == 200
        assert status(good, **{"X-NHV-Resampler": "0"}) == 403  # as a page in a browser would
        assert status(good, Host="evil.example:80") == 403
        assert status(b"not json") == 400 and status(b'{"a": 1}') == 400 and status(b"[1, 2]") == 400
        assert len(asked) == 2
        server.shutdown()
        thread.join()
    assert ask(note(bank), port) is None


def test_command_line(saved, bank, monkeypatch, capsys):
    threads = torch.get_num_threads()

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["resampler", *map(str, arguments)])
        try:
            command.main()
        finally:
            torch.set_num_threads(threads)

    batch, options = bank / "notes.jsonl", ["--vocoder", saved, "--f0_method", "dio"]
    lines = [note(bank, name) for name in ("C4", "D4", "E4")]
    for line, name in zip(lines, "xyz"):
        line[1] = str(bank / "out" / f"{name}.wav")
    batch.write_text("".join(json.dumps(line) + "\n" for line in lines))
    run("--batch", batch, "--bank", bank / "bank", "--out", bank / "out", *options)
    assert "3 notes sung" in capsys.readouterr().out and (bank / "out" / "z.wav").exists()
    lines[1][0] = str(bank / "bank" / ".." / ".." / "a.wav")
    batch.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(SystemExit, match="1 notes were left out"):
        run("--batch", batch, "--bank", bank / "bank", "--out", bank / "out", *options)
    with pytest.raises(UserError, match="--bank and --out"):
        run("--batch", batch)
    with pytest.raises(UserError, match="13 arguments"):
        run("a.wav")
    monkeypatch.setattr(command, "ask", lambda arguments, port: "the server said no")
    with pytest.raises(UserError, match="the server said no"):
        run(*note(bank))
