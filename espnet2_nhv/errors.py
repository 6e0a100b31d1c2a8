"""The one exception that users are meant to read."""


class UserError(Exception):
    """Something the user can mend, said in one sentence: what is wrong, where, and what to do.

    Command lines print it without a traceback and exit with status 1 (:mod:`espnet2_nhv.bin.cli`).
    """
