"""Pure: owns a session's life: the state table, the one way to advance a session, and the index of sessions.

Refuses to know why a trigger is fed: verdicts, calls and deadlines are the engine's.

The laws of the table (design: "A session's life"):
  1. A session comes into being by a verdict (PERMIT, FORBID) or by being observed (STARTED), and only so.
  2. REJECTED means that nobody listened through it, ENDED that somebody did, or may have; both absorb.
  3. There are no guards: what must be decided is decided before, and the decision is the trigger.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from functools import cache, lru_cache

import attrs
from msgspec import Struct
from transitions import Machine, MachineError

from monitoring_core.domain.events import Mode
from monitoring_core.domain.outcomes import (
    Certainty,
    Grounds,
    Move,
    Origin,
    Reason,
    RuleHit,
    RuleMiss,
    State,
    Trigger,
    Verdict,
)
from monitoring_core.errors import IllegalMove
from monitoring_core.multimap import Multimap

TABLE: tuple[tuple[State | None, Trigger, State], ...] = (
    (None, Trigger.PERMIT, State.REQUESTED),
    (None, Trigger.FORBID, State.REJECTED),
    (None, Trigger.STARTED, State.ACTIVE),
    (State.REQUESTED, Trigger.STARTED, State.ACTIVE),
    (State.REQUESTED, Trigger.FAILED, State.REJECTED),
    (State.REQUESTED, Trigger.UNSENT, State.REJECTED),
    (State.REQUESTED, Trigger.UNCONFIRMED, State.REJECTED),
    (State.REQUESTED, Trigger.FINISHED, State.REJECTED),
    (State.ACTIVE, Trigger.FINISHED, State.ENDED),
)
"""`None` is where a session comes into being: no state that it can be in."""

Pair = tuple[str, str]
"""A supervisor's and an agent's extension."""

Keys = tuple[tuple[Multimap["Session"], str], ...]
"""What a session is filed by: indexes, each with a key."""

NOWHERE = "-"
FINAL = frozenset({State.ENDED, State.REJECTED})


class _Probe:
    """A throw-away model: adding real sessions to a machine costs time that grows with those alive."""

    state: str


_MACHINE = Machine(
    model=None,
    states=[NOWHERE, *(state.value for state in State)],
    transitions=[[trigger.value, before.value if before else NOWHERE, after.value] for before, trigger, after in TABLE],
    initial=NOWHERE,
    auto_transitions=False,
)


@cache
def after(before: State | None, trigger: Trigger) -> State:
    """The state that `trigger` leads to from `before`; its answers are finite and are kept.

    Raises IllegalMove for a pair without a row.
    """
    probe = _Probe()
    probe.state = before.value if before else NOWHERE
    try:
        _MACHINE.events[trigger.value].trigger(probe)
    except MachineError:
        raise IllegalMove(
            what=f"{trigger.value} is no move from {probe.state}",
            where="the state table",
            fix="look at TABLE in monitoring_core/session.py, or `monitoring-core draw`",
        ) from None
    return State(probe.state)


def mermaid() -> str:
    """The table as a Mermaid state diagram, one line a row."""
    lines = ["stateDiagram-v2"]
    for before, trigger, target in TABLE:
        lines.append(f"    {before.value if before else '[*]'} --> {target.value}: {trigger.value}")
    lines.extend(f"    {state.value} --> [*]" for state in State if state in FINAL)
    return "\n".join(lines) + "\n"


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

    is_on: bool
    at: float | None
    total_s: float


@attrs.define(eq=False, kw_only=True, weakref_slot=False)
class Session:
    """One attempt to monitor. Bound at the request to persons, extensions and calls; times are site time, seconds.

    `order`: see `order_of`. `supervisor`, `agent`: person ids, empty while nobody is known on the extension.
    `candidates`: the calls that were judged, until one is settled: its `call`. `start_number`: of the start
    among the commands of the step that opened it. `heard_at`: when we heard that it is over, which may be long after.
    `followed`: the monitor call that came too late for it has come.
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
    follows: str = ""
    followed: bool = False
    start_number: int | None = None
    stop_command: str = ""
    stop_wanted: bool = False
    reason: Reason | None = None
    start_certainty: Certainty | None = None
    end_certainty: Certainty | None = None
    requested_at: float | None = None
    active_at: float | None = None
    ended_at: float | None = None
    heard_at: float | None = None
    pauses: Pauses | None = None
    lease_from: float | None = None
    asked_at: float | None = None

    @property
    def pair(self) -> Pair:
        """The extensions of the two, which never change."""
        return (self.from_address, self.to_address)

    @property
    def start_command(self) -> str:
        """The id of its start; empty if it has none."""
        return "" if self.start_number is None else f"{self.id}/{opened_at(self.id)}/{self.start_number}"

    @property
    def paused(self) -> bool:
        """Whether media is paused."""
        return self.pauses is not None and self.pauses.is_on

    @property
    def paused_s(self) -> float:
        """How long media was paused, without a pause that goes on (seconds)."""
        return self.pauses.total_s if self.pauses else 0.0

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
        before = self.pauses
        if before is None and not paused:
            return
        total_s = self.paused_s
        if before is not None and before.at is not None and at is not None:
            total_s += at - before.at
        self.pauses = Pauses(paused, at if paused else None, total_s)


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
    if before is None:
        session.requested_at = at if session.origin is Origin.REQUESTED else None
    if target is State.ACTIVE:
        session.active_at, session.start_certainty = at, certainty
    if target in FINAL:
        session.pause(paused=False, at=at)
        session.ended_at = session.heard_at = at
        session.reason, session.end_certainty = reason, certainty
    return Move(session.id, trigger, before, target, reason, certainty, at, code, text)


