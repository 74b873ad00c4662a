"""One log under two books, told to the engine and to the oracle: both answers to each event, in the same words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import msgspec

from monitoring_core.domain import events as e
from monitoring_core.domain.outcomes import NOTHING, AskSnapshot, BroadcastError, DropMonitorCall, StartMonitoring, Step
from monitoring_core.engine import Engine
from monitoring_core.errors import MonitoringError
from monitoring_core.session import Session
from tests.oracle.sessions import Follower
from tests.triples.books import Book, settings_of

SITE = "s"
RAISED = (MonitoringError, ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)
"""What an engine with a bug may raise; that is an answer, too."""
Answer = dict[str, Any]
"""What one event led to, as plain values: moves, verdicts, commands, the answer, and all sessions."""


@attrs.frozen
class World:
    """What a log runs under; the first of the books counts until the log says otherwise."""

    books: tuple[Book, Book]
    given: dict[str, Any]


@attrs.frozen
class Difference:
    """At the last event of `log` the engine and the oracle gave these."""

    log: tuple[e.Event, ...]
    engine: Answer
    oracle: Answer


class Both:
    """Engine and oracle, in step."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.book = world.books[0]
        self.settings = settings_of(world.given)
        self.engine = Engine(self.book.compiled, self.settings, SITE)
        self.follower = Follower(self.book.naive, world.given, SITE)

    def tell(self, event: e.Event) -> tuple[Step, Answer, Answer]:
        """The engine's step, and the two answers."""
        if isinstance(event, e.RulesChanged):
            self.book = self.world.books[int(event.book)]
            self.engine.use(self.book.compiled, self.settings)
            self.follower.book = self.book.naive
        said = msgspec.to_builtins(event)
        self.follower.tell(type(event).__name__, {key: value for key, value in said.items() if key != "event"})
        oracle = of_follower(self.follower)
        try:
            step = self.engine.step(event)
        except RAISED as error:
            return NOTHING, {"raised": repr(error)}, oracle
        return step, of_engine(self.engine, step), oracle


def first_difference(world: World, log: Sequence[e.Event]) -> Difference | None:
    """The log up to where they differ, if they do."""
    both = Both(world)
    for number, event in enumerate(log):
        _, engine, oracle = both.tell(event)
        if engine != oracle:
            return Difference(tuple(log[: number + 1]), engine, oracle)
    return None


# Both answers in the same words


def of_engine(engine: Engine, step: Step) -> Answer:
    """The step and the sessions after it."""
    return {
        "moves": [(one.session, one.before, one.after, one.reason, one.certainty, one.at) for one in step.moves],
        "verdicts": [_verdict(judged.session, judged.verdict) for judged in step.verdicts],
        "commands": [_command(command) for command in step.commands],
        "answer": step.answer,
        "sessions": [_session(one) for one in engine.sessions.by_id.values()],
    }


def _verdict(session: str, verdict: Any) -> tuple[Any, ...]:
    hits = [(hit.rule, hit.undecided) for hit in verdict.hits]
    call = None if verdict.permit else verdict.call
    return (session, verdict.permit, hits, list(verdict.duties), list(verdict.candidates), call)


def _command(command: Any) -> tuple[Any, ...]:
    if isinstance(command, StartMonitoring):
        of_start = (command.from_address, command.to_address, command.user, command.valid_until, command.mode)
        return ("start", command.session, *of_start)
    if isinstance(command, DropMonitorCall):
        of_drop = (command.media_address, command.monitor_call, command.outbound, command.user)
        return ("drop", command.session, *of_drop)
    if isinstance(command, AskSnapshot):
        return ("ask", command.session, command.scope, command.about)
    if isinstance(command, BroadcastError):
        return ("error", command.session, command.error, command.because)
    return (command,)


def _session(one: Session) -> tuple[Any, ...]:
    people = (one.supervisor, one.agent, one.user, one.pair)
    calls = [] if one.reason else list(one.calls)
    return (one.id, one.origin, one.state, one.reason, *people, one.mode, one.monitor_call, one.stop_wanted, calls)


def of_follower(follower: Follower) -> Answer:
    """What the oracle made of the event."""
    names = "id origin state reason supervisor agent user pair mode monitor_call stop".split()
    return {
        "moves": follower.moves,
        "verdicts": follower.verdicts,
        "commands": follower.commands,
        "answer": follower.answer,
        "sessions": [
            (*[one[name] for name in names], [] if one["reason"] else one["calls"]) for one in follower.sessions
        ],
    }
