"""The rooms of docs/design.md: imports run downward only, files stay short, nothing lies about unused."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "espnet2_nhv"
# From the ground up; a room imports rooms of lower floors only. docs/design.md shows the same.
FLOORS = [
    {"errors", "files", "caches", "imports"},
    {"text", "alone", "arguments"},
    {"dsp", "notation"},
    {"feature"},
    {"loss", "discriminator"},
    {"vocoder"},
    {"refiner"},
    {"export", "espnet"},
    {"synthesis", "train"},
    {"bench"},
    {"score"},
    {"report"},
    {"bin", "run"},
]
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
# Which of ESPnet's insides a room may know; espnet/ and train/ are there for that.
ESPNET = {
    "espnet": ("espnet", "espnet2"),
    "train": ("espnet", "espnet2"),
    "feature": ("espnet2.layers", "espnet2.tts.feats_extract"),  # the mel is ESPnet's own
    "vocoder": ("espnet2.gan_tts", "espnet2.gan_svs", "espnet2.gan_codec"),  # generators on our contract
    "discriminator": ("espnet2.gan_tts",),
}
LONGEST = 320
FILES = sorted(PACKAGE.rglob("*.py"))


def name_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path):
    """Dotted names of all that a file imports, wherever in it; but not what only a type checker would import."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are written in full"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room_of(name):
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else None


def test_every_room_has_its_floor():
    for path in FILES:
        room = room_of(name_of(path))
        assert room is None or room in FLOOR_OF, f"{path}: say in FLOORS and docs/design.md which floor {room} is on"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_arrows_run_down(path):
    room = room_of(name_of(path))
    if room is None:
        return  # espnet2_nhv itself is the door: load_vocoder
    for name in imports_of(path):
        other = room_of(name) if name.startswith("espnet2_nhv.") else None
        if other in FLOOR_OF and other != room:
            assert FLOOR_OF[other] < FLOOR_OF[room], f"{path} imports {name}, which is not below it"
        if name.split(".")[0] in ("espnet", "espnet2"):
            allowed = ESPNET.get(room, ())
            assert any(f"{name}.".startswith(f"{known}.") for known in allowed), f"{path} imports ESPnet's {name}"


def test_there_are_no_circles():
    """Also not through imports inside functions: two files that need each other are one file, or lack a third."""
    modules = {name_of(path): path for path in FILES}
    graph = {name: (set(imports_of(path)) & set(modules)) - {name} for name, path in modules.items()}
    # A package's __init__ only passes on what is in it.
    graph = {name: used for name, used in graph.items() if modules[name].stem != "__init__"}
    while graph:
        leaves = {name for name, used in graph.items() if not used & set(graph)}
        assert leaves, f"these import each other: {sorted(graph)}"
        graph = {name: used for name, used in graph.items() if name not in leaves}


def test_the_ground_floor_knows_nobody():
    for path in FILES:
        if room_of(name_of(path)) == "dsp":
            ours = {name for name in imports_of(path) if name.startswith("espnet2_nhv.")}
            assert all(room_of(name) in ("dsp", "errors") for name in ours), (path, ours)


def test_only_commands_are_imported_by_nobody():
    """Whatever else there is, some other file names: imports it, or registers it as "module:class"."""
    sources = [*FILES, *sorted((ROOT / "local").glob("*.py"))]
    named = {path: set(imports_of(path)) | _modules_in_strings(path) for path in sources}
    for path in FILES:
        name = name_of(path)
        others = set().union(*(names for other, names in named.items() if other != path))
        if room_of(name) == "bin" and path.stem != "cli":
            users = {other for other, names in named.items() if name in names and PACKAGE / "bin" not in other.parents}
            assert not users, f"{path} is a command, and {users} import it"
        elif path.stem != "__init__" and room_of(name) != "run":
            assert name in others, f"{path}: nothing uses it"


def _modules_in_strings(path):
    return set(re.findall(r'"(espnet2_nhv(?:\.\w+)+):[\w{]', path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("folder", ["espnet2_nhv", "local"])
def test_files_are_read_in_one_sitting(folder):
    for path in (ROOT / folder).rglob("*"):
        if path.suffix in (".py", ".js", ".sh", ".j2"):
            lines = len(path.read_text(encoding="utf-8").splitlines())
            assert lines <= LONGEST, f"{path}: {lines} lines, split it"
