"""Run a program of ESPnet with our vocoders, discriminators and joint models registered.

::

    python -m espnet2_nhv.run -m espnet2.bin.gan_svs_train --config ...
    python -m espnet2_nhv.run pyscripts/utils/some_script.py ...

It takes what ``python`` takes: ``-m MODULE``, ``-c CODE``, ``-`` or a script's path. So ESPnet's recipes take it as
``--python "python3 -m espnet2_nhv.run"``. ``--durations label`` before them makes singing synthesis keep the
timing of the label files instead of the predicted one.
"""

import builtins
import importlib
import importlib.util
import os
import runpy
import sys
from typing import Any, Dict, List

from espnet2_nhv.errors import UserError
from espnet2_nhv.espnet import register

# At the top level of the module: processes that ESPnet spawns import this module and no more.
register()

_SCRIPT = "ESPNET2_NHV_SCRIPT"  # tells spawned processes which script they belong to
_names: Dict[str, Any] = {}  # what the script has defined


def __getattr__(name: str) -> Any:
    """Names of the script: it runs inside this module, where spawned processes look for what it gave them to do."""
    if not _names and os.environ.get(_SCRIPT) and __name__ == "__mp_main__":
        _names.update(runpy.run_path(os.environ[_SCRIPT], run_name="__mp_main__"))
    if name.startswith("__") or name not in _names:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _names[name]


def run(arguments: List[str]) -> None:
    """Run what `arguments`, those of a Python command line, name."""
    if arguments[:1] == ["--durations"]:
        from espnet2_nhv.espnet.listener import set_durations

        set_durations(arguments[1] if len(arguments) > 1 else "")
        arguments = arguments[2:]
    if not arguments or arguments[0] in ("-h", "--help"):
        print(__doc__.strip())
        return
    first, rest = arguments[0], arguments[1:]
    if first in ("-m", "-c") and not rest:
        raise UserError(f"{first} needs {'the name of a module' if first == '-m' else 'code'} after it")
    if first == "-m":
        _run_module(rest[0], rest[1:])
    elif first == "-c":
        _run_code(rest[0], ["-c", *rest[1:]])
    elif first == "-":
        _run_code(sys.stdin.read(), arguments)
    elif first.startswith("-"):
        raise UserError(f"there is no option {first}; give --durations, -m MODULE, -c CODE or a script's path")
    elif os.path.isfile(first):
        _run_script(first, arguments)
    else:
        raise UserError(f"{first}: there is no such script")


def _run_module(name: str, arguments: List[str]) -> None:
    try:
        found = importlib.util.find_spec(name)
    except ModuleNotFoundError:
        found = None
    if found is None:
        raise UserError(f"-m {name}: there is no such module")
    sys.argv = [found.origin or name, *arguments]
    module = importlib.import_module(name)
    if callable(getattr(module, "main", None)):
        # Under its own name and not as __main__, so that a process spawned by it finds its classes.
        module.main()
    else:
        runpy.run_module(name, run_name="__main__", alter_sys=True)


def _run_script(path: str, argv: List[str]) -> None:
    # Not runpy: that makes the script the main module, and spawned processes would import it instead of this one.
    path = os.environ[_SCRIPT] = os.path.abspath(path)
    sys.argv, sys.path[0] = argv, os.path.dirname(path)
    _names.update(__name__="__main__", __file__=path, __builtins__=builtins)
    with open(path, "rb") as file:
        exec(compile(file.read(), path, "exec"), _names)


def _run_code(code: str, argv: List[str]) -> None:
    sys.argv = argv
    exec(compile(code, "<string>", "exec"), {"__name__": "__main__"})


def main() -> None:
    try:
        run(sys.argv[1:])
    except UserError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
