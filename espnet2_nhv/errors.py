"""The one exception that users are meant to read."""

_LONGEST = 200  # letters of what a library says; some put the whole file into it


class UserError(Exception):
    """Something the user can mend, said in one sentence: what is wrong, where, and what to do.

    Command lines print it without a traceback and exit with status 1 (:mod:`espnet2_nhv.bin.cli`).
    """


def in_one_line(error: BaseException) -> str:
    """What another's error says, to be put into a sentence: one line, printable, never empty, not long."""
    said = "".join(letter if letter.isprintable() else " " for letter in str(error)[: 4 * _LONGEST])
    return " ".join(said.split())[:_LONGEST] or type(error).__name__
