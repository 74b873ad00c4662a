"""Pure: owns one session: what is kept of it, what few of them go through besides, and the one way to advance it.

Refuses to know the floor and the rules; a verdict is kept as its grounds, the whole of it is in the step that judged.
"""

from __future__ import annotations

from functools import lru_cache

import attrs
from msgspec import Struct

from monitoring_core.domain.events import Mode, MonitorRequested, Value
from monitoring_core.domain.outcomes import (
    Certainty,
    Grounds,
    Listener,
    Move,
    Origin,
    Reason,
    RuleHit,
    RuleMiss,
    State,
    Trigger,
    Verdict,
)
from monitoring_core.session.table import FINAL, after

Pair = tuple[str, str]
"""A supervisor's and an agent's extension."""

UNJUDGED = Grounds("", (), ())


@lru_cache(maxsize=1_000)
def _shared(grounds: Grounds) -> Grounds:
    """The same grounds for all sessions that have equal ones: there are few, as there are few rules."""
    return grounds


def grounds(verdict: Verdict, word: str = "") -> Grounds:
    """What a session keeps of `verdict`; `word` if it is more than permit or forbid."""
    whys: tuple[RuleHit | RuleMiss, ...] = verdict.hits if verdict.permit else (*verdict.hits, *verdict.misses)
    word = word or ("permit" if verdict.permit else "forbid")
    return _shared(Grounds(word, tuple([why.rule for why in whys]), tuple([why.because for why in whys])))


_NUMBER_BITS = 24


def order_of(position: int, number: int) -> int:
    """Where a session stands among all: the position of the event that opened it, and its number among those."""
    return (position << _NUMBER_BITS) + number


def opened_at(session: str) -> int:
    """The position of the event that opened the session of that id, which is SITE-POSITION, or SITE-POSITION.NUMBER."""
    return int(session.rpartition("-")[2].partition(".")[0])


class Pauses(Struct, frozen=True):
    """Whether media is paused, since when, and how long it was before (seconds); most sessions have none."""

    is_on: bool = False
    at: float | None = None
    total_s: float = 0.0


_NO_PAUSE = Pauses()


class Standing(Struct, frozen=True):
    """A request that waits for calls of the agent: each opens a session; `once`: only the next."""

    id: str
    asked: MonitorRequested
    once: bool


@attrs.define(eq=False, weakref_slot=False)
class Course:
    """What only few sessions go through between request and end.

    `past`: listeners, in modes, before the present one, who listens since `since` (site time, seconds); `joined`: who
    listens besides. `wanted`: the mode that the switch was asked for by `mode_command` and has until `mode_until` to
    confirm. `duties`: to be done before the start, which is then judged by the facts `given`, too, and has until
    `confirm_until` to be confirmed. `standing`: the standing request that it came from. `asked`: see `Session.asked`.
    `is_forbidden`: so the rules said last. `code`: the switch's own, where it failed. `follows`: the session whose
    monitor call it may be; `followed`: the monitor call that came too late for it has come.
    """

    pauses: Pauses = _NO_PAUSE
    past: tuple[Listener, ...] = ()
    since: float | None = None
    joined: tuple[Listener, ...] = ()
    wanted: Mode | None = None
    mode_command: str = ""
    mode_until: float | None = None
    start_command: str = ""
    duties: tuple[str, ...] = ()
    confirm_until: float | None = None
    given: dict[str, Value] = attrs.field(factory=dict)
    standing: str = ""
    asked: tuple[str, ...] = ()
    is_forbidden: bool | None = None
    code: str = ""
    follows: str = ""
    followed: bool = False


_USUAL = Course()


