"""Shell: owns what each rule says of one session at one moment: met, not met, or not decidable, with its facts.

Refuses to sum up; that is the verdict's, which stands in the step.
"""

from __future__ import annotations

from msgspec import Struct

from monitoring_core.cursor.tape import Line
from monitoring_core.domain.events import MonitorRequested, Value
from monitoring_core.domain.outcomes import NOTHING
from monitoring_core.engine import Engine
from monitoring_core.rules.book import RuleBook
from monitoring_core.rules.compile import Facts
from monitoring_core.rules.explain import hit
from monitoring_core.session import Session


class RuleValue(Struct, frozen=True):
    """One rule. `met`: None if a fact that it needs is not known."""

    rule: str
    effect: str
    met: bool | None
    because: str
    facts: dict[str, Value | None]


def rule_values(book: RuleBook, facts: Facts) -> list[RuleValue]:
    """What every rule for the mode asked for says of `facts`: permits first, then forbids, then duties, each by id."""
    seen = book.with_defaults(facts)
    program = book.program(seen)
    rules = (*program.permits, *program.forbids, *program.requires)
    return [
        RuleValue(rule.id, rule.effect, rule.met(seen), rule.because, hit(rule, seen, undecided=False).facts)
        for rule in rules
    ]


def subjects(engine: Engine, line: Line | None, number: int = 0) -> list[str]:
    """The sessions of which rules may be asked now: those that engine `number` judged or moved by `line` first, then
    those alive.
    """
    step = line.steps[number] if line is not None else NOTHING
    concerned = [*(judged.session for judged in step.verdicts), *(move.session for move in step.moves)]
    known = engine.sessions.by_id
    alive = [session.id for session in reversed(engine.sessions.alive())]
    return [name for name in dict.fromkeys((*concerned, *alive)) if name in known]


def facts_of(engine: Engine, line: Line | None, name: str, number: int = 0) -> Facts:
    """The facts that rules read of a session; of one that engine `number` judged by `line`, those it was judged by."""
    judged = [one for one in line.steps[number].verdicts if one.session == name] if line is not None else []
    if line is not None and judged:
        return engine.facts(judged[0], line.event.facts if isinstance(line.event, MonitorRequested) else None)
    session = engine.sessions.by_id[name]
    call = call_of(session)
    return engine.inner.facts(session, engine.floor.calls.find(call) if call else None, {})


def call_of(session: Session) -> str | None:
    """The call that a session is about, or the latest that it may be about."""
    return session.call or (session.candidates[-1] if session.candidates else None)
