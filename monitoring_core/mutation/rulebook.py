"""Shell: owns what is wrong with a rule by a little: a test negated, dropped or off by one, an effect, mode or code.

Refuses to know what the mistake does. Each is said in edits of the rule's text; what does not load is no mutant.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import attrs

from monitoring_core.domain.facts import Fact
from monitoring_core.mutation.literals import other_lists, other_values
from monitoring_core.mutation.page import Edit, Page, written
from monitoring_core.rules.book import MODES
from monitoring_core.rules.text import Path

Change = tuple[str, tuple[Edit, ...]]
"""What is wrong, in words that name the place, and the edits that make it so."""

_COMPLEMENTS = {"is": "is_not", "is_not": "is", "below": "at_least", "at_least": "below"}
_SWAPPED = {"permit": "forbid", "forbid": "permit"}


def rule_changes(page: Page, catalogue: Mapping[str, Fact], duties: Collection[str]) -> Iterator[Change]:
    """Every change of every rule of `page`, which loads. `duties`: those that there are for a `require` to name."""
    for number, raw in enumerate(page.data.get("rule", [])):
        rule = _Rule(("rule", number), raw, catalogue)
        for what, edits in (*rule.head(duties), *rule.tests()):
            yield f"rule {raw['id']}: {what}", edits


@attrs.frozen
class _Test:
    """One test: `place` is the path of its table (when, unless, or one of those), `table` that table."""

    place: Path
    table: dict[str, Any]
    keys: tuple[str, ...]
    fact: Fact
    test: str
    operand: Any

    @property
    def path(self) -> Path:
        return (*self.place, *self.keys, self.test)

    @property
    def told(self) -> str:
        return f"{_shown(self.place)}.{self.fact.name} {self.test} {written(self.operand)}"

    @property
    def siblings(self) -> dict[str, Any]:
        """The tests on the same fact in the same table, this one among them."""
        found: dict[str, Any] = self.table
        for key in self.keys:
            found = found[key]
        return found


@attrs.frozen
class _Rule:
    """One `[[rule]]` that loads, at its path."""

    path: Path
    raw: dict[str, Any]
    catalogue: Mapping[str, Fact]

    @property
    def alternatives(self) -> list[dict[str, Any]]:
        """The tables of `unless`."""
        unless = self.raw.get("unless", [])
        return [unless] if isinstance(unless, dict) else unless

    def head(self, duties: Collection[str]) -> Iterator[Change]:
        """All but the tests."""
        yield "dropped", ((self.path, None),)
        if self.raw["effect"] in _SWAPPED:
            yield self._with("effect", _SWAPPED[self.raw["effect"]])
        modes = self.raw.get("to", list(MODES))
        for mode in modes if isinstance(modes, list) and len(modes) > 1 else ():
            rest = [one for one in modes if one != mode]
            yield f"to is without {mode}", (((*self.path, "to"), rest),)
        if "error" in self.raw:
            yield self._with("error", f"not {self.raw['error']}")
        for duty in sorted({*duties} - {self.raw.get("duty")}) if "duty" in self.raw else ():
            yield self._with("duty", duty)
        for place, table in enumerate(self.alternatives):
            path = self._unless_path(place)
            if len(list(self._below(path, table))) > 1:
                yield f"{_shown(path)} dropped", ((path, None),)
        if len(self.alternatives) > 1:
            yield "unless dropped", (((*self.path, "unless"), None),)

    def tests(self) -> Iterator[Change]:
        """Each test dropped, negated, and with its literal otherwise."""
        places = [((*self.path, "when"), self.raw["when"])] if "when" in self.raw else []
        places += [(self._unless_path(place), table) for place, table in enumerate(self.alternatives)]
        for place, table in places:
            for test in self._below(place, table):
                yield f"{test.told} dropped", ((test.path, None),)
                if edits := self._negated(test):
                    yield f"{test.told} negated", edits
                for value in _otherwise(test):
                    yield f"{test.told} is {written(value)}", ((test.path, value),)

    def _with(self, key: str, value: str) -> Change:
        return f"{key} = {written(value)}", (((*self.path, key), value),)

    def _unless_path(self, place: int) -> Path:
        path = (*self.path, "unless")
        return (*path, place) if isinstance(self.raw.get("unless"), list) else path

    def _below(self, place: Path, table: dict[str, Any]) -> Iterator[_Test]:
        """Every test of one table."""
        waiting: list[tuple[tuple[str, ...], dict[str, Any]]] = [((), table)]
        while waiting:
            keys, inner = waiting.pop(0)
            fact = self.catalogue.get(".".join(keys))
            if fact is None:
                waiting.extend(((*keys, key), below) for key, below in inner.items())
            else:
                yield from (_Test(place, table, keys, fact, test, operand) for test, operand in inner.items())

    def _negated(self, test: _Test) -> tuple[Edit, ...]:
        """The edits that turn a test round; none where one rule of the language cannot say that."""
        if isinstance(test.operand, bool):
            return ((test.path, not test.operand),)
        if test.test == "between":
            return ((test.path, test.operand[::-1]),)
        other = _COMPLEMENTS.get(test.test)
        if other is not None and other not in test.siblings:
            turned = {other if name == test.test else name: operand for name, operand in test.siblings.items()}
            return ((test.path[:-1], turned),)
        return self._moved(test)

    def _moved(self, test: _Test) -> tuple[Edit, ...]:
        """A test of `when` as an alternative of `unless`, or the only test of an alternative in `when`."""
        alone = _nested(test.keys, {test.test: test.operand})
        if test.place[2] == "when":
            unless = [*self.alternatives, alone] if self.alternatives else alone
            return ((test.path, None), ((*self.path, "unless"), unless))
        if len(list(self._below(test.place, test.table))) > 1:
            return ()
        when = _joined(self.raw.get("when", {}), alone)
        return ((test.path, None), ((*self.path, "when"), when)) if when is not None else ()


def _shown(place: Path) -> str:
    """The place of a table within its rule as people count it: unless[2]."""
    return "".join(f"[{part + 1}]" if isinstance(part, int) else part for part in place[2:])


def _otherwise(test: _Test) -> Iterator[Any]:
    """The literals that could stand there by mistake; a fact's name is not one."""
    if isinstance(test.operand, list):
        lists = other_lists(test.fact, test.operand)
        yield from (one for one in lists if test.test != "between" or len(one) == len(test.operand))
    elif test.test != "known" and not _names_a_fact(test):
        yield from other_values(test.fact, test.operand)


def _names_a_fact(test: _Test) -> bool:
    """As `literals.read_test` sees it: these always do, an order does if its operand begins with a letter."""
    if test.test in ("same_as", "member_of", "overlaps", "within"):
        return True
    return test.test in ("below", "at_least") and isinstance(test.operand, str) and test.operand[:1].isalpha()


def _nested(keys: tuple[str, ...], inner: dict[str, Any]) -> dict[str, Any]:
    for key in reversed(keys):
        inner = {key: inner}
    return inner


def _joined(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any] | None:
    """Both tables in one; None if they say different things of the same."""
    made = dict(one)
    for key, value in other.items():
        if key not in made:
            made[key] = value
        elif isinstance(made[key], dict) and isinstance(value, dict):
            inner = _joined(made[key], value)
            if inner is None:
                return None
            made[key] = inner
        else:
            return None
    return made
