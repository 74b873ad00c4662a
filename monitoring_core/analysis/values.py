"""Shell: owns which values facts may take so that no rule could tell any others apart: all that there is to try.

Refuses to know rules; tests come in groups that share facts, and what comes out is one case after another.

Why that is enough, where a group's constants are those of its tests and defaults:

- A fact that is not known is a case of its own; where a book has a default for it, so is a value of another type.
- Numbers, times and dates are told apart by their order only, among themselves and among the constants: each
  constant, and between two of them as many values as there are facts to compare (fewer where fewer fit).
- Texts are told apart by the constants that they are, or are in, and by being equal. Texts that no constant tells apart
  are of one kind, and of a kind as many are tried as there are texts to compare.
- Of sets only matters which elements they share with each other, with the constants and with the texts: of each kind
  one element more for each of the 2^k - 1 ways of being in some of k sets.

A fact with `values` has no others, and a built-in number counts something: it is whole, and not negative.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import chain, combinations, islice, pairwise, product
from typing import Any

import attrs

from monitoring_core.domain.facts import FACTS, Fact
from monitoring_core.rules.book import Test

Case = dict[str, Any]
"""Facts by name; one that is not there is not known."""

FRESH = "something else"
_DAY_S = 86_400
_EXACT_MAX = 2**53
_BOUNDS = {"time": (0, _DAY_S - 1), "date": (1, date.max.toordinal())}


def misfit(fact: Fact) -> Any:
    """A value that is not of the fact's type: it is not known, though there is a default."""
    return 0 if fact.type == "text" else "of another type"


