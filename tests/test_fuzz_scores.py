"""Scores and archives that nobody meant: a sentence, or a song that can be sung; nothing grows, nothing escapes."""

import io
import math
import zipfile
from pathlib import Path

import mido
import pytest
import yaml
from exports import save_small, saved_and_exported
from fuzzing import damaged, fuzz, here, tried, written  # noqa: F401
from hypothesis import given
from hypothesis import strategies as st
from score_files import note_xml, tempo_xml, write_xml

from espnet2_nhv import load_vocoder
from espnet2_nhv.errors import UserError
from espnet2_nhv.export.export import export
from espnet2_nhv.export.load import load_facts
from espnet2_nhv.feature.pitch.curve_files import read_curve
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.notation.read import read_song

ROOT = Path(__file__).resolve().parents[1]
ODD = st.sampled_from(
    [0, -1, 1, 2**31, 10**18, -(10**18), 0.5, -0.25, 1e308, math.inf, -math.inf, math.nan, "", "x", None, [], "1e9"]
)


def sung(path):
    """What is read is finite, in order, and no longer than a song."""
    song = tried(read_song, path)
    if song is not None:
        assert 1 <= song.tempo <= 10000 and len(song.notes) < 10000
        ends = [time for note in song.notes for time in (note.start, note.end)]
        assert all(0 <= time <= 6 * 3600 for time in ends) and ends == sorted(ends)
        assert all(0 <= note.midi <= 127 for note in song.notes)


@pytest.fixture(scope="module")
def xml(tmp_path_factory):
    repeat = "<barline location='right'><repeat direction='backward' times='3'/></barline>"
    bar = tempo_xml(120) + note_xml(4) + note_xml(4, "A3", "か") + note_xml(8, "B3<alter>-1</alter>", "ra", "start")
    path = write_xml(tmp_path_factory.mktemp("xml") / "a.musicxml", bar + repeat, note_xml(16, "C4", "", "stop"))
    return path.read_text(encoding="utf-8")


@fuzz
@given(st.data())
def test_musicxml(xml, data):
    text = xml
    for _ in range(data.draw(st.integers(0, 2))):
        # A number of it is another, or a tag is gone, or twice there.
        kind = data.draw(st.sampled_from(["number", "tag", "twice"]))
        places = [at for at, letter in enumerate(text) if (letter.isdigit() if kind == "number" else letter == "<")]
        at = data.draw(st.sampled_from(places[len(places) // 5 :]))
        end = at + 1 if kind == "number" else text.index(">", at) + 1
        new = {"number": str(data.draw(ODD)), "tag": "", "twice": 2 * text[at:end]}[kind]
        text = text[:at] + new + text[end:]
    content = text.encode(data.draw(st.sampled_from(["utf-8", "utf-16"])))
    if data.draw(st.booleans()):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(data.draw(st.sampled_from(["score.xml", "../score.xml", "/score.xml", "a.png"])), content)
        content = packed.getvalue()
    content = data.draw(damaged(content)) if data.draw(st.booleans()) else content
    sung(written(data.draw(st.sampled_from(["a.musicxml", "a.xml", "a.mxl"])), content))


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
BAD_XML = {
    "entities": f'<!DOCTYPE a [<!ENTITY l0 "ha">{LAUGHS}]><score-partwise>&l9;</score-partwise>',
    "a file": '<!DOCTYPE a [<!ENTITY f SYSTEM "file:///etc/passwd">]><score-partwise>&f;</score-partwise>',
}


@pytest.mark.parametrize("kind", BAD_XML)
@pytest.mark.parametrize("charset", ["utf-8", "utf-16"])
def test_entities_are_refused(kind, charset):
    with pytest.raises(UserError, match="defines entities, which no score needs"):
        read_song(written("a.musicxml", BAD_XML[kind].encode(charset)))


def test_what_is_repeated_for_ever_is_refused(xml):
    with pytest.raises(UserError, match="repeated more than 100 times"):
        read_song(written("a.musicxml", xml.replace("times='3'", "times='1000000000'").encode()))


def bomb(name, size):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(name, "w") as file:
        for _ in range(size >> 20):
            file.write(bytes(1 << 20))
    return packed.getvalue()


def test_archives_that_would_grow_are_refused(monkeypatch):
    monkeypatch.setattr("espnet2_nhv.notation.musicxml._LARGEST", 5 << 20)
    with pytest.raises(UserError, match="unpacked it has 8 MiB, more than a score has"):
        read_song(written("a.mxl", bomb("score.xml", 8 << 20)))
    monkeypatch.setattr("espnet2_nhv.export.load._LARGEST", 5 << 20)
    with pytest.raises(UserError, match="unpacked its model has 0 GiB, more than any has"):
        load_facts(written("a.oudep", bomb("nhv.onnx", 8 << 20)))


def midi():
    file = mido.MidiFile(ticks_per_beat=480)
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=500000), mido.MetaMessage("time_signature")])
    for number in range(4):
        track += [
            mido.MetaMessage("lyrics", text="la"), mido.Message("note_on", note=60 + number, time=10),
            mido.Message("note_off", note=60 + number, time=400),
        ]  # fmt: skip
    file.tracks.append(track)
    content = io.BytesIO()
    file.save(file=content)
    return content.getvalue()


