"""Law 11: imports point one way, siblings do not import each other, nothing imports the package root."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.house.house import ORDER, PACKAGE, Source, broken, package_sources, planted

RANK = {room: rank for rank, rooms in enumerate(ORDER) for room in rooms}


def one_way(source: Source) -> Iterator[str]:
    """The imports of `source` that do not point up the order of rooms."""
    if source.room and source.room not in RANK:
        yield source.at(1, f"the room {source.room!r} has no place; enter it in ORDER (and PURE) of house.py")
        return
    for line, name in source.imports:
        if name.startswith("."):
            yield source.at(line, f"relative import {name!r}; write the full name, {PACKAGE}.<room>")
        elif name.partition(".")[0] == PACKAGE:
            problem = _wrong_way(source.room, name)
            if problem:
                yield source.at(line, problem)


def _wrong_way(room: str, name: str) -> str:
    other = name.split(".")[1] if "." in name else ""
    if not room:
        return f"the package root imports {name!r}, so every import loads it; let the user import the room"
    if other not in RANK or name.count(".") == 1:
        return f"imports {name!r} through the package root; write `from {PACKAGE}.<room> import <name>`"
    if other == room or RANK[other] < RANK[room]:
        return ""
    if RANK[other] == RANK[room]:
        return f"{room!r} imports its sibling {other!r}; move what both need into a room above them"
    return f"{room!r} imports {other!r}, which stands below it; pass the value in, or move the code to {other!r}"


def test_imports_point_one_way() -> None:
    """Every room imports only from rooms above it in the order."""
    assert not broken(one_way, package_sources())


@pytest.mark.parametrize(
    ("room", "line", "repair"),
    [
        ("floor", "from monitoring_core.engine import step", "pass the value in"),
        ("floor", "def f():\n    import monitoring_core.cli.main", "pass the value in"),
        ("rules", "from monitoring_core.session import TABLE", "move what both need into a room above"),
        ("engine", "from monitoring_core import floor", "from monitoring_core.<room> import <name>"),
        ("engine", "import monitoring_core", "from monitoring_core.<room> import <name>"),
        ("engine", "from monitoring_core import __version__", "from monitoring_core.<room> import <name>"),
        ("engine", "from .floor import Floor", "write the full name"),
        ("attic", "", "enter it in ORDER"),
        ("", "from monitoring_core.errors import quote", "let the user import the room"),
    ],
)
def test_a_wrong_import_is_found(room: str, line: str, repair: str) -> None:
    """A planted import against the order is refused with its repair."""
    assert repair in planted(one_way, line, f"{PACKAGE}.{room}.x" if room else PACKAGE)


def test_a_right_import_is_left_alone() -> None:
    """An import from a room above, from the own room, or from elsewhere is no problem."""
    text = "import json\nfrom monitoring_core.errors import quote\nfrom monitoring_core.floor.calls import Calls\n"
    assert not planted(one_way, text, f"{PACKAGE}.floor.people")
