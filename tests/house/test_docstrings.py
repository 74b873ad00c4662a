"""Every module of the package says in two sentences, after "Pure:" or "Shell:", what it owns and refuses to know."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.house.house import PACKAGE, PURE, Source, broken, package_sources, planted

SENTENCE_END = re.compile(r"[.!?](?=\s|$)")


def says_what_it_owns(source: Source) -> Iterator[str]:
    """What is wrong with the docstring of the module `source`."""
    said = ast.get_docstring(source.tree) or ""
    kind = "Pure:" if source.room in PURE or not source.room else "Shell:"
    if not said.startswith(f"{kind} "):
        yield source.at(1, f'the docstring begins "{kind} owns ..."; begin it so, or change PURE in house.py')
    if len(SENTENCE_END.findall(said)) < 2 or "refuse" not in said.lower():
        yield source.at(1, 'the docstring says what the module owns, then "Refuses to ..."; add what is missing')


def test_every_module_says_what_it_owns() -> None:
    """Each module's docstring names its kind, what it owns and what it refuses to know."""
    assert not broken(says_what_it_owns, package_sources())


@pytest.mark.parametrize(
    ("room", "text", "repair"),
    [
        ("floor", "", 'begins "Pure: owns'),
        ("floor", '"""Shell: owns the floor. Refuses to judge."""', 'begins "Pure: owns'),
        ("cli", '"""Pure: owns the command line. Refuses to judge."""', 'begins "Shell: owns'),
        ("floor", '"""Pure: owns the floor, refuses to judge."""', "add what is missing"),
        ("floor", '"""Pure: owns the floor. It is large."""', "add what is missing"),
    ],
)
def test_a_poor_docstring_is_found(room: str, text: str, repair: str) -> None:
    """A planted docstring of the wrong kind or without its second sentence is refused with its repair."""
    assert repair in planted(says_what_it_owns, text, f"{PACKAGE}.{room}")


def test_a_good_docstring_is_left_alone() -> None:
    """A docstring of two sentences with the right kind is no problem."""
    text = '"""Pure: owns the floor.\n\nRefuses to judge.\n"""'
    assert not planted(says_what_it_owns, text, f"{PACKAGE}.floor.calls")
