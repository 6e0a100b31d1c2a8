"""Scores and labels as ESPnet's singing data: which note a phoneme is on, and frames that add up."""

import json

import numpy as np
import pytest
from align_score import align
from espnet_score import cut, read_phrases, write_set, write_tokens
from score_files import note_xml, tempo_xml, write_xml
from tiny_dump import SPEC, features, tone
from tiny_dump import write_set as write_dump_set

from espnet2_nhv.feature.ark import ArkTable
from espnet2_nhv.notation import read_song


@pytest.fixture
def score_file(tmp_path):
    """Rest 1 s, "ka" on A3 1 s, held on B flat 3 0.5 s, "so" on C4 tied to 1 s, rest 0.5 s; at 120 a minute."""
    return write_xml(
        tmp_path / "song.musicxml",
        tempo_xml(120) + note_xml(8) + note_xml(8, "A3", "か"),
        note_xml(4, "B3<alter>-1</alter>")
        + note_xml(4, "C4", "そ", "start")
        + note_xml(4, "C4", "", "stop")
        + note_xml(4),
    )


LABELS = [(0.0, 1.0, "pau"), (1.0, 1.1, "k"), (1.1, 2.5, "a"), (2.5, 2.6, "s"), (2.6, 3.5, "o"), (3.5, 4.0, "pau")]


def test_a_held_vowel_is_divided_as_the_score_divides_it(score_file):
    sung = align(read_song(score_file).notes, LABELS)
    assert [(n.midi, n.lyric, [phone for _, _, phone in n.labels]) for n in sung] == [
        (0, "P", ["pau"]), (57, "か", ["k", "a"]), (58, "—", ["a"]), (60, "そ", ["s", "o"]), (0, "P", ["pau"]),
    ]  # fmt: skip
    first, held = sung[1].labels[1], sung[2].labels[0]
    assert first[1] == held[0] == pytest.approx(1.1 + 1.4 * 2 / 3)  # 1 s to 0.5 s of the score
    assert [n.seconds for n in sung] == pytest.approx([1.0, 1.0, 0.5, 1.0, 0.5])


def test_lyrics_and_labels_may_differ(score_file):
    def notes_of(labels):
        return [(n.midi, [phone for _, _, phone in n.labels]) for n in align(read_song(score_file).notes, labels)]

    # An "i" that the lyrics lack is sung on the note before it, and held over the next.
    extra = [(0, 1, "pau"), (1, 1.1, "k"), (1.1, 2, "a"), (2, 2.5, "i"), (2.5, 2.6, "s"), (2.6, 3.5, "o")]
    assert notes_of(extra) == [(0, ["pau"]), (57, ["k", "a", "i"]), (58, ["i"]), (60, ["s", "o"])]
    # A "z" where they have "s" is sung on the note of the "s".
    other = [(0, 1, "pau"), (1, 1.1, "k"), (1.1, 2.5, "a"), (2.5, 2.6, "z"), (2.6, 3.5, "o")]
    assert notes_of(other) == [(0, ["pau"]), (57, ["k", "a"]), (58, ["a"]), (60, ["z", "o"])]


def test_what_espnet_reads_has_the_frames_of_the_features(score_file, tmp_path):
    from espnet2.train.dataset import ESPnetDataset
    from tiny_espnet import SVSTask, singing_args

    wav, f0 = tone(2.9, 220.0)  # the phrase from 0.7 s to 3.6 s
    folder = write_dump_set(tmp_path / "dump" / "train", {"song_0000": (wav, *features(wav, f0))})
    line = dict(recording="song", phrases=[["song_0000", "song", 0.7, len(wav)], ["song_0001", "song", 3.7, 99]])
    (folder / "prepared.jsonl").write_text(json.dumps(line) + "\n")
    assert list(read_phrases(folder)) == ["song_0000"]  # the other has no features
    out = tmp_path / "score" / "train"
    count, phones = write_set(
        folder, out, SPEC, lambda song: align(read_song(score_file).notes, LABELS), lambda song: 60
    )
    assert count == 1 and phones == {"pau", "k", "a", "s", "o"}
    write_tokens(tmp_path / "tokens.txt", phones)

    args = singing_args("xiaoice", {}, token_list=str(tmp_path / "tokens.txt"))
    kinds = dict(text="text", label="duration", score="score", singing="sound", pitch="kaldi_ark")
    files = dict(text="text", label="label", score="score.scp", singing="wav.scp", pitch="pitch.scp")
    dataset = ESPnetDataset(
        [(str(out / files[name]), name, kind) for name, kind in kinds.items()],
        preprocess=SVSTask.build_preprocess_fn(args, True),
    )
    _, data = dataset["song_0000"]
    n_frames = len(wav) // 256
    assert data["duration_phn"].sum() == n_frames == len(data["pitch"])
    starts = np.cumsum([0, *data["duration_phn"]]) * 256 / 44100 + 0.7
    np.testing.assert_allclose(starts[1:-1], [1.0, 1.1, 1.1 + 1.4 * 2 / 3, 2.5, 2.6, 3.5], atol=0.004)
    assert data["midi"].tolist() == [0, 57, 57, 58, 60, 60, 0] and data["slur"].tolist() == [0, 0, 0, 1, 0, 0, 0]
    np.testing.assert_allclose(np.exp(data["pitch"][:, 0]), f0[::256][:n_frames], rtol=1e-3)
    hertz = ArkTable(out / "hertz.scp")["song_0000"]  # for VISinger
    np.testing.assert_allclose(hertz, np.exp(data["pitch"]), rtol=1e-5)


def test_a_song_sung_in_another_octave_takes_its_notes_along(score_file, tmp_path):
    for name, pitch, shift in (("low", 120.0, -12), ("off", 240.0, 0)):
        wav, f0 = tone(2.9, pitch)
        folder = write_dump_set(tmp_path / name, {"song_0000": (wav, *features(wav, f0))})
        line = dict(recording="song", phrases=[["song_0000", "song", 0.7, len(wav)]])
        (folder / "prepared.jsonl").write_text(json.dumps(line) + "\n")
        out = tmp_path / "score" / name
        write_set(folder, out, SPEC, lambda song: align(read_song(score_file).notes, LABELS), lambda song: 60)
        notes = json.loads((out / "score" / "song_0000.json").read_text())["note"]
        assert [note[3] for note in notes] == [midi + shift if midi else 0 for midi in (0, 57, 58, 60, 0)]


def test_every_phoneme_has_a_frame(score_file):
    from espnet_score import Phrase

    labels = [(0.0, 0.001, "k"), (0.001, 0.002, "a"), (0.002, 1.0, "s"), (1.0, 1.001, "o")]
    sung = align(read_song(score_file).notes, labels)
    hop = 44100 // 10
    spec = type(SPEC)(hop_length=hop)
    notes = cut(sung, Phrase("song", -0.05, 13 * hop), spec)
    frames = [part for _, parts in notes for part in parts]
    assert all(last > first for first, last, _ in frames)
    assert frames[0][0] == 0 and frames[-1][1] == 13 and all(a[1] == b[0] for a, b in zip(frames, frames[1:]))