@attrs.define(eq=False)
class Sessions:
    """Every session alive, indexed by what events name, and the final ones for as long as they may matter.

    `by_id` keeps the order in which sessions were opened; `waiting` are those still REQUESTED. The indexes are kept by
    `refile`: who changes what a session is filed by takes its `keys` before, and refiles it after.
    """

    by_id: dict[str, Session] = attrs.field(factory=dict)
    waiting: dict[str, Session] = attrs.field(factory=dict)
    by_call: Multimap[Session] = attrs.field(factory=Multimap)
    by_party: Multimap[Session] = attrs.field(factory=Multimap)
    by_monitor_call: Multimap[Session] = attrs.field(factory=Multimap)
    finals: deque[Session] = attrs.field(factory=deque)
    finals_of_pair: dict[Pair, deque[Session]] = attrs.field(factory=dict)

    def open(self, session: Session) -> None:
        """Take up a session that just came into being; a refused one is final at once."""
        self.by_id[session.id] = session
        self.refile(session, ())

    def keys(self, session: Session) -> Keys:
        """All that events may name a session alive by: an index, and its key there."""
        if session.state in FINAL:
            return ()
        monitor_call = (session.monitor_call,) if session.monitor_call else ()
        return (
            *((self.by_party, party) for party in {session.listener, session.target}),
            *((self.by_call, call) for call in session.calls),
            *((self.by_monitor_call, call) for call in monitor_call),
        )

    def refile(self, session: Session, before: Keys) -> None:
        """File a session by what it is now; `before`: its keys until now. One that is final leaves all indexes."""
        now = self.keys(session)
        for index, key in before:
            if (index, key) not in now:
                index.remove(key, session)
        for index, key in now:
            index.add(key, session)
        if session.state is State.REQUESTED:
            self.waiting[session.id] = session
        else:
            self.waiting.pop(session.id, None)
        if session.state in FINAL:
            self.finals.append(session)
            self.finals_of_pair.setdefault(session.pair, deque()).append(session)

    def forget(self, before: float | None, finals_max: int) -> None:
        """Drop final sessions heard of up to `before` (site time, seconds), and the oldest beyond `finals_max`."""
        while self.finals and (len(self.finals) > finals_max or _ended_by(self.finals[0], before)):
            session = self.finals.popleft()
            del self.by_id[session.id]
            of_pair = self.finals_of_pair[session.pair]
            of_pair.popleft()
            if not of_pair:
                del self.finals_of_pair[session.pair]

    def past(self, pair: Pair) -> Iterator[Session]:
        """The final sessions of these two extensions that are still remembered, the latest first."""
        return reversed(self.finals_of_pair.get(pair, ()))

    def listening(self, listener: str) -> list[Session]:
        """Sessions alive in which `listener` listens or is about to."""
        return [session for session in self.by_party[listener] if session.listener == listener]

    def targeting(self, target: str) -> list[Session]:
        """Sessions alive in which somebody listens to `target` or is about to."""
        return [session for session in self.by_party[target] if session.target == target]

    def on_call(self, call: str) -> list[Session]:
        """Sessions alive whose fate is that of `call`, in the order in which they were opened."""
        return sorted(self.by_call[call], key=lambda session: session.order)

    def touched_by(self, call: str) -> list[Session]:
        """Sessions alive whose fate is that of `call`, or that listen through it."""
        return [*self.on_call(call), *self.by_monitor_call[call]]

    def alive(self) -> list[Session]:
        """Every session alive, in the order in which they were opened; it looks through the final ones, too."""
        return [session for session in self.by_id.values() if session.state not in FINAL]

    def find_alive(self, session: str) -> Session | None:
        """The session of that id, if it is alive."""
        found = self.by_id.get(session)
        return None if found is None or found.state in FINAL else found


def _ended_by(session: Session, before: float | None) -> bool:
    return before is not None and session.heard_at is not None and session.heard_at <= before
