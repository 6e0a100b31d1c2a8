"""Songs out of MusicXML, MIDI and OpenUtau's projects."""

import mido
import pytest
import yaml
from score_files import note_xml, tempo_xml, write_xml

from espnet2_nhv.errors import UserError
from espnet2_nhv.notation.notes import BarMap, Note, TempoMap
from espnet2_nhv.notation.read import changed, read_song


def song_xml(path):
    """At 120 a minute: rest, "ka" held on B flat, "so" tied over the bar line, then at 60 a rest and "ra"."""
    return write_xml(
        path,
        tempo_xml(120) + note_xml(4) + note_xml(4) + note_xml(4, "A3", "か") + note_xml(2, "B3<alter>-1</alter>")
        + note_xml(2, "C4", "そ", "start"),
        note_xml(4, "C4", "", "stop") + tempo_xml(60) + note_xml(4) + note_xml(8, "E4", "ラ"),
    )  # fmt: skip


SUNG = [
    Note(0.0, 1.0, 0), Note(1.0, 1.5, 57, "か"), Note(1.5, 1.75, 58), Note(1.75, 2.5, 60, "そ"), Note(2.5, 3.5, 0),
    Note(3.5, 5.5, 64, "ラ"),
]  # fmt: skip


def test_musicxml(tmp_path):
    song = read_song(song_xml(tmp_path / "a.musicxml"))
    assert song.notes == SUNG and song.tempo == 120
    assert [note.bar for note in song.notes] == [1, 1, 1, 1, 2, 2]


def test_key_and_tempo(tmp_path):
    song = changed(read_song(song_xml(tmp_path / "a.xml")), -2, 2.0)
    assert song.notes[1] == Note(0.5, 0.75, 55, "か") and song.notes[0].midi == 0 and song.tempo == 240
    with pytest.raises(UserError, match="bar 1: note 57 shifted by 70"):
        changed(song, 0, 1.0) and changed(read_song(tmp_path / "a.xml"), 70)
    with pytest.raises(UserError, match="--tempo is 0"):
        changed(song, 0, 0.0)


def test_voices_chords_and_grace_notes(tmp_path):
    bar = (
        note_xml(4, "G4", "a", more="<grace/>") + note_xml(8, "A4", "か") + note_xml(8, "C5", more="<chord/>")
        + note_xml(8, "B4", "き") + "<backup><duration>16</duration></backup>"
        + note_xml(4, "C4", "さ", voice="2") + note_xml(12, "D4", "し", voice="2")
    )  # fmt: skip
    path = write_xml(tmp_path / "a.musicxml", bar, note_xml(16, "E4", "く"))
    assert [(note.midi, note.lyric) for note in read_song(path).notes] == [(72, "か"), (71, "き"), (64, "く")]
    second = read_song(path, voice="2").notes
    assert [(note.midi, note.lyric, note.end) for note in second] == [(60, "さ", 0.5), (62, "し", 2.0)]
    with pytest.raises(UserError, match="no voice '3'; there are 1, 2"):
        read_song(path, voice="3")


def test_verses_and_repeats(tmp_path):
    repeat = "<barline location='right'><repeat direction='backward'/></barline>"
    bars = [note_xml(16, "C4", {1: "い", 2: "に", 3: "さ"}) + repeat, note_xml(16, "D4", "お")]
    path = write_xml(tmp_path / "a.musicxml", *bars)
    assert [note.lyric for note in read_song(path).notes] == ["い", "に", "お"]
    assert [note.lyric for note in read_song(path, verse=2).notes] == ["に", "さ", None]
    with pytest.raises(UserError, match="no lyrics of verse 4"):
        read_song(path, verse=4)


def test_parts(tmp_path):
    parts = {"piano": [note_xml(16, "C3")], "song": [note_xml(16, "D4", "お")]}
    path = write_xml(tmp_path / "a.musicxml", parts=parts)
    assert read_song(path).notes[0].lyric == "お"  # the first that has lyrics
    assert [read_song(path, part).notes[0].midi for part in ("1", "piano", "2", "song")] == [48, 48, 62, 62]
    with pytest.raises(UserError, match=r"no part 'x'; there are 1 \(piano\), 2 \(song\)"):
        read_song(path, "x")


