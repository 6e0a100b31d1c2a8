"""What ESPnet imports for speech and takes seconds for is loaded when it is used."""

import importlib
import importlib.machinery
import importlib.util
import sys
import types

# English pronunciation, which also tries to download, and English numbers in words.
_SLOW = ("g2p_en", "tacotron_cleaner", "tacotron_cleaner.cleaners")


class _Later(types.ModuleType):
    """Stands for a module until something in it is asked for; importlib's own LazyLoader gives way to mere looks."""

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)
        package = self.__name__.split(".")[0]
        family = [slow for slow in _SLOW if slow.split(".")[0] == package]
        for slow in family:
            if isinstance(sys.modules.get(slow), _Later):
                del sys.modules[slow]
        for slow in family:
            importlib.import_module(slow)
        return getattr(sys.modules[self.__name__], name)


def import_later() -> None:
    """Put stand-ins in the place of slow modules that are installed; before ESPnet is imported.

    They have a spec, for others look with ``importlib.util.find_spec`` whether such a module is there (transformers).
    """
    for name in _SLOW:
        package = name.split(".")[0]
        spec = importlib.util.find_spec(package)  # of a stand-in, too, and without importing anything
        if name not in sys.modules and spec is not None:
            later = _Later(name)
            later.__spec__ = spec if name == package else importlib.machinery.ModuleSpec(name, None)
            sys.modules[name] = later