@fuzz
@given(st.data())
def test_midi(data):
    path = written("a.mid", data.draw(damaged(midi())))
    sung(path)
    tried(read_curve, path)


PROJECT = dict(
    name="song", ustx_version="0.6", resolution=480, tempos=[dict(position=0, bpm=120)],
    time_signatures=[dict(bar_position=0, beat_per_bar=4, beat_unit=4)],
    voice_parts=[
        dict(name="voice", position=0, notes=[
            dict(position=480 * n, duration=400, tone=60 + n, lyric="ra", pitch=dict(data=[dict(x=0, y=0)]))
            for n in range(3)
        ]),
    ],
)  # fmt: skip


@fuzz
@given(st.data())
def test_ustx(data):
    project = yaml.safe_load(yaml.safe_dump(PROJECT))
    for _ in range(data.draw(st.integers(0, 2))):
        part = (project["voice_parts"] or [{}])[0] if isinstance(project.get("voice_parts"), list) else {}
        notes = part.get("notes") if isinstance(part, dict) else None
        inside = [project, part, *(notes if isinstance(notes, list) else [])]
        for name in ("tempos", "time_signatures"):
            inside += project[name] if isinstance(project.get(name), list) else []
        inside = [each for each in inside if isinstance(each, dict) and each]
        where = data.draw(st.sampled_from(inside))
        where[data.draw(st.sampled_from(sorted(where)))] = data.draw(ODD)
    text = yaml.safe_dump(project).encode()
    sung(written("a.ustx", data.draw(damaged(text)) if data.draw(st.booleans()) else text))


@pytest.mark.parametrize("text", ["[" * 300000, "- " * 300000, "{a: " * 100000, "a: &a [" + "*a, " * 30000 + "]"])
def test_yaml_that_is_too_deep(text):
    with pytest.raises(UserError, match="not readable as YAML"):
        read_song(written("a.ustx", text.encode()))


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    """An exported vocoder as .oudep and as TorchScript, and as ONNX."""
    folder = tmp_path_factory.mktemp("archives")
    _, (script,) = saved_and_exported(folder, "torchscript")
    _, (whole, _) = saved_and_exported(folder, "onnx")
    saved = save_small(folder / "512", FeatureSpec.load(ROOT / "conf/feature/44k_hop512_openutau.yaml"))
    (package,), _ = export(saved, "openutau", folder, "small")
    return [path.read_bytes() for path in (package, script, whole)]


@fuzz
@given(st.data())
def test_exported_vocoders(archives, data):
    index, suffix = data.draw(st.sampled_from([(0, ".oudep"), (1, ".pt"), (2, ".onnx")]))
    path = written(f"a{suffix}", data.draw(damaged(archives[index])))
    facts = tried(load_facts, path)
    assert facts is None or isinstance(facts, dict)
    if suffix != ".oudep" and (data.draw(st.integers(0, 9)) == 0 or facts is not None):
        tried(load_vocoder, path)


@fuzz
@given(st.data())
def test_archives_of_any_members(data):
    """Names that lead elsewhere, members of nothing; none of it lands anywhere."""
    names = ["../a.onnx", "/tmp/../a.onnx", "..\\a.onnx", "a/b.onnx", "a.onnx", "x/extra/espnet2_nhv", "."]
    packed, way = io.BytesIO(), data.draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
    with zipfile.ZipFile(packed, "w", way) as archive:
        for name in data.draw(st.lists(st.sampled_from(names), max_size=3, unique=True)):
            archive.writestr(name, data.draw(st.binary(max_size=30)))
    folder = written(f"a{data.draw(st.sampled_from(['.oudep', '.pt', '.mxl']))}", packed.getvalue()).parent
    path = next(folder.iterdir())
    before = {name.name for name in folder.parent.iterdir()}
    assert tried(load_facts if path.suffix != ".mxl" else read_song, path) is None
    assert [name.name for name in folder.iterdir()] == [path.name]
    assert {name.name for name in folder.parent.iterdir()} == before
