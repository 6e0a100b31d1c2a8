"""Frames in another time."""

import numpy as np
import pytest

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.pitch.note_moves import NoteMoves, read_moves
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.feature.stretch import at_positions, pitch_at_positions, stretch_positions

SPEC = FeatureSpec()
RATE = SPEC.frame_rate


def a_word():
    """Voicing of consonant (80 ms), vowel (0.8 s), consonant (80 ms), vowel (0.8 s), rest (0.8 s)."""
    return np.concatenate(
        [np.full(round(s * RATE), v) for s, v in ((0.08, 0), (0.8, 1), (0.08, 0), (0.8, 1), (0.8, 0))]
    )


@pytest.mark.parametrize("factor", [0.25, 0.5, 0.8, 1.3, 2.0, 4.0])
def test_the_whole_becomes_so_much_longer_and_consonants_hardly(factor):
    voiced = a_word()
    positions = stretch_positions(voiced, factor, SPEC)
    assert len(positions) == round(factor * len(voiced)) and positions[0] == 0
    assert (np.diff(positions) >= 0).all() and positions[-1] > len(voiced) - 1 - max(2, 2 / factor)
    begin, end = round(0.88 * RATE), round(0.96 * RATE)  # the second consonant
    consonant = ((positions >= begin) & (positions < end)).sum() / (end - begin)
    held = ((positions >= begin - 60) & (positions < begin)).sum() / 60
    rest = (positions >= len(voiced) - 60).sum() / 60
    assert abs(np.log(consonant)) < 0.35 * abs(np.log(factor)) or factor <= 0.5
    assert abs(np.log(held)) > 0.9 * abs(np.log(factor)) and rest == pytest.approx(held, abs=0.1)


def test_1_changes_nothing_and_all_of_one_kind_is_stretched_alike():
    assert np.array_equal(stretch_positions(a_word(), 1.0, SPEC), np.arange(len(a_word())))
    for n in (1, 100):
        positions = stretch_positions(np.zeros(n), 2.0, SPEC)
        np.testing.assert_allclose(positions, np.minimum(np.arange(2 * n) / 2, n - 1), atol=1e-9)
    with pytest.raises(UserError, match="a stretch of 9 is not"):
        stretch_positions(a_word(), 9, SPEC)


def test_frames_at_positions():
    frames = np.arange(12, dtype=np.float32).reshape(4, 3)
    np.testing.assert_allclose(at_positions(frames, np.array([-1, 0.5, 2.25, 9]))[:, 0], [0, 1.5, 6.75, 9])
    assert at_positions(frames[:1], np.array([0.0, 3.0])).shape == (2, 3)
    np.testing.assert_allclose(pitch_at_positions(np.float32([100, 400]), np.array([0.5])), [200], rtol=1e-6)


def test_notes_are_moved_singly(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("start,end,semitones\n0.5,1.0,-2\n1.0,1.5,3\n")
    moves = NoteMoves(path).at_frames(SPEC, round(2 * RATE))
    time = np.arange(len(moves)) / RATE
    for begin, end, value in ((0, 0.49, 0), (0.54, 0.96, -2), (1.04, 1.46, 3), (1.52, 2, 0)):
        np.testing.assert_allclose(moves[(time > begin) & (time < end)], value, atol=1e-5)
    around = moves[(time > 0.97) & (time < 1.03)]
    assert (np.diff(around) > 0).all()  # straight from one to the other
    assert NoteMoves().at_frames(SPEC, 9) is None and NoteMoves(tmp_path).at_frames(SPEC, 9, "b") is None
    assert NoteMoves(tmp_path).at_frames(SPEC, 9, "a") is not None and NoteMoves(tmp_path).state("a")


@pytest.mark.parametrize(
    "text, words",
    [
        ("1,2\n", "line 1: give start, end and semitones"),
        ("2,1,3\n", "line 1: a note ends after it starts"),
        ("0,1,99\n", "up to 60 semitones"),
        ("0,1,2\n0.5,2,1\n", "lie over one another at 0.5"),
        ("", "no note in it"),
    ],
)
def test_tables_that_are_none(tmp_path, text, words):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(UserError, match=words):
        read_moves(tmp_path / "a.csv")
