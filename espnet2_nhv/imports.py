"""What importing others costs."""

import contextlib
from typing import Iterator


@contextlib.contextmanager
def without_type_checks() -> Iterator[None]:
    """Modules imported within leave typeguard's ``typechecked`` aside.

    It rewrites each function that it decorates, which is a third of what importing ESPnet takes; its checks help who
    writes such functions, not who sings. Modules imported before keep theirs, and so do those imported after.
    """
    import typeguard

    def left_alone(target=None, **options):
        return left_alone if target is None else target

    given, typeguard.typechecked = typeguard.typechecked, left_alone
    try:
        yield
    finally:
        typeguard.typechecked = given
