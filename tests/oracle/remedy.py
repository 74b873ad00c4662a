"""Brute force for "what would have permitted it": every set of facts, every value, the smallest sets first."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations, product
from typing import Any

from monitoring_core.rules.book import Rule, RuleBook


class Judge:
    """Whether a book permits; what a rule says of the same values is asked only once."""

    def __init__(self, book: RuleBook) -> None:
        self.book = book
        self.named: dict[int, tuple[str, ...]] = {}
        self.answers: dict[tuple[object, ...], bool | None] = {}

    def met(self, rule: Rule, facts: Mapping[str, Any]) -> bool | None:
        """The rule's answer; 1 and True are two values."""
        named = self.named.get(id(rule)) or self.named.setdefault(id(rule), tuple(fact.name for fact in rule.facts))
        seen = tuple(map(facts.get, named))
        key = (id(rule), seen, *map(type, seen))
        if key not in self.answers:
            self.answers[key] = rule.met(facts)
        return self.answers[key]

    def permits(self, facts: Mapping[str, Any]) -> bool:
        """No forbid that applies, and a permit that does."""
        program = self.book.program(facts)
        for rule in program.forbids:
            if self.met(rule, facts) is not False:
                return False
        for rule in program.permits:  # noqa: SIM110  # a loop takes half the time of any(), a million times
            if self.met(rule, facts):
                return True
        return False


def remedies(judge: Judge, facts: Mapping[str, Any], values: Mapping[str, tuple[Any, ...]]) -> list[dict[str, Any]]:
    """For each smallest set of one to three facts that can permit, its first values in the order of `values`."""
    for size in (1, 2, 3):
        found = []
        for names in combinations(sorted(values), size):
            for chosen in product(*(values[name] for name in names)):
                changes = dict(zip(names, chosen, strict=True))
                if judge.permits({**facts, **changes}):
                    found.append(changes)
                    break
        if found:
            return found
    return []
