"""Scores as musicians write them: notes and lyrics out of MusicXML, MIDI and OpenUtau's files."""

from espnet2_nhv.notation.read import read_song  # noqa: F401
