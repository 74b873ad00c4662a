"""Shell: owns the count of what ever decided in a search: rows of the state table, and rules by mode.

Refuses to conclude that what never did never can: it did not within the bounds of the search.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import attrs

from monitoring_core.domain.events import Event, ModeChanged, ModeRequested
from monitoring_core.domain.outcomes import Judged, Step
from monitoring_core.engine import Engine
from monitoring_core.rules.book import RuleBook
from monitoring_core.session import TABLE

APPLIED, DECISIVE = "applied", "decisive"


@attrs.frozen
class Tally:
    """How often each row was taken, and each rule of `book`, by mode, applied or alone decided a verdict.

    A rule alone decides if the verdict would be another without it: the only permit, or the only forbid where a permit
    applies. A duty's rules are told by their duty.
    """

    book: RuleBook
    rows: Counter[tuple[str, str]] = attrs.field(factory=Counter)
    rules: Counter[tuple[str, str, str]] = attrs.field(factory=Counter)

    def note(self, engine: Engine, event: Event, step: Step) -> None:
        """One more step of an engine."""
        for move in step.moves:
            self.rows[move.before.value if move.before else "-", move.trigger.value] += 1
        for judged in step.verdicts:
            self._note_verdict(_mode(engine, event, judged), judged)

    def _note_verdict(self, mode: str, judged: Judged) -> None:
        verdict = judged.verdict
        deciding = [hit.rule for hit in verdict.hits]
        named = {duty: [rule.id for rule in self.book.rules if rule.duty == duty] for duty in verdict.duties}
        for rule in (*deciding, *(rule for rules in named.values() for rule in rules)):
            self.rules[rule, mode, APPLIED] += 1
        is_permitted = any(rule.effect == "permit" and mode in rule.to for rule in self.book.rules)
        alone = deciding if len(deciding) == 1 and not verdict.misses and is_permitted else []
        for rule in (*alone, *(rules[0] for rules in named.values() if len(rules) == 1)):
            self.rules[rule, mode, DECISIVE] += 1

    def all_rows(self) -> Iterator[tuple[str, str, int]]:
        """State, trigger and how often, in the order of the table."""
        for before, trigger, _ in TABLE:
            key = (before.value if before else "-", trigger.value)
            yield (*key, self.rows[key])

    def all_rules(self) -> Iterator[tuple[str, str, int, int]]:
        """Rule, mode that it is for, how often it applied and how often it alone decided."""
        for rule in self.book.rules:
            for mode in rule.to:
                yield rule.id, mode, self.rules[rule.id, mode, APPLIED], self.rules[rule.id, mode, DECISIVE]


def _mode(engine: Engine, event: Event, judged: Judged) -> str:
    """The mode that was judged."""
    if isinstance(event, ModeRequested | ModeChanged):
        return event.mode
    session = engine.sessions.by_id.get(judged.session)
    return session.mode if session else ""
