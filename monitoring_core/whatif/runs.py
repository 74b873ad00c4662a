"""Shell: owns one of two runs: an engine on its rules, by which facts they were asked, and the parts of its steps.

Refuses to compare; it only knows that somebody else judges its facts by other rules.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from monitoring_core.domain.events import DutyDone, Event, ModeRequested
from monitoring_core.domain.outcomes import AnyCommand, Move, Notice, Origin, Step, Verdict
from monitoring_core.engine import Engine
from monitoring_core.engine.running import opinion
from monitoring_core.files import Rules
from monitoring_core.rules.book import RuleBook
from monitoring_core.rules.compile import Facts
from monitoring_core.rules.judge import judge
from monitoring_core.session import FINAL, Session

ALLOWED = frozenset({"permit", "allowed"})


@attrs.frozen(eq=False, slots=False)
class Witness(RuleBook):
    """The same book, which remembers by which facts it was asked."""

    heard: list[Facts] = attrs.field(factory=list, init=False)

    def with_defaults(self, facts: Facts) -> Facts:
        """As the book; every judgement begins with it."""
        self.heard.append(facts)
        return super().with_defaults(facts)


@attrs.define
class Part:
    """What a step says of one session, or (without a name) of none."""

    moves: list[Move] = attrs.field(factory=list)
    verdicts: list[Verdict] = attrs.field(factory=list)
    commands: list[AnyCommand] = attrs.field(factory=list)
    notices: list[Notice] = attrs.field(factory=list)


class Run:
    """One site by one set of rules."""

    def __init__(self, rules: Rules, site: str) -> None:
        self.rules = rules
        book = rules.book
        self._witness = Witness(book.rules, book.declared, book.defaults)
        self.engine = Engine(self._witness, rules.settings, site)
        self.opened: list[Session] = []

    def step(self, event: Event) -> Step:
        """The engine's step; what it was asked in the step before is forgotten."""
        self._witness.heard.clear()
        return self.engine.step(event)

    def look(self, step: Step) -> dict[str, Part]:
        """The parts of the step by session; `opened` are the sessions that it opened."""
        known = self.engine.sessions.by_id
        self.opened = [known[move.session] for move in step.moves if move.before is None]
        parts: dict[str, Part] = {}
        for move in step.moves:
            parts.setdefault(move.session, Part()).moves.append(move)
        for judged in step.verdicts:
            parts.setdefault(judged.session, Part()).verdicts.append(judged.verdict)
        for command in step.commands:
            parts.setdefault(command.session, Part()).commands.append(command)
        for notice in step.notices:
            parts.setdefault(notice.session, Part()).notices.append(notice)
        return parts

    def session(self, name: str | None) -> Session | None:
        """The session of that name, if it is remembered."""
        return None if name is None else self.engine.sessions.by_id.get(name)

    def heard_of(self, session: Session | None, verdict: Verdict | None) -> list[Facts]:
        """By which facts it was judged in this step, one for each call that it may be on."""
        if session is None:
            return []
        found = [
            facts
            for facts in self._witness.heard
            if (facts.get("request.from_address"), facts.get("request.to_address")) == session.pair
        ]
        if verdict is not None and verdict.candidates:
            return [facts for facts in found if facts.get("call.id") in verdict.candidates]
        return found

    def judge(self, heard: Sequence[Facts]) -> Verdict | None:
        """What these rules say of what the other run heard: permitted if it is so on every call that it may be on.

        Settings that rules read are these rules' own.
        """
        settings = self.rules.settings
        limits = {f"limits.{name}": getattr(settings, name) for name in ("per_pair", "per_agent", "per_supervisor")}
        verdicts = [judge(self.rules.book, {**facts, **limits}) for facts in heard]
        return next((verdict for verdict in verdicts if not verdict.permit), verdicts[-1] if verdicts else None)

    def is_asked(self, event: Event, session: Session | None) -> bool:
        """Whether what was judged of the session in this step is what somebody asked for, no running monitor call."""
        if isinstance(event, ModeRequested | DutyDone):
            return True
        return session is not None and session.origin is Origin.REQUESTED and session in self.opened

    def word(self, event: Event, session: Session | None, verdict: Verdict | None) -> str:
        """What was decided in this step: permit or forbid of what was asked for, else what the rules think of it.

        Where nothing was, a session that runs is as it was decided last, and there is no other answer.
        """
        if verdict is not None:
            asked = "permit" if verdict.permit else "forbid"
            return asked if self.is_asked(event, session) else opinion(verdict)
        if session is None or session.state in FINAL or isinstance(event, ModeRequested):
            return ""
        known = session.went.is_forbidden
        return session.grounds.word if known is None else "forbidden" if known else "allowed"
