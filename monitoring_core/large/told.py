"""Shell: owns what one step tells of sessions, as a value that can be kept: with the facts that its verdicts saw.

Refuses to say more in words than what a verdict is called: whoever explains does, from a replay or from an index.
"""

from __future__ import annotations

from msgspec import Struct

from monitoring_core.domain.events import AnyEvent, Event, ModeRequested, MonitorRequested, Value
from monitoring_core.domain.outcomes import Judged, Step
from monitoring_core.engine import Engine
from monitoring_core.engine.running import opinion
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
    accounts = tuple(
        _account(engine, word(engine, event, step, judged), judged, engine.facts(judged, given))
        for judged in step.verdicts
    )
    return Told(engine.position, engine.now, event, step, accounts)  # type: ignore[arg-type] # every event is one


def word(engine: Engine, event: Event, step: Step, judged: Judged) -> str:
    """What a verdict is called, right after its step: that which opened a session as the session's row says it.

    A later one is a permit or a refusal if it was asked for, and what it amounts to if it was not.
    """
    session = engine.sessions.by_id.get(judged.session)
    if session is not None and any(move.session == session.id and move.before is None for move in step.moves):
        return session.grounds.word
    if isinstance(event, ModeRequested):
        return "permit" if judged.verdict.permit else "forbid"
    return opinion(judged.verdict)


def _account(engine: Engine, word: str, judged: Judged, facts: dict[str, Value | frozenset[str]]) -> Account:
    known = {name: value for name, seen in facts.items() if (value := shown(seen)) is not None}
    call = judged.verdict.call or engine.sessions.by_id[judged.session].call
    return Account(judged.session, word, call, known)
