"""Law 1: a pure room imports directly nothing that touches the world, and calls nothing that does."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.house.house import PACKAGE, Source, broken, package_sources, planted, pure_sources

# Not a list of the bad but of the good: a module that nobody thought of is refused until somebody has.
HARMLESS = frozenset(
    "__future__ abc bisect collections contextlib copy dataclasses difflib enum functools hashlib heapq itertools json"
    " math operator re string textwrap tomllib types typing attrs msgspec transitions xml monitoring_core".split()
)
WORLDLY = frozenset("open input print breakpoint".split())
NOWHERE = frozenset("eval exec compile __import__".split())


def imports_are_harmless(source: Source) -> Iterator[str]:
    """The imports of a pure `source` that could read a clock, a disk, a network, chance or the environment."""
    for line, name in source.imports:
        if name.partition(".")[0] not in HARMLESS:
            yield source.at(
                line,
                f"a pure room imports {name!r}; let the shell do it and pass the value in with the event "
                "(a module without clock, chance, files, sockets, threads, logs, environment: enter it in HARMLESS)",
            )


def calls_stay_inside(source: Source) -> Iterator[str]:
    """The calls of a pure `source` that reach a file, a terminal or a debugger."""
    for line, name in _called(source, WORLDLY):
        yield source.at(line, f"a pure room calls {name}(); return the value and let the shell carry it out")


def text_is_never_code(source: Source) -> Iterator[str]:
    """The calls of any `source` that turn text into code."""
    for line, name in _called(source, NOWHERE):
        yield source.at(line, f"{name}() turns text into code; rules are data (law 4), write a table or a closure")


def _called(source: Source, names: frozenset[str]) -> Iterator[tuple[int, str]]:
    for node in source.nodes:
        if isinstance(node, ast.Name) and node.id in names:
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "builtins":
            yield from ((node.lineno, name) for name in names & {node.attr})


def test_pure_rooms_import_nothing_worldly() -> None:
    """No pure room imports a clock, chance, files, sockets, threads, logging or the environment."""
    assert not broken(imports_are_harmless, pure_sources())


def test_pure_rooms_call_nothing_worldly() -> None:
    """No pure room opens a file, reads the terminal or prints."""
    assert not broken(calls_stay_inside, pure_sources())


def test_no_room_turns_text_into_code() -> None:
    """No room, pure or shell, evaluates text."""
    assert not broken(text_is_never_code, package_sources())


@pytest.mark.parametrize(
    "module",
    "time datetime random secrets uuid os io pathlib socket threading asyncio logging subprocess sys structlog".split(),
)
def test_a_worldly_import_is_found(module: str) -> None:
    """A planted import of a worldly module is refused with its repair, also inside a function."""
    for text in (f"import {module}", f"from {module} import thing", f"def f():\n    import {module}"):
        assert "pass the value in with the event" in planted(imports_are_harmless, text)


@pytest.mark.parametrize("text", ["open('x')", "print(1)", "read = open", "import builtins\nbuiltins.input()"])
def test_a_worldly_call_is_found(text: str) -> None:
    """A planted call that reaches outside is refused with its repair, also under another name."""
    assert "let the shell carry it out" in planted(calls_stay_inside, text)


@pytest.mark.parametrize("name", sorted(NOWHERE))
def test_text_as_code_is_found(name: str) -> None:
    """A planted evaluation of text is refused with its repair."""
    assert "rules are data" in planted(text_is_never_code, f"{name}('1')", f"{PACKAGE}.cli")


def test_harmless_code_is_left_alone() -> None:
    """What only looks like the forbidden, a method of that name or a compiled pattern, is no problem."""
    text = "import re\nfrom collections.abc import Iterator\nPATTERN = re.compile('x')\nfile.open()\n"
    for law in (imports_are_harmless, calls_stay_inside, text_is_never_code):
        assert not planted(law, text)
