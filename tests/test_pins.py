"""The pins and their hashes."""

import re
from pathlib import Path

TOOLS = Path(__file__).resolve().parents[1] / "tools"


def pins(name):
    """{(package, version)} of a file, and how many hashes each has."""
    found, last = {}, None
    for line in (TOOLS / name).read_text(encoding="utf-8").splitlines():
        if pin := re.match(r"([A-Za-z0-9._-]+)==([^ ;\\]+)", line):
            last = re.sub(r"[._-]+", "-", pin[1]).lower(), pin[2]
            found[last] = 0
        found[last] = found.get(last, 0) + len(re.findall(r"--hash=sha256:[0-9a-f]{64}\b", line))
    return {pin: count for pin, count in found.items() if pin}


def test_every_pin_has_its_hashes():
    """After a change of tools/constraints.txt: tools/hashes.sh."""
    hashes = pins("hashes.txt")
    assert hashes.keys() == pins("constraints.txt").keys() and all(hashes.values())


def test_every_package_is_pinned_for_every_python():
    """Once for all, or once below a version of Python and once from it on: music21, numpy and others have left 3.10
    behind, and setuptools of before does not run on 3.12."""
    markers = {}
    for line in (TOOLS / "constraints.txt").read_text(encoding="utf-8").splitlines()[1:]:
        pin, _, marker = line.partition(" ; ")
        markers.setdefault(pin.partition("==")[0].lower(), []).append(marker)
    ways = [[""]] + [[f'python_version < "{v}"', f'python_version >= "{v}"'] for v in ("3.11", "3.12")]
    ways.append(['python_version < "3.11"'])  # what only 3.10 needs
    assert all(sorted(found) in ways for found in markers.values()), markers
