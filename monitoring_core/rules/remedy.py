"""Pure: owns "what would have permitted it": the smallest sets of facts whose change turns a refusal into a permit.

Refuses to know which of these changes anybody wants; it is asked on demand and is never part of a Step.
"""

from __future__ import annotations

from typing import Any, cast

import attrs

from monitoring_core.domain.events import Value
from monitoring_core.rules.book import MODE_FACT, Rule, RuleBook, shown
from monitoring_core.rules.candidates import candidates
from monitoring_core.rules.compile import READ, Facts

FACTS_MAX = 3
TRIES_MAX = 100_000


@attrs.frozen
class Change:
    """One fact that would have to be otherwise: its value now (None: not known) and one that would do."""

    fact: str
    now: Value | None
    value: Value


Remedy = tuple[Change, ...]
"""Changes that together would permit, by name of fact."""


def what_would_permit(
    book: RuleBook, facts: Facts, facts_max: int = FACTS_MAX, tries_max: int = TRIES_MAX
) -> tuple[Remedy, ...]:
    """All smallest sets of up to `facts_max` changeable facts, a value each; none if it is permitted or none would do.

    After `tries_max` judgings the search stops with what it has found.
    """
    facts = book.with_defaults(facts)
    search = _Search(book, facts, candidates(book, facts), tries_max)
    for size in range(facts_max + 1):
        search.below({}, size)
        if search.found:
            break
    remedies = [search.found[names] for names in sorted(search.found, key=sorted) if names]
    return tuple(tuple(search.change(name, changes[name]) for name in sorted(changes)) for changes in remedies)


@attrs.define
class _Search:
    """Depth first through changes, each of a fact that a rule in the way reads: no other change can help."""

    book: RuleBook
    facts: Facts
    values: dict[str, tuple[Any, ...]]
    tries_left: int
    found: dict[frozenset[str], dict[str, Any]] = attrs.Factory(dict)

    def below(self, changes: dict[str, Any], size: int) -> None:
        """Finds every set of `size` facts that begins with `changes` and permits."""
        if self.tries_left <= 0:
            return
        self.tries_left -= 1
        in_the_way = self.in_the_way({**self.facts, **changes})
        if in_the_way is None:
            known = self.found.setdefault(frozenset(changes), changes)
            self.found[frozenset(changes)] = min(known, changes, key=self._rank)
        elif len(changes) < size:
            names = {fact.name for rule in in_the_way for fact in rule.facts} | {MODE_FACT.name}
            for name in sorted(names & self.values.keys() - changes.keys()):
                for value in self.values[name]:
                    self.below({**changes, name: value}, size)

    def in_the_way(self, facts: Facts) -> tuple[Rule, ...] | None:
        """A forbid that applies, else all permits if none does: one of their facts must change. None: permitted."""
        program = self.book.program(facts)
        for rule in program.forbids:
            if rule.met(facts) is not False:
                return (rule,)
        return None if any(rule.met(facts) for rule in program.permits) else program.permits

    def change(self, name: str, value: Any) -> Change:
        """A change with the value that is there now."""
        now = READ[self.book.catalogue[name].type](self.facts.get(name))
        return Change(name, shown(now), cast("Value", shown(value)))

    def _rank(self, changes: dict[str, Any]) -> list[int]:
        """Earlier candidates first, so that the answer does not depend on the order of the search."""
        return [self.values[name].index(changes[name]) for name in sorted(changes)]
