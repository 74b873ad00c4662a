"""Shell: owns what one step tells of sessions, as a value that can be kept: with the facts that its verdicts saw.

Refuses to say it in words; whoever explains a session does, from a replay or from an index alike.
"""

from __future__ import annotations

from msgspec import Struct

from monitoring_core.domain.events import AnyEvent, Event, MonitorRequested, Value
from monitoring_core.domain.outcomes import Judged, Step
from monitoring_core.engine import Engine
from monitoring_core.rules.book import shown


class Account(Struct, frozen=True):
    """What there is to say of a verdict beside itself: the `word` for it, on which call, and every fact."""

    session: str
    word: str
    call: str | None
    facts: dict[str, Value]


class Told(Struct, frozen=True):
    """A step that tells of some session: its position, the site's time after it, and the event that led to it."""

    position: int
    now: float | None
    event: AnyEvent
    step: Step
    accounts: tuple[Account, ...]

    def judged(self, session: str) -> tuple[Judged, Account] | None:
        """The verdict on that session, if there is one."""
        found = ((one, its) for one, its in zip(self.step.verdicts, self.accounts, strict=True))
        return next((pair for pair in found if pair[0].session == session), None)


def sessions_of(step: Step) -> set[str]:
    """Of whom a step tells; also a standing request that a request is answered with."""
    told = {one.session for one in (*step.moves, *step.verdicts, *step.commands, *step.notices)}
    return (told | {step.answer}) - {""}


def told(engine: Engine, event: Event, step: Step) -> Told:
    """What to keep of a step that `engine` has just done."""
    given = event.facts if isinstance(event, MonitorRequested) else None
    accounts = tuple(_account(engine, judged, engine.facts(judged, given)) for judged in step.verdicts)
    return Told(engine.position, engine.now, event, step, accounts)  # type: ignore[arg-type] # every event is one


def _account(engine: Engine, judged: Judged, facts: dict[str, Value | frozenset[str]]) -> Account:
    session = engine.sessions.by_id[judged.session]
    known = {name: value for name, seen in facts.items() if (value := shown(seen)) is not None}
    return Account(judged.session, session.grounds.word, judged.verdict.call or session.call, known)
