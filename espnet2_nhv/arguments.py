"""Arguments that come from YAML files and command lines: are they of the types that a class is annotated with?"""

import numbers
import typing
from typing import Any, Callable, Dict

from espnet2_nhv.errors import UserError

# What a class raises of arguments of another type or out of range, where it has no word of its own.
WRONG_ARGUMENTS = (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RuntimeError, AssertionError)

_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a word"}


def check_types(function: Callable, arguments: Dict[str, Any], what: str) -> None:
    """Refuse arguments that are not of their annotated type; only plain types and Optionals of them are looked at.

    Parameters
    ----------
    function : with annotations
    arguments : by name
    what : str, whose arguments they are, named in errors

    Raises
    ------
    UserError
        Naming the argument, what it is and what it should be.
    """
    hints = typing.get_type_hints(function)
    for name, value in arguments.items():
        hint = hints.get(name)
        kinds = typing.get_args(hint) if typing.get_origin(hint) is typing.Union else (hint,)
        wanted = [_WORDS[kind] for kind in kinds if kind in _WORDS]
        others = [kind for kind in kinds if kind not in _WORDS and kind is not type(None)]
        if not wanted or others or any(_is(value, kind) for kind in kinds):
            continue
        none = " or null" if type(None) in kinds else ""
        also = ""
        if isinstance(value, str) and float in kinds and _is_number(value):
            also = " (YAML wants a point in it, as in 1.0e-5)"
        raise UserError(f"{what}: {name} is {str(value)[:40]!r}, but {' or '.join(wanted)}{none} is needed{also}")


def _is(value: Any, kind: type) -> bool:
    if kind is float:
        return isinstance(value, numbers.Real) and not isinstance(value, bool) and value == value
    if kind is int:
        return isinstance(value, numbers.Integral) and not isinstance(value, bool)
    return isinstance(value, kind) if isinstance(kind, type) else False


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
