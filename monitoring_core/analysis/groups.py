"""Shell: owns the groups of facts that the tests of rule books compare, and the cases of each that they tell apart.

Refuses to know rules; facts of different groups are independent of each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import attrs

from monitoring_core.analysis.values import Case, Values
from monitoring_core.domain.facts import Fact
from monitoring_core.errors import MonitoringError
from monitoring_core.rules.book import MODE_FACT, RuleBook, Test
from monitoring_core.rules.candidates import groups


class NotDecidedError(MonitoringError):
    """The question takes more cases than may be tried, or the books do not mean the same by a fact."""


@attrs.define
class Effort:
    """How many cases may be tried for one question, and how many were."""

    cases_max: int
    cases: int = 0

    def begin(self) -> None:
        """Another question."""
        self.cases = 0

    def count(self) -> None:
        """One case more. Raises NotDecidedError where that is one too many."""
        self.cases += 1
        if self.cases > self.cases_max:
            what = f"it takes more than {self.cases_max:,} cases"
            fix = "raise analysis_cases_max under [bounds] of lifecycle.toml, if you can wait"
            raise NotDecidedError(what, "analysis_cases_max", fix)


@attrs.frozen
class Group:
    """Facts that tests compare, and a case for each way in which these tests may turn out; or why there are none."""

    facts: frozenset[str]
    cases: tuple[Case, ...] = ()
    problem: NotDecidedError | None = None


def groups_of(books: Sequence[RuleBook], effort: Effort) -> list[Group]:
    """The groups of all facts that the books' rules read."""
    rules = chain.from_iterable(book.rules for book in books)
    tests = (test for rule in rules for table in (rule.when, *rule.unless) for test in table)
    return [_group(together, books, effort) for together in groups(tests)]


def _group(tests: Sequence[Test], books: Sequence[RuleBook], effort: Effort) -> Group:
    names = frozenset(fact.name for test in tests for fact in test.facts)
    effort.begin()
    try:
        facts = _facts(tests)
        defaults: list[dict[str, Any]] = []
        for book in books:
            given = {name: book.defaults[name] for name in sorted(names & book.defaults.keys())}
            defaults += [given] if given not in defaults else []
        different = {(test.fact.name, test.text): test for test in tests}
        values = Values(facts, list(different.values()), defaults, effort.count)
        found: dict[tuple[Any, ...], Case] = {}
        for case in values.cases():
            found.setdefault((case.get(MODE_FACT.name), values.answers(case)), case)
        return Group(names, tuple(found.values()))
    except NotDecidedError as error:
        return Group(names, problem=error)


def _facts(tests: Sequence[Test]) -> list[Fact]:
    """The facts, each with all the values that any book says it may have."""
    facts: dict[str, Fact] = {}
    for fact in (fact for test in tests for fact in test.facts):
        known = facts.setdefault(fact.name, fact)
        if known.type != fact.type:
            what = f"the books declare {fact.name} with different types"
            raise NotDecidedError(what, fact.name, "declare it alike in both, or under two names")
        values = {*known.values, *fact.values} if known.values and fact.values else ()
        facts[fact.name] = attrs.evolve(known, values=tuple(sorted(values)))
    return list(facts.values())
