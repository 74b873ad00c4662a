"""What `make mutants` decides without cosmic-ray: which mutants make a sample, and which tests are asked about one."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.house.house import Source
from tests.mutants.__main__ import interval, portions
from tests.mutants.made import Mutant, annotated, in_fair_order, lines_of
from tests.mutants.near import OF_ALL_MODULES, Map

TEXT = """def half(
    number: int | None,
) -> int:
    if number is None:
        return (
            0
        )
    return number // 2
"""
HALF = Source("monitoring_core.floor.half", TEXT)


def mutant(line: int, column: int = 4, room: str = "floor", occurrence: int = 0) -> Mutant:
    """One that only has a place."""
    return Mutant(Source(f"monitoring_core.{room}.half", TEXT), "core/Any", occurrence, (line, column))


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 3), st.data())
def test_sample_is_fair(floors: int, engines: int, seed: int, data: st.DataObject) -> None:
    """Every beginning of the order has of each room its share, but for at most two mutants."""
    found = [mutant(1, room="floor", occurrence=number) for number in range(floors)]
    found += [mutant(1, room="engine", occurrence=number) for number in range(engines)]
    count = data.draw(st.integers(0, len(found)))
    begun = Counter(one.room for one in in_fair_order(found, seed)[:count])
    assert abs(begun["floor"] - count * floors / len(found)) <= 2


def test_annotations_are_found() -> None:
    """The annotations of a function are those of what it takes and of what it gives."""
    assert sorted(annotated(HALF)) == [((2, 12), (2, 22)), ((3, 5), (3, 8))]


@pytest.mark.parametrize(("line", "first", "last"), [(2, 1, 3), (4, 4, 4), (6, 5, 7), (8, 8, 8)])
def test_lines_of_statement(line: int, first: int, last: int) -> None:
    """A mutant belongs to all lines of the innermost statement, and only to the head of one that holds others."""
    assert lines_of(mutant(line)) == range(first, last + 1)


def test_near_tests_come_first() -> None:
    """A room's own tests are asked before all others, the quickest first, and each test once."""
    tests = ["tests/test_engine.py::test_a", "tests/test_floor.py::test_b", "tests/test_floor.py::test_c"]
    near = Map("", tests, [0.1, 2.0, 1.0], {"monitoring_core.floor.half": {8: [0, 1, 2]}}, [], [])
    assert list(portions(near, mutant(8), 0.5)) == [[2, 1], [0]]


def test_line_of_an_import_is_asked_of_the_whole_module() -> None:
    """A line that no test runs, as it runs on import, is asked of all tests that run any line of its module."""
    near = Map("", ["a", "b"], [2.0, 1.0], {"monitoring_core.floor.half": {8: [0], 4: [1]}}, [], [])
    assert near.covering(mutant(1)) == [1, 0]


def test_line_of_an_import_is_asked_of_what_looks_at_all_modules() -> None:
    """A test that looks at every module as it is when imported is asked of such a line, too, and of no other."""
    near = Map("", ["a", *OF_ALL_MODULES], [2.0, 1.0], {"monitoring_core.floor.half": {8: [0]}}, [], [])
    assert (near.covering(mutant(1)), near.covering(mutant(8))) == ([1, 0], [0])


def test_interval_holds_the_share() -> None:
    """540 of 600 is 90 %, and the true share is between 87.3 % and 92.2 % (Wilson's interval, worked by hand)."""
    low, high = interval(540, 600)
    assert (round(low, 3), round(high, 3)) == (0.873, 0.922)
