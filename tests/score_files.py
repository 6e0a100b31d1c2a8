"""Scores as files, written by hand."""


def note_xml(length, pitch=None, lyric="", tie="", voice="1", more=""):
    what = f"<pitch><step>{pitch[0]}</step>{pitch[2:]}<octave>{pitch[1]}</octave></pitch>" if pitch else "<rest/>"
    lyrics = lyric if isinstance(lyric, dict) else {1: lyric} if lyric else {}
    text = "".join(f"<lyric number='{n}'><text>{word}</text></lyric>" for n, word in lyrics.items())
    tied = f'<tie type="{tie}"/>' if tie else ""
    long = "" if more == "<grace/>" else f"<duration>{length}</duration>"
    return f"<note>{more}{what}{long}{tied}<voice>{voice}</voice>{text}</note>"


def tempo_xml(tempo):
    return f"<direction><direction-type><words/></direction-type><sound tempo='{tempo}'/></direction>"


def write_xml(path, *measures, parts=None):
    """A score of one part, or of `parts`: a dict of names to lists of measures, each a string of XML."""
    parts = parts or {"voice": measures}
    names = "".join(
        f"<score-part id='P{i}'><part-name>{name}</part-name></score-part>" for i, name in enumerate(parts, 1)
    )
    text = "<?xml version='1.0' encoding='UTF-8'?><score-partwise version='3.1'>" + f"<part-list>{names}</part-list>"
    for i, bars in enumerate(parts.values(), 1):
        text += f"<part id='P{i}'>"
        for number, bar in enumerate(bars, 1):
            head = "<attributes><divisions>4</divisions></attributes>" if number == 1 else ""
            text += f"<measure number='{number}'>{head}{bar}</measure>"
        text += "</part>"
    path.write_text(text + "</score-partwise>", encoding="utf-8")
    return path
