"""Pure: owns a session's life: the state table, the one way to advance a session, and the index of sessions.

Refuses to know why a trigger is fed: verdicts, calls and deadlines are the engine's.

The laws of the table (design: "A session's life"):
  1. A session comes into being by a verdict (PERMIT, FORBID) or by being observed (STARTED), and only so.
  2. REJECTED means that nobody listened through it, ENDED that somebody did, or may have; both absorb.
  3. There are no guards: what must be decided is decided before, and the decision is the trigger.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from functools import cache

import attrs
from transitions import Machine, MachineError

from monitoring_core.domain.events import Mode
from monitoring_core.domain.outcomes import Certainty, Move, Origin, Reason, State, Trigger, Verdict
from monitoring_core.errors import IllegalMove

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


@attrs.define(eq=False, kw_only=True)
class Session:
    """One attempt to monitor. Bound at the request to persons, extensions and calls; times are site time, seconds.

    `supervisor`, `agent`: person ids, empty while nobody is known on the extension. `candidates`: the calls that
    were judged; `call`: the one it is about, once settled. `opinion`, of an observed session: allowed, forbidden
    or not decidable. `heard_at`: when we heard that it is over, which may be long after. `followed`: the monitor call
    that came too late for it has come.
    """

    id: str
    order: tuple[int, int]
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
    verdict: Verdict | None = None
    opinion: str = ""
    follows: str = ""
    followed: bool = False
    start_command: str = ""
    stop_command: str = ""
    stop_wanted: bool = False
    reason: Reason | None = None
    start_certainty: Certainty | None = None
    end_certainty: Certainty | None = None
    requested_at: float | None = None
    active_at: float | None = None
    ended_at: float | None = None
    heard_at: float | None = None
    paused: bool = False
    paused_at: float | None = None
    paused_s: float = 0.0
    lease_from: float | None = None
    asked_at: float | None = None

    @property
    def pair(self) -> Pair:
        """The extensions of the two, which never change."""
        return (self.from_address, self.to_address)

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
        if self.state is State.REQUESTED:
            return self.candidates
        return (self.call,) if self.call else ()

    def pause(self, *, paused: bool, at: float | None) -> None:
        """Note that media stopped or goes on; a pause without a time counts as no time."""
        if self.paused and self.paused_at is not None and at is not None:
            self.paused_s += at - self.paused_at
        self.paused, self.paused_at = paused, at if paused else None


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

    `living` keeps the order in which sessions were opened; `waiting` are those of them still REQUESTED. Under a call or
    a party there is mostly one session: a tuple of one has a quarter of the size of a dictionary.
    """

    by_id: dict[str, Session] = attrs.field(factory=dict)
    living: dict[str, Session] = attrs.field(factory=dict)
    waiting: dict[str, Session] = attrs.field(factory=dict)
    by_call: dict[str, tuple[Session, ...]] = attrs.field(factory=dict)
    by_party: dict[str, tuple[Session, ...]] = attrs.field(factory=dict)
    by_monitor_call: dict[str, Session] = attrs.field(factory=dict)
    finals: deque[Session] = attrs.field(factory=deque)
    finals_of_pair: dict[Pair, deque[Session]] = attrs.field(factory=dict)

    def open(self, session: Session) -> None:
        """Take up a session that just came into being; a refused one is final at once."""
        self.by_id[session.id] = session
        if session.state in FINAL:
            self._retire(session)
        else:
            self.living[session.id] = session
            self.index(session)

    def close(self, session: Session) -> None:
        """A session, out of the indexes already, is final."""
        del self.living[session.id]
        self._retire(session)

    def index(self, session: Session) -> None:
        """File a session alive under everything that events may name it by."""
        for index, key in self._keys(session):
            index[key] = (*index.get(key, ()), session)
        if session.monitor_call:
            self.by_monitor_call[session.monitor_call] = session
        if session.state is State.REQUESTED:
            self.waiting[session.id] = session

    def unindex(self, session: Session) -> None:
        """The opposite of `index`; before anything that a session is filed by changes."""
        for index, key in self._keys(session):
            index[key] = tuple([other for other in index[key] if other is not session])
            if not index[key]:
                del index[key]
        if session.monitor_call:
            del self.by_monitor_call[session.monitor_call]
        self.waiting.pop(session.id, None)

    def _keys(self, session: Session) -> Iterator[tuple[dict[str, tuple[Session, ...]], str]]:
        for party in {session.listener, session.target}:
            yield self.by_party, party
        for call in session.calls:
            yield self.by_call, call

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

    def listening(self, listener: str) -> Iterable[Session]:
        """Sessions alive in which `listener` listens or is about to."""
        return [session for session in self.by_party.get(listener, ()) if session.listener == listener]

    def targeting(self, target: str) -> Iterable[Session]:
        """Sessions alive in which somebody listens to `target` or is about to."""
        return [session for session in self.by_party.get(target, ()) if session.target == target]

    def on_call(self, call: str) -> list[Session]:
        """Sessions alive whose fate is that of `call`, in the order in which they were opened."""
        return sorted(self.by_call.get(call, ()), key=lambda session: session.order)

    def alive(self) -> Iterable[Session]:
        """Every session alive, in the order in which they were opened."""
        return self.living.values()

    def _retire(self, session: Session) -> None:
        self.finals.append(session)
        self.finals_of_pair.setdefault(session.pair, deque()).append(session)


def _ended_by(session: Session, before: float | None) -> bool:
    return before is not None and session.heard_at is not None and session.heard_at <= before
