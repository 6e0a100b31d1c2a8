"""Lyrics as phonemes, songs as phrases, phonemes as frames."""

import numpy as np
import pytest

from espnet2_nhv.errors import UserError
from espnet2_nhv.notation.kana import phonemes
from espnet2_nhv.notation.notes import Note, Song
from espnet2_nhv.notation.phrases import phrases
from espnet2_nhv.notation.timing import frames_by_score

SPELT = {
    "しゃ": "sh a", "にゅー": "ny u", "ふぁ": "f a", "てぃ": "t i", "うぇ": "w e", "ちぇっ": "ch e cl", "ん": "N",
    "じょ": "j o", "つ": "ts u", "そ": "s o", "ぞ": "z o", "を": "o", "わ": "w a", "キャ": "ky a", "ヴァ": "v a",
    "いぇ": "y e", "ー": "", "みゅ\n": "my u", "ｶﾞ": "g a", "は、": "h a", "「か」": "k a",
    # romaji
    "ka": "k a", "KYA": "ky a", "shi": "sh i", "si": "sh i", "tsu": "ts u", "tu": "ts u", "fu": "f u", "tō": "t o",
    "kitte": "k i cl t e", "matcha": "m a cl ch a", "kan'i": "k a N i", "konnichiwa": "k o N n i ch i w a",
    "n": "N", "sa-": "s a", "ji": "j i", "ｋａ": "k a",
}  # fmt: skip
KNOWN = "pau a i u e o N k s t n m r g b sh ky".split()


@pytest.mark.parametrize("text", SPELT)
def test_lyrics(text):
    assert " ".join(phonemes(text)) == SPELT[text]


@pytest.mark.parametrize("text", ["猫", "hello", "la", "5", "strength"])
def test_what_is_neither_kana_nor_romaji(text):
    with pytest.raises(UserError, match=f"{text!r}: .* is neither kana nor romaji"):
        phonemes(text)


def sung(*notes):
    return Song([Note(*note, bar=index) for index, note in enumerate(notes, 1)], 120.0)


def test_phrases():
    song = sung(
        (0, 1, 0), (1, 2, 60, "か"), (2, 2.1, 0), (2.1, 3, 62, "せん"), (3, 4, 64), (4, 5, 0), (5, 6, 60, "きょ")
    )
    first, second = phrases(song, KNOWN)
    assert [(s.start, s.end, s.midi, "_".join(s.phones), s.lyric) for s in first] == [
        (0.75, 1, 0, "pau", "P"), (1, 2, 60, "k_a", "か"), (2, 2.1, 0, "pau", "P"), (2.1, 3, 62, "s_e_N", "せん"),
        (3, 4, 64, "N", "—"), (4, 4.25, 0, "pau", "P"),
    ]  # fmt: skip
    assert [s.phones for s in second] == [["pau"], ["ky", "o"], ["pau"]] and second[-1].end == 6.25


def test_many_phonemes_on_a_note_are_several_pieces():
    (phrase,) = phrases(sung((0, 3, 60, "さくらんぼ")), KNOWN)
    assert [s.phones for s in phrase[1:-1]] == [["s", "a", "k", "u"], ["r", "a", "N"], ["b", "o"]]
    assert [s.start for s in phrase[1:-1]] == [0, 1, 2]


def test_what_cannot_be_sung_names_its_bar():
    with pytest.raises(UserError, match="bar 2: the lyric '桜': '桜' is neither kana nor romaji"):
        phrases(sung((0, 1, 60, "か"), (1, 2, 60, "桜")), KNOWN)
    with pytest.raises(UserError, match="bar 1: a note without lyrics"):
        phrases(sung((0, 1, 60)), KNOWN)
    with pytest.raises(UserError, match="bar 3: a note without lyrics"):
        phrases(sung((0, 1, 60, "か"), (1, 2, 0), (2, 3, 60)), KNOWN)
    with pytest.raises(UserError, match="bar 1: 'は' has the phoneme h, which this model has not learnt"):
        phrases(sung((0, 1, 60, "は")), KNOWN)
    said = []
    (phrase,) = phrases(sung((0, 1, 60, "ゔぁ"), (1, 2, 60, "ゔぃ")), KNOWN, said.append)
    assert phrase[1].phones == ["b", "a"] and len(said) == 1 and "sings b" in said[0]


def test_vowels_begin_with_their_notes():
    song = sung((0, 1, 60, "か"), (1, 2, 62, "せん"), (2, 2.5, 64), (2.5, 3, 60, "お"))
    (phrase,) = phrases(song, KNOWN)
    predicted = [40, 7, 60, 9, 60, 20, 30, 30, 40]  # pau k a s e N N o pau
    frames = frames_by_score(predicted, phrase, 100.0)
    assert frames.tolist() == [25 - 7, 7, 100 - 9, 9, 100 - 20, 20, 50, 50, 25]
    # Consonants of a second are cut down to half of the note before; each phoneme keeps a frame.
    frames = frames_by_score([1, 100, 1, 300, 1, 500, 1, 1, 1], phrase, 100.0)
    assert frames.tolist() == [13, 12, 50, 50, 40, 60, 50, 50, 25]
    fast = sung(*((i * 0.01, i * 0.01 + 0.01, 60, "か") for i in range(5)))
    (phrase,) = phrases(fast, KNOWN)
    frames = frames_by_score([5] * 12, phrase, 100.0)
    assert np.all(frames >= 1)
