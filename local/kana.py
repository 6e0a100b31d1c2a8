"""Japanese syllables in kana as phonemes, spelt as OpenJTalk spells them."""

from typing import List

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


def phonemes(text: str) -> List[str]:
    """Phonemes of a syllable or more in hiragana or katakana; a vowel that is held (ー) is one phoneme.

    Raises
    ------
    UserError
        If a character is not kana.
    """
    out: List[str] = []
    for character in text:
        # Katakana lie 96 code points above hiragana.
        kana = chr(ord(character) - 96) if "ァ" <= character <= "ヴ" else character
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
        elif not kana.isspace():
            raise UserError(f"{text!r}: {character!r} is not kana")
    return out
