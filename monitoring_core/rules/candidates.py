"""Pure: owns which other values of a fact the rules could tell apart: constants, gaps between them, one fresh value.

Refuses to know which of them would change a verdict; `remedy` tries them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import combinations
from typing import Any

from monitoring_core.domain.facts import FACTS, Fact
from monitoring_core.rules.book import MODE_FACT, MODES, RuleBook, Test
from monitoring_core.rules.compile import READ, Facts, days_in_month

FRESH = "something else"
_DAY_S = 86_400
_START: dict[str, Any] = {"number": 0, "time": "12:00:00", "date": "2000-01-01"}  # where nothing else is known
_EXACT_MAX = 2**53


def candidates(book: RuleBook, facts: Facts) -> dict[str, tuple[Any, ...]]:
    """For each fact that a rule names and that somebody could change, the values to try, its present one left out.

    Facts that rules compare share their values; elements of sets that no rule tells apart count as one.
    """
    found: dict[str, tuple[Any, ...]] = {}
    if any(rule.to != MODES for rule in book.rules):
        found[MODE_FACT.name] = MODES
    for tests in groups(test for rule in book.rules for part in (rule.when, *rule.unless) for test in part):
        named = {fact.name: fact for test in tests for fact in test.facts}
        constants = [constant for test in tests for constant in _constants(test)]
        present = [value for name, fact in named.items() if (value := READ[fact.type](facts.get(name))) is not None]
        for name, fact in named.items():
            found[name] = tuple(_values(fact, READ[fact.type](facts.get(name)), [*constants, *present]))
    return {
        name: tuple(value for value in dict.fromkeys(found[name]) if value != READ[fact.type](facts.get(name)))
        for name, fact in sorted(book.catalogue.items())
        if name in found and fact.changeable
    }


def groups(tests: Iterable[Test]) -> list[list[Test]]:
    """The tests, those that share a fact together."""
    groups: list[tuple[set[str], list[Test]]] = []
    for test in tests:
        names, together = {fact.name for fact in test.facts}, [test]
        apart = []
        for other_names, others in groups:
            if names & other_names:
                names |= other_names
                together = [*others, *together]
            else:
                apart.append((other_names, others))
        groups = [*apart, (names, together)]
    return [together for _, together in groups]


def _constants(test: Test) -> Iterable[Any]:
    if test.test == "known" or test.other:
        return ()
    return test.literal if isinstance(test.literal, tuple) else (test.literal,)


def _values(fact: Fact, present: Any, pool: list[Any]) -> Iterable[Any]:
    """Every value worth trying for `fact`; `pool`: constants and present values of all that it is compared with."""
    if fact.type == "flag":
        return (True, False)
    if fact.type == "text":
        return fact.values or _elements(pool)
    if fact.type == "set":
        sets = [value for value in pool if isinstance(value, frozenset)]
        return _sets(present or frozenset(), sets, fact.values or _elements(pool))
    points = sorted(set(pool)) or [_START[fact.type]]
    if fact.type == "number":
        counts = fact.name in FACTS  # all built-in numbers count something
        return (number for number in _numbers(points) if not counts or (number >= 0 and number == math.floor(number)))
    return _neighbours(points, _shifted_time if fact.type == "time" else _shifted_date)


def _elements(pool: list[Any]) -> list[str]:
    """One text of each kind that the rules tell apart, and one that no rule knows."""
    sets = [value for value in pool if isinstance(value, frozenset)]
    texts = {value for value in pool if isinstance(value, str)}
    kinds: dict[tuple[object, ...], str] = {}
    for text in sorted(texts.union(*sets)):
        kinds.setdefault((text if text in texts else None, *(text in members for members in sets)), text)
    fresh = FRESH
    while fresh in texts.union(*sets):
        fresh += "'"
    return [*kinds.values(), fresh]


def _sets(present: frozenset[str], sets: list[frozenset[str]], elements: Iterable[str]) -> list[frozenset[str]]:
    """What is there, with and without each of `sets`, and each of them, and up to two elements more; nearest first."""
    around = [near for other in sets for near in (present | other, present - other, present & other, other)]
    few = [frozenset(more) for count in range(3) for more in combinations(elements, count)]
    found = {base | more for base in (present, *around, frozenset[str]()) for more in few}
    return sorted(found, key=lambda members: (len(members ^ present), sorted(members)))


def _numbers(points: list[Any]) -> Iterator[Any]:
    """Each point, one value in each gap (a whole one if there is one), one below and one above all."""
    yield math.ceil(points[0]) - 1
    for point, following in zip(points, [*points[1:], math.inf], strict=True):
        yield point
        whole = math.floor(point) + 1
        if whole < following:
            yield whole
        elif abs(point) < _EXACT_MAX:
            yield point + (following - point) / 2


def _neighbours(points: list[Any], shifted: Callable[[str, int], str]) -> Iterator[Any]:
    """Each time or date, what comes right after it, and what comes right before the first."""
    yield shifted(points[0], -1)
    for point in points:
        yield point
        yield shifted(point, 1)


def _shifted_time(time: str, by_s: int) -> str:
    hours, minutes, seconds = map(int, time.split(":"))
    total_s = (hours * 3600 + minutes * 60 + seconds + by_s) % _DAY_S
    return f"{total_s // 3600:02}:{total_s // 60 % 60:02}:{total_s % 60:02}"


def _shifted_date(date: str, by_days: int) -> str:
    """The day before or after; the calendar's own ends stay."""
    year, month, day = map(int, date.split("-"))
    day += by_days
    if day < 1:
        year, month = (year, month - 1) if month > 1 else (year - 1, 12)
        day = days_in_month(year, month)
    elif day > days_in_month(year, month):
        year, month, day = (year, month + 1, 1) if month < 12 else (year + 1, 1, 1)  # noqa: PLR2004
    return f"{year:04}-{month:02}-{day:02}" if 1 <= year <= 9999 else date  # noqa: PLR2004