def write_midi(path, charset):
    file = mido.MidiFile(ticks_per_beat=480)
    file.tracks.append(mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=500000), mido.MetaMessage(
        "time_signature", numerator=3, denominator=4)]))  # fmt: skip
    track = mido.MidiTrack([mido.MetaMessage("track_name", name="voice")])
    for wait, note, lyric in ((480, 57, "か"), (0, 58, None), (960, 60, "そ")):
        if lyric:
            text = lyric.encode(charset).decode("latin-1")
            track.append(mido.MetaMessage("lyrics", text=text, time=wait))
        track += [mido.Message("note_on", note=note, velocity=80, time=0 if lyric else wait),
                  mido.Message("note_off", note=note, time=480)]  # fmt: skip
    file.tracks.append(track)
    file.save(path)
    return path


@pytest.mark.parametrize("charset", ["utf-8", "shift_jis"])
def test_midi(charset, tmp_path):
    path = write_midi(tmp_path / "a.mid", charset)
    song = read_song(path)
    assert song.notes == [
        Note(0.0, 0.5, 0), Note(0.5, 1.0, 57, "か"), Note(1.0, 1.5, 58), Note(1.5, 2.5, 0), Note(2.5, 3.0, 60, "そ"),
    ]  # fmt: skip
    assert song.tempo == 120 and [note.bar for note in song.notes] == [1, 1, 1, 2, 2]
    assert read_song(path, "voice").notes == song.notes
    with pytest.raises(UserError, match="no part 'drums'"):
        read_song(path, "drums")
    with pytest.raises(UserError, match="--voice and --verse are for MusicXML"):
        read_song(path, verse=2)


def test_ustx(tmp_path):
    notes = [
        dict(position=480, duration=480, tone=57, lyric="か", pitch=dict(data=[])),
        dict(position=960, duration=480, tone=58, lyric="+~"),
        dict(position=2400, duration=480, tone=60, lyric="so"),
    ]
    project = dict(
        ustx_version="0.6", resolution=480, tempos=[dict(position=0, bpm=120), dict(position=1920, bpm=60)],
        time_signatures=[dict(bar_position=bar, beat_per_bar=beats, beat_unit=4) for bar, beats in ((0, 4), (1, 3))],
        voice_parts=[dict(name="empty", position=0, notes=[]), dict(name="song", track_no=0, position=0, notes=notes)],
    )  # fmt: skip
    path = tmp_path / "a.ustx"
    path.write_text(yaml.safe_dump(project, allow_unicode=True), encoding="utf-8")
    song = read_song(path)
    assert song.notes == [
        Note(0.0, 0.5, 0), Note(0.5, 1.0, 57, "か"), Note(1.0, 1.5, 58), Note(1.5, 3.0, 0), Note(3.0, 4.0, 60, "so"),
    ]  # fmt: skip
    assert song.notes[-1].bar == 2
    with pytest.raises(UserError, match=r"no part 'x'; there are 1 \(song\)"):
        read_song(path, "x")


@pytest.mark.parametrize("name", ["a.musicxml", "a.mxl", "a.mid", "a.ustx", "a.pdf"])
@pytest.mark.parametrize("content", [b"", b"<score-partwise>", b"MThd\0\0", b"\xff\xfe: ["])
def test_what_is_no_score(name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=f"{name}: (not readable as|there are no notes|not a score|it is UTF-16|empty)"):
        read_song(tmp_path / name)


def test_missing_file(tmp_path):
    (tmp_path / "song.ustx").touch()
    with pytest.raises(UserError, match="song.ustx: empty, it has 0 bytes"):
        read_song(tmp_path / "song.ustx")
    (tmp_path / "folder.mid").mkdir()
    with pytest.raises(UserError, match="folder.mid: it is a folder, not a score"):
        read_song(tmp_path / "folder.mid")
    with pytest.raises(UserError, match="there is no such file"):
        read_song(tmp_path / "none.musicxml")


def test_maps():
    tempo = TempoMap([(0, 120), (4, 60), (6, 240)])
    assert [tempo(x) for x in (0, 2, 4, 5, 6, 10)] == [0, 1, 2, 3, 4, 5]
    bars = BarMap([(0, 3.0), (6, 4.0)])
    assert [bars(x) for x in (0, 2.9, 3, 6, 9.9, 10)] == [1, 1, 2, 3, 3, 4]