@attrs.define(eq=False, kw_only=True, weakref_slot=False)
class Session:
    """One attempt to monitor. Bound at the request to persons, extensions and calls; times are site time, seconds.

    `order`: see `order_of`. `supervisor`, `agent`: person ids, empty while nobody is known on the extension.
    `candidates`: the calls that were judged, until one is settled: its `call`. `start_number`: of the start
    among the commands of the step that opened it. `heard_at`: when we heard that it is over, which may be long after.
    """

    id: str
    order: int
    origin: Origin
    from_address: str
    to_address: str
    supervisor: str = ""
    agent: str = ""
    user: str = ""
    mode: Mode = "silent"
    state: State | None = None
    call: str | None = None
    candidates: tuple[str, ...] = ()
    monitor_call: str | None = None
    grounds: Grounds = UNJUDGED
    start_number: int | None = None
    stop_command: str = ""
    stop_wanted: Reason | None = None
    reason: Reason | None = None
    start_certainty: Certainty | None = None
    end_certainty: Certainty | None = None
    requested_at: float | None = None
    active_at: float | None = None
    ended_at: float | None = None
    heard_at: float | None = None
    course: Course | None = None
    lease_from: float | None = None
    asked_at: float | None = None

    @property
    def pair(self) -> Pair:
        """The extensions of the two, which never change."""
        return (self.from_address, self.to_address)

    @property
    def start_command(self) -> str:
        """The id of its start; empty if it has none."""
        if self.course is not None and self.course.start_command:
            return self.course.start_command
        return "" if self.start_number is None else f"{self.id}/{opened_at(self.id)}/{self.start_number}"

    @property
    def paused(self) -> bool:
        """Whether media is paused."""
        return self.went.pauses.is_on

    @property
    def paused_s(self) -> float:
        """How long media was paused, without a pause that goes on (seconds)."""
        return self.went.pauses.total_s

    @property
    def went(self) -> Course:
        """Its course, to be read only."""
        return self.course or _USUAL

    @property
    def asked(self) -> tuple[str, ...]:
        """What was asked for, whatever became of it: the two addresses, the user, the mode."""
        return self.went.asked or (self.from_address, self.to_address, self.user, self.mode)

    def on_course(self) -> Course:
        """Its course, to be written to."""
        if self.course is None:
            self.course = Course()
        return self.course

    def present(self, until: float | None) -> Listener:
        """Who listens now, and how, until then (site time, seconds)."""
        since = self.went.since if self.went.past else self.active_at
        certainty = self.start_certainty.value if self.start_certainty else None
        paused_s = self.paused_s - sum(one.paused_s for one in self.went.past)
        how = (self.mode, since, until, certainty)
        return Listener(self.supervisor, self.from_address, *how, self.agent, self.to_address, paused_s)

    def turn(self, at: float | None) -> None:
        """From `at` (site time, seconds) on somebody else listens, to somebody else, or in another mode."""
        if self.paused:
            self.pause(paused=True, at=at)  # of which the past has its part
        asked, past = self.asked, (*self.went.past, self.present(at))
        course = self.on_course()
        course.asked, course.past, course.since = asked, past, at

    @property
    def listener(self) -> str:
        """Who listens, for limits: the person, or his extension while nobody is known there."""
        return self.supervisor or f"@{self.from_address}"

    @property
    def target(self) -> str:
        """Who is listened to, for limits."""
        return self.agent or f"@{self.to_address}"

    @property
    def calls(self) -> tuple[str, ...]:
        """The calls whose fate is this session's."""
        if self.call:
            return (self.call,)
        return self.candidates if self.state is State.REQUESTED else ()

    def pause(self, *, paused: bool, at: float | None) -> None:
        """Note that media stopped or goes on; a pause without a time counts as no time."""
        before = self.went.pauses
        if before.is_on or paused:
            more_s = at - before.at if before.at is not None and at is not None else 0.0
            self.on_course().pauses = Pauses(paused, at if paused else None, before.total_s + more_s)


def advance(
    session: Session,
    trigger: Trigger,
    at: float | None,
    reason: Reason | None = None,
    certainty: Certainty | None = None,
    code: str = "",
    text: str = "",
) -> Move:
    """Move `session` by the table and say so. Raises IllegalMove, having changed nothing."""
    before, target = session.state, after(session.state, trigger)
    session.state = target
    if code:
        session.on_course().code = code
    if before is None:
        session.requested_at = at if session.origin is Origin.REQUESTED else None
    if target is State.ACTIVE:
        session.active_at, session.start_certainty = at, certainty
    if target in FINAL:
        session.pause(paused=False, at=at)
        session.ended_at = session.heard_at = at
        session.reason, session.end_certainty = reason, certainty
    return Move(session.id, trigger, before, target, reason, certainty, at, code, text)
