"""What a file is by its first bytes, whatever it is called."""

import struct
from typing import Optional

_STARTS = (
    (b"\x00\x05\x16\x07", "a Mac's own facts on a file (._NAME), not sound"),
    (b"version https://git-lfs", "a pointer of Git LFS, not the file itself: run git lfs pull"),
    (b"#!AMR", "AMR"),
    (b"\x1a\x45\xdf\xa3", "Matroska or WebM"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "WMA"),
    (b".RMF", "RealAudio"),
    (b"MAC ", "Monkey's Audio (ape)"),
    (b"wvpk", "WavPack"),
    (b"TTA1", "True Audio"),
    (b"DSD ", "DSD"),
    (b"MThd", "MIDI, which has notes and no sound"),
    (b"PK\x03\x04", "a zip archive: unpack it"),
    (b"\x1f\x8b", "a gzip archive: unpack it"),
    (b"Rar!", "a rar archive: unpack it"),
    (b"%PDF", "a PDF document"),
    (b"ID3", "MP3, damaged or with AAC in it"),
    (b"ADIF", "AAC"),
)
# Of WAVE files: what libsndfile has no decoder for.
_CODECS = {0x0050: "MPEG layer 2", 0x00FF: "AAC", 0x0160: "WMA", 0x0161: "WMA", 0x1600: "AAC", 0x1610: "AAC"}
CONVERTIBLE = ("AAC", "AMR", "Matroska", "WMA", "Real", "Monkey", "WavPack", "True", "DSD", "MPEG", "MP3", "video")


def kind_of(head: bytes) -> Optional[str]:
    """What a file that begins with `head` (64 bytes do) is, as ``it is KIND`` says it; None where nothing is known."""
    if head[4:8] == b"ftyp":
        return "AAC in MP4 (m4a)" if head[8:11] in (b"M4A", b"mp4", b"iso", b"3gp") else "a video (MP4 or QuickTime)"
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return "AAC"
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        at = head.find(b"fmt ")
        tag = struct.unpack_from("<H", head, at + 8)[0] if 0 <= at <= len(head) - 10 else None
        return f"{_CODECS[tag]} in WAVE" if tag in _CODECS else None
    if head[:4] == b"RIFF":
        return "a video (AVI)" if head[8:12] == b"AVI " else None
    known = next((kind for start, kind in _STARTS if head.startswith(start)), None)
    if known:
        return known
    text = head.lstrip(b"\xef\xbb\xbf\r\n\t ").lower()
    if text.startswith((b"<!doctype", b"<html")):
        return "a web page: the download has failed"
    return "text" if head and all(byte in b"\t\r\n" or 32 <= byte < 127 for byte in head) else None


def needs_ffmpeg(kind: Optional[str]) -> bool:
    """Whether ffmpeg would read it."""
    return kind is not None and any(word in kind for word in CONVERTIBLE)