@attrs.frozen
class Values:
    """What can be told apart of facts of one group. `tests`: all that read one of `facts`, and no others.

    `defaults`: what each book has for those facts. `count`: called for each case that is looked at.
    """

    facts: Sequence[Fact]
    tests: Sequence[Test]
    defaults: Sequence[Mapping[str, Any]]
    count: Callable[[], None]

    def cases(self) -> Iterator[Case]:
        """Every case of these facts that the tests might tell apart, those with the fewest known facts first."""
        defaulted = set().union(*self.defaults)
        for number in range(len(self.facts) + 1):
            for known in combinations(self.facts, number):
                rest = [fact for fact in self.facts if fact.name in defaulted and fact not in known]
                for size in range(len(rest) + 1):
                    for odd in combinations(rest, size):
                        misfits = {fact.name: misfit(fact) for fact in odd}
                        yield from ({**misfits, **case} for case in self._known(known))

    def _known(self, known: Sequence[Fact]) -> Iterator[Case]:
        """Every way of giving all of `known` a value; facts that are compared are of one type, or texts and sets."""
        texts, sets = ([fact for fact in known if fact.type == kind] for kind in ("text", "set"))
        others = [fact for fact in known if fact.type not in ("text", "set")]
        elements = self._elements(len(texts), len(sets)) if texts or sets else []
        for chosen in product(*([one for one in elements if _may_be(fact, one)] for fact in texts)):
            case = dict(zip([fact.name for fact in texts], chosen, strict=True))
            for filled in self._filled(case, sets, elements) if sets else [case]:
                for points in product(*(self._points(fact, len(others)) for fact in others)):
                    self.count()
                    yield filled | dict(zip([fact.name for fact in others], points, strict=True))

    def _constants(self) -> list[Any]:
        """The literals of the tests, and the defaults."""
        literals = [test.literal for test in self.tests if test.test != "known" and test.other is None]
        return [*literals, *chain.from_iterable(one.values() for one in self.defaults)]

    def _scalars(self) -> Iterator[Any]:
        """Each of them, of `in` and `between` each value."""
        return chain.from_iterable(one if isinstance(one, tuple) else (one,) for one in self._constants())

    def _elements(self, texts: int, sets: int) -> list[str]:
        """Texts of each kind, one that no rule names included: as many as so many texts and sets can have.

        What is in a set by default is there whatever the case, so that all of it counts.
        """
        pools = [_pool(one) for one in self._constants()] + [fact.values for fact in self.facts if fact.values]
        given = chain.from_iterable(one.values() for one in self.defaults)
        always = frozenset[str]().union(*(one for one in given if isinstance(one, frozenset)))
        kinds: dict[tuple[bool, ...], list[str]] = {}
        for one in sorted(set().union(*pools)):
            kinds.setdefault(tuple([one in pool for pool in pools]), []).append(one)
        most = texts + 2**sets - 1
        elements = [one for kind in kinds.values() for place, one in enumerate(kind) if place < most or one in always]
        unnamed = (one for one in _fresh() if not any(one in pool for pool in pools))
        for one in islice(unnamed, most):
            self.count()
            elements.append(one)
        return elements

    def _filled(self, case: Case, sets: Sequence[Fact], elements: Sequence[str]) -> Iterable[Case]:
        """`case` with the sets filled in each way that the tests tell apart: one element after the other.

        Every test asks whether some, or all, elements are somewhere: where two fillings so far have the same answers,
        they have the same answers with any further element in both.
        """
        kept: Iterable[Case] = [{**case, **{fact.name: frozenset[str]() for fact in sets}}]
        for number, element in enumerate(elements, 1):
            found: dict[object, Case] = {}
            places = [fact.name for fact in sets if _may_be(fact, element)]
            for before in kept:
                for names in chain.from_iterable(combinations(places, size) for size in range(len(places) + 1)):
                    self.count()
                    now = {**before, **{name: before[name] | {element} for name in names}}
                    found.setdefault(self.answers(now, frozenset(elements[:number])), now)
            kept = found.values()
        return kept

    def answers(self, case: Case, so_far: frozenset[str] | None = None) -> tuple[bool | None, ...]:
        """What every test says, with the defaults of each book; of sets only with the elements `so_far`, if given."""
        found: list[bool | None] = []
        for defaults in self.defaults:
            seen = {
                name: value & so_far if so_far is not None and isinstance(value, frozenset) else value
                for name, value in defaults.items()
            }
            seen.update(case)
            found += [test.check(seen) for test in self.tests]
        return tuple(found)

    def _points(self, fact: Fact, count: int) -> Sequence[Any]:
        """Each constant, and up to `count` values below, between and above them."""
        if fact.type == "flag":
            return (False, True)
        if fact.type == "number":
            return self._numbers(fact, count)
        first, last = _BOUNDS[fact.type]
        read, write = (_seconds, _time) if fact.type == "time" else (_ordinal, _date)
        known = sorted({read(one) for one in self._scalars()})
        found = set(known)
        for low, high in pairwise([first - 1, *known, last + 1]):
            found.update(range(low + 1, min(high, low + 1 + count)))
        return [write(one) for one in sorted(found)]

    def _numbers(self, fact: Fact, count: int) -> list[Any]:
        """A count is never below 0, so that 0 is something that tells numbers apart."""
        known = sorted({*self._scalars(), *(0 for one in self.facts if one.name in FACTS)} or {0})
        below = [math.ceil(known[0]) - number for number in range(1, count + 1)]
        above = [math.floor(known[-1]) + number for number in range(1, count + 1)]
        gaps = chain.from_iterable(_between(low, high, count) for low, high in pairwise(known))
        found = [*known, *above, *gaps, *below]
        return [one for one in found if fact.name not in FACTS or (one >= 0 and one == math.floor(one))]


def _fresh() -> Iterator[str]:
    """Texts that hardly any rule names."""
    yield FRESH
    yield from (f"{FRESH} {number}" for number in itertools.count(2))


def _pool(constant: Any) -> Collection[str]:
    """The texts that a constant of texts and sets names."""
    return (constant,) if isinstance(constant, str) else constant


def _may_be(fact: Fact, element: str) -> bool:
    return not fact.values or element in fact.values


def _between(low: Any, high: Any, count: int) -> Iterator[Any]:
    """`count` numbers between two, whole ones if so many are: else all of these, and parts between each two of them."""
    start = math.floor(low)
    whole = [start + number for number in range(1, count + 1) if start + number < high]
    yield from whole
    if len(whole) == count:
        return
    for least, most in pairwise([low, *whole, high]):
        if abs(least) < _EXACT_MAX:  # further out every number that a computer knows is whole
            parts = (least + (most - least) * number / (count + 1) for number in range(1, count + 1))
            yield from (part for part in parts if least < part < most)


def _seconds(time: str) -> int:
    hours, minutes, seconds = map(int, time.split(":"))
    return hours * 3600 + minutes * 60 + seconds


def _time(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _ordinal(text: str) -> int:
    return date.fromisoformat(text).toordinal()


def _date(ordinal: int) -> str:
    return date.fromordinal(ordinal).isoformat()
