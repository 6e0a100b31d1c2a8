"""Japanese syllables in kana or romaji as phonemes, spelt as OpenJTalk spells them."""

import re
from typing import List

import jaconv

from espnet2_nhv.errors import UserError

_ROWS = {
    "": "あいうえお", "k": "かきくけこ", "g": "がぎぐげご", "s": "さ・すせそ", "z": "ざ・ずぜぞ", "t": "た・・てと",
    "d": "だ・・でど", "n": "なにぬねの", "h": "はひ・へほ", "b": "ばびぶべぼ", "p": "ぱぴぷぺぽ", "m": "まみむめも",
    "r": "らりるれろ", "y": "や・ゆ・よ", "w": "わ・・・・",
}  # fmt: skip
_VOWELS = "aiueo"
_SMALL = dict(zip("ぁぃぅぇぉ", _VOWELS), ゃ="a", ゅ="u", ょ="o")


def _table() -> dict:
    table = {
        kana: [consonant, vowel] if consonant else [vowel]
        for consonant, row in _ROWS.items()
        for kana, vowel in zip(row, _VOWELS)
        if kana != "・"
    }
    table.update(し=["sh", "i"], じ=["j", "i"], ち=["ch", "i"], ぢ=["j", "i"], つ=["ts", "u"], づ=["z", "u"])
    table.update(ふ=["f", "u"], を=["o"], ん=["N"], っ=["cl"], ゔ=["v", "u"])
    return table


_KANA = _table()


_LONG = dict(zip("āīūēōâîûêô", 2 * "aiueo"))
_WORD = re.compile(r"[a-z'’-]+")
_ROMAJI = re.compile(  # one syllable, its consonant once more for a small tsu before it
    r"(?:([bcdfghjkmprstvwz])(?=\1)|t(?=ch))?(?:(?:[bdfghjkmnprstvwyz]|[bdfghjkmnprstvz]y|[sc]h|[kg]w|ts)?[aiueo]|n(?![aiueoy])'?)-?"
)
_UNSUNG = " 　、。，．,.!?！？「」『』()（）…・"


def hiragana(text: str) -> str:
    """A lyric in hiragana: from katakana, half or full width, or romaji (Hepburn or Kunrei; ō is o held)."""
    text = jaconv.kata2hira(jaconv.h2z(jaconv.z2h(text, kana=False, ascii=True, digit=True), kana=True)).lower()
    text = "".join(_LONG.get(character, character) + ("ー" if character in _LONG else "") for character in text)
    return _WORD.sub(lambda found: _kana_of(found[0].replace("’", "'")), text)


def _kana_of(romaji: str) -> str:
    place = 0
    while place < len(romaji):
        syllable = _ROMAJI.match(romaji, place)
        if syllable is None:
            return romaji
        place = syllable.end()
    return jaconv.alphabet2kana(re.sub("nn(?=[aiueoy])", "n'n", romaji.replace("-", "")))


def phonemes(text: str) -> List[str]:
    """Phonemes of a syllable or more in kana or romaji; a vowel that is held (ー) is one phoneme.

    Raises
    ------
    UserError
        If a character is neither.
    """
    out: List[str] = []
    for kana in hiragana(text):
        if kana in "ー－-〜":
            continue
        if kana in _SMALL:
            if len(out) < 1 or out[-1] not in _VOWELS:
                out.append(_SMALL[kana])
                continue
            first = out.pop()
            consonant = out[-1] if out and out[-1] not in _VOWELS else ""
            if kana in "ゃゅょ" and consonant not in ("sh", "j", "ch"):
                out[-1:] = [f"{consonant}y"] if consonant else ["y"]
            elif not consonant:
                out.append("w" if first == "u" else "y")
            out.append(_SMALL[kana])
        elif kana in _KANA:
            out += _KANA[kana]
        elif kana not in _UNSUNG and not kana.isspace():
            raise UserError(f"{text!r}: {kana!r} is neither kana nor romaji")
    return out
