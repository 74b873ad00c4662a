"""The job of a replay as it is commonly written: `json`, attrs, dictionaries, and something that has states.

It holds what a large site's log needs and nothing else: seats, calls and their legs, requests that are judged, monitor
calls, one deadline, repeats. No snapshots, modes, leases, pauses, commands to the way out, digests. What has states,
the legs of calls and the sessions, and what judges, comes as a `Kit`, of which there is one for each library.
"""

from __future__ import annotations

import heapq
import json
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import attrs

CONFIRM_S = 10.0
REPEATS_MAX, GONE_MAX = 10_000, 100_000
PER_PAIR = PER_AGENT = PER_SUPERVISOR = 1
FINAL = frozenset({"ENDED", "REJECTED"})

Rows = tuple[tuple[str, tuple[str, ...], str], ...]

LEGS: Rows = (
    ("ring", ("initiated",), "alerting"),
    ("answer", ("initiated", "alerting", "waiting"), "connected"),
    ("hold", ("initiated", "alerting", "connected", "waiting"), "held"),
    ("retrieve", ("held",), "connected"),
    ("wait", ("connected",), "waiting"),
    ("clear", ("initiated", "alerting", "connected", "held", "waiting"), "cleared"),
)
"""What happens to a leg, from which states, to which."""
LINE_ORDER = ("connected", "held", "waiting", "alerting", "initiated", "idle")
LEG_STATES = ("initiated", "alerting", "connected", "held", "waiting", "cleared")

SESSIONS: Rows = (
    ("permit", ("NEW",), "REQUESTED"),
    ("forbid", ("NEW",), "REJECTED"),
    ("start", ("NEW", "REQUESTED"), "ACTIVE"),
    ("expire", ("REQUESTED",), "REJECTED"),
    ("finish", ("REQUESTED",), "REJECTED"),
    ("finish", ("ACTIVE",), "ENDED"),
)
SESSION_STATES = ("NEW", "REQUESTED", "ACTIVE", "ENDED", "REJECTED")

# Events


@attrs.define(kw_only=True)
class Happening:
    """What every event has."""

    at: float
    received_at: float
    id: str | None = None
    source: str = ""


def _set(values: list[str] | None) -> frozenset[str]:
    return frozenset(values or ())


@attrs.define(kw_only=True)
class SignedIn(Happening):
    """Somebody sits down."""

    person: str
    extension: str
    state: str
    roles: frozenset[str] = attrs.field(converter=_set)
    teams: frozenset[str] = attrs.field(converter=_set)
    supervises: frozenset[str] = attrs.field(converter=_set, default=None)


@attrs.define(kw_only=True)
class PersonChanged(Happening):
    """His state is another."""

    person: str
    state: str


@attrs.define(kw_only=True)
class PhoneChanged(Happening):
    """What a phone can do."""

    extension: str
    supports_monitoring: bool
    configured: bool


@attrs.define(kw_only=True)
class OfLeg(Happening):
    """Something about one party of a call."""

    call: str
    address: str


class Initiated(OfLeg):
    """He dials."""


class Delivered(OfLeg):
    """It rings."""


class Established(OfLeg):
    """He is connected."""


class Held(OfLeg):
    """He put the call on hold."""


class Retrieved(OfLeg):
    """He is back."""


class ConnectionCleared(OfLeg):
    """He left."""


@attrs.define(kw_only=True)
class CallChanged(Happening):
    """The type of a call."""

    call: str
    type: str


@attrs.define(kw_only=True)
class CallCleared(Happening):
    """It is over for everybody."""

    call: str


@attrs.define(kw_only=True)
class Transferred(Happening):
    """`by` left, `to` is to come."""

    call: str
    by: str
    to: str


@attrs.define(kw_only=True)
class MonitorRequested(Happening):
    """Somebody asks to listen."""

    from_address: str
    to_address: str
    user: str
    token: str


@attrs.define(kw_only=True)
class CommandOutcome(Happening):
    """A command was sent."""

    command: str
    outcome: str


@attrs.define(kw_only=True)
class MonitorStarted(Happening):
    """A monitor call is up."""

    monitor_call: str
    call: str
    from_address: str
    to_address: str


@attrs.define(kw_only=True)
class MonitorEnded(Happening):
    """It is gone."""

    monitor_call: str


@attrs.define(kw_only=True)
class StopRequested(Happening):
    """Its listener has heard enough."""

    monitor_call: str
    from_address: str


KINDS: dict[str, type[Happening]] = {
    "signed_in": SignedIn,
    "person_changed": PersonChanged,
    "phone_changed": PhoneChanged,
    "initiated": Initiated,
    "delivered": Delivered,
    "established": Established,
    "held": Held,
    "retrieved": Retrieved,
    "connection_cleared": ConnectionCleared,
    "call_changed": CallChanged,
    "call_cleared": CallCleared,
    "transferred": Transferred,
    "monitor_requested": MonitorRequested,
    "command_outcome": CommandOutcome,
    "monitor_started": MonitorStarted,
    "monitor_ended": MonitorEnded,
    "stop_requested": StopRequested,
}
WORDS: dict[type[Happening], str] = {
    Initiated: "dial",
    Delivered: "ring",
    Established: "answer",
    Held: "hold",
    Retrieved: "retrieve",
}


def decode(line: bytes) -> Happening:
    """One line of the log."""
    raw = json.loads(line)
    return KINDS[raw.pop("event")](**raw)


# What is known


@attrs.define(eq=False)
class Person:
    """Somebody who sits on an extension."""

    id: str
    roles: frozenset[str]
    teams: frozenset[str]
    supervises: frozenset[str]
    state: str
    changed_at: float


class Leg(Protocol):
    """One party of a call."""

    state: str
    changed_at: float


class Call(Protocol):
    """A call, whoever keeps the states of its legs."""

    name: str
    type: str
    legs: Any  # by address

    def tell(self, address: str, word: str, at: float) -> None:
        """Something happened to a leg, which may be new; what does not fit its state changes nothing."""


class Session(Protocol):
    """One attempt to monitor, whoever keeps its state; the methods are the triggers."""

    name: str
    known: Known
    state: str

    def tell(self, word: str, reason: str = "") -> None:
        """Move it."""


@attrs.define(eq=False)
class Known:
    """What is known of a session besides its state."""

    name: str
    from_address: str
    to_address: str
    supervisor: str
    agent: str
    origin: str = "requested"
    rules: tuple[str, ...] = ()
    reason: str | None = None
    candidates: tuple[str, ...] = ()
    call: str | None = None
    monitor_call: str | None = None
    stop_wanted: bool = False
    requested_at: float | None = None
    active_at: float | None = None
    ended_at: float | None = None

    @property
    def calls(self) -> tuple[str, ...]:
        """On which its fate hangs."""
        return (self.call,) if self.call else self.candidates


@attrs.define(eq=False)
class Asked:
    """What is known of a request when it is judged; None: nobody, or nothing, is known there."""

    from_address: str
    to_address: str
    user: str
    supervisor: Person | None
    agent: Person | None
    phone: PhoneChanged | None
    call: Call | None
    line: str
    is_active: bool
    of_pair: int
    of_agent: int
    of_supervisor: int


class Kit(Protocol):
    """What one library, or pair of libraries, brings."""

    def call(self, job: Job, name: str) -> Call:
        """A new call."""

    def gone(self, call: Call) -> None:
        """A call is over; what is kept for it can go."""

    def session(self, job: Job, known: Known) -> Session:
        """A new session, in the state NEW."""

    def final(self, session: Session) -> None:
        """A session is over; what is kept for it can go."""

    def refused(self, asked: Asked) -> list[str]:
        """The ids of the rules that refuse it; none if it is permitted."""


FORBIDS: tuple[tuple[str, str, Callable[[Asked], bool]], ...] = (
    ("agent-idle", "the agent is not on a call", lambda a: a.line == "idle" and not a.is_active),
    ("agent-on-hold", "the agent has his call on hold", lambda a: a.line == "held" and not a.is_active),
    ("agent-signed-in", "nobody is known on the agent's extension", lambda a: a.agent is None),
    (
        "call-not-connected",
        "the agent's call is not connected yet",
        lambda a: a.line not in ("connected", "held", "idle") and not a.is_active,
    ),
    (
        "claimed-user",
        "the user id must be that of the person signed in",
        lambda a: a.supervisor is None or a.user != a.supervisor.id,
    ),
    ("different-extensions", "an extension cannot listen to itself", lambda a: a.from_address == a.to_address),
    ("limit-per-agent", "enough supervisors are listening to him", lambda a: a.of_agent >= PER_AGENT),
    ("limit-per-pair", "this supervisor is already listening to him", lambda a: a.of_pair >= PER_PAIR),
    ("limit-per-supervisor", "he is listening already", lambda a: a.of_supervisor >= PER_SUPERVISOR),
    ("monitor-of-monitor", "a silent monitor call cannot itself be monitored", lambda a: a.call is None),
    (
        "not-oneself",
        "nobody may listen to himself",
        lambda a: a.supervisor is None or a.agent is None or a.supervisor.id == a.agent.id,
    ),
    ("phone-configured", "the phone must be configured", lambda a: a.phone is None or not a.phone.configured),
    (
        "phone-supports-monitoring",
        "the phone must support silent monitoring",
        lambda a: a.phone is None or not a.phone.supports_monitoring,
    ),
    (
        "supervisor-role",
        "only a supervisor may listen",
        lambda a: a.supervisor is None or "Supervisor" not in a.supervisor.roles,
    ),
    ("supervisor-signed-in", "nobody is known to be signed in there", lambda a: a.supervisor is None),
    (
        "supervisor-state",
        "a supervisor must be Not Ready to start listening",
        lambda a: (a.supervisor is None or a.supervisor.state != "NOT_READY") and not a.is_active,
    ),
)
PERMITS: tuple[tuple[str, str, Callable[[Asked], bool]], ...] = (
    (
        "own-team",
        "supervisors may listen to the teams they are responsible for",
        lambda a: a.supervisor is not None and a.agent is not None and bool(a.supervisor.supervises & a.agent.teams),
    ),
)


def refused(asked: Asked) -> list[str]:
    """The rules in plain Python, with their reasons beside them."""
    failed = [rule for rule, _because, applies in FORBIDS if applies(asked)]
    if not any(applies(asked) for _rule, _because, applies in PERMITS):
        failed += [rule for rule, _because, _applies in PERMITS]
    return failed


class Job:
    """One site. The machines call back: `talks`, `leaves`, `moved`."""

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self.now = 0.0
        self.position = 0
        self.seats: dict[str, Person] = {}
        self.people: dict[str, Person] = {}
        self.phones: dict[str, PhoneChanged] = {}
        self.calls: dict[str, Call] = {}
        self.calls_of: dict[str, dict[str, Call]] = {}
        self.gone: OrderedDict[str, None] = OrderedDict()
        self.seen: set[tuple[str, str]] = set()
        self.seen_last: deque[tuple[str, str]] = deque()
        self.tokens: dict[str, str] = {}
        self.sessions: dict[str, Session] = {}
        self.of_call: dict[str, list[Session]] = {}
        self.of_monitor: dict[str, Session] = {}
        self.of_supervisor: dict[str, list[Session]] = {}
        self.of_agent: dict[str, list[Session]] = {}
        self.due: list[tuple[float, int, Session]] = []
        self.moves: list[tuple[str, str, str, str | None, float]] = []
        self.commands: list[tuple[str, ...]] = []
        self.handlers: dict[type[Happening], Callable[[Any], None]] = {
            SignedIn: self.signed_in,
            PersonChanged: self.person_changed,
            PhoneChanged: self.phone_changed,
            **dict.fromkeys(WORDS, self.of_leg),
            ConnectionCleared: self.connection_cleared,
            CallChanged: self.call_changed,
            CallCleared: self.call_cleared,
            Transferred: self.transferred,
            MonitorRequested: self.monitor_requested,
            MonitorStarted: self.monitor_started,
            MonitorEnded: self.monitor_ended,
            StopRequested: self.stop_requested,
        }

    def feed(self, lines: Iterable[bytes]) -> None:
        """The lines of a log, in order."""
        for line in lines:
            self.handle(decode(line))

    def handle(self, event: Happening) -> None:
        """One event: time first, then repeats, then what it says."""
        self.position += 1
        self.now = max(self.now, event.received_at)
        while self.due and self.due[0][0] <= self.now:
            self.fire()
        if event.id is not None and self.is_repeat((event.source, event.id)):
            return
        handler = self.handlers.get(type(event))
        if handler is not None:
            handler(event)

    def fire(self) -> None:
        """What nobody confirmed in time."""
        now = self.now
        self.now, _, session = heapq.heappop(self.due)
        if session.state == "REQUESTED":
            session.tell("expire", "unconfirmed")
        self.now = now

    def is_repeat(self, key: tuple[str, str]) -> bool:
        """Whether this came before, of late."""
        if key in self.seen:
            return True
        self.seen.add(key)
        self.seen_last.append(key)
        if len(self.seen_last) > REPEATS_MAX:
            self.seen.discard(self.seen_last.popleft())
        return False

    # People and phones

    def signed_in(self, event: SignedIn) -> None:
        """He is on that extension now."""
        person = Person(event.person, event.roles, event.teams, event.supervises, event.state, event.at)
        self.people[event.person] = self.seats[event.extension] = person

    def person_changed(self, event: PersonChanged) -> None:
        """The latest state counts."""
        person = self.people.get(event.person)
        if person is not None and event.at >= person.changed_at:
            person.state, person.changed_at = event.state, event.at

    def phone_changed(self, event: PhoneChanged) -> None:
        """It is as told."""
        self.phones[event.extension] = event

    # Calls

    def call(self, name: str) -> Call | None:
        """The call of that id, a new one if need be; None if it is gone."""
        call = self.calls.get(name)
        if call is None and name not in self.gone:
            call = self.calls[name] = self.kit.call(self, name)
        return call

    def of_leg(self, event: OfLeg) -> None:
        """A party dials, rings, talks, holds."""
        call = self.call(event.call)
        if call is not None:
            call.tell(event.address, WORDS[type(event)], event.at)

    def call_changed(self, event: CallChanged) -> None:
        """Its type."""
        call = self.call(event.call)
        if call is not None:
            call.type = event.type

    def connection_cleared(self, event: ConnectionCleared) -> None:
        """A party left; who remains alone is on a call that is over."""
        call = self.calls.get(event.call)
        leg = call.legs.get(event.address) if call else None
        if call is None or leg is None or leg.state == "cleared" or event.at < leg.changed_at:
            return
        left_alone = leg.state == "waiting" or len(live(call)) == 1
        call.tell(event.address, "clear", event.at)
        self.lose(call, "call_ended" if left_alone and len(call.legs) > 1 else "agent_dropped", event.address)
        rest = live(call)
        if not rest or (len(rest) == 1 and rest[0].state in ("connected", "held", "alerting")):
            self.over(call)

    def transferred(self, event: Transferred) -> None:
        """One left, the next rings, the customer waits."""
        call = self.call(event.call)
        leg = call.legs.get(event.by) if call else None
        if call is None or leg is None or leg.state == "cleared" or event.at < leg.changed_at:
            return
        call.tell(event.by, "clear", event.at)
        self.lose(call, "agent_transferred", event.by)
        if event.to not in call.legs:
            call.tell(event.to, "ring", event.at)
        talking = [address for address, one in call.legs.items() if one.state in ("connected", "held")]
        if len(talking) == 1:
            call.tell(talking[0], "wait", event.at)

    def call_cleared(self, event: CallCleared) -> None:
        """It is over, or will never have been."""
        call = self.calls.get(event.call)
        if call is not None:
            self.over(call)
        elif event.call not in self.gone:
            self.remember_gone(event.call)

    def over(self, call: Call) -> None:
        """Everybody's leg is gone with it."""
        for address, leg in call.legs.items():
            if leg.state != "cleared":
                self.leaves(call, address)
        del self.calls[call.name]
        self.remember_gone(call.name)
        self.kit.gone(call)
        self.lose(call, "call_ended")

    def remember_gone(self, name: str) -> None:
        """So that nothing late brings it back."""
        self.gone[name] = None
        if len(self.gone) > GONE_MAX:
            self.gone.popitem(last=False)

    def lose(self, call: Call, reason: str, address: str = "") -> None:
        """Sessions on a call end with it, or with the leg of their agent."""
        for session in list(self.of_call.get(call.name, ())):
            known = session.known
            if address and known.to_address != address:
                continue
            left = tuple(one for one in known.candidates if one != call.name)
            if session.state == "REQUESTED" and left:
                self.unfile(session)
                known.candidates = left
                self.file(session)
            else:
                session.tell("finish", reason)

    # What the machines call back

    def appears(self, call: Call, address: str) -> None:
        """A leg is new, or connected: the latest call of this address."""
        mine = self.calls_of.setdefault(address, {})
        mine.pop(call.name, None)
        mine[call.name] = call

    def leaves(self, call: Call, address: str) -> None:
        """A leg is cleared."""
        mine = self.calls_of[address]
        del mine[call.name]
        if not mine:
            del self.calls_of[address]

    def moved(self, session: Session, before: str, after: str, reason: str | None) -> None:
        """A session went from one state to another."""
        known = session.known
        if before == "NEW" and known.origin == "requested":
            known.requested_at = self.now
        if after == "ACTIVE":
            known.active_at = self.now
        if after in FINAL:
            known.ended_at, known.reason = self.now, reason
            if before != "NEW":
                self.unfile(session)
            self.kit.final(session)
        elif before == "NEW":
            self.file(session)
        self.moves.append((session.name, before, after, known.reason, self.now))

    # Requests and monitor calls

    def asked(self, from_address: str, to_address: str, user: str, call: Call | None, *, is_active: bool) -> Asked:
        """All that a rule may look at."""
        supervisor, agent = self.seats.get(from_address), self.seats.get(to_address)
        listening = self.of_supervisor.get(supervisor.id, ()) if supervisor else ()
        states = {one.legs[to_address].state for one in self.calls_of.get(to_address, {}).values()} or {"idle"}
        return Asked(
            from_address,
            to_address,
            user,
            supervisor,
            agent,
            self.phones.get(to_address),
            call,
            next(state for state in LINE_ORDER if state in states),
            is_active,
            sum(one.known.to_address == to_address for one in listening),
            len(self.of_agent.get(agent.id, ())) if agent else 0,
            len(listening),
        )

    def monitor_requested(self, event: MonitorRequested) -> None:
        """Judged on each of the agent's connected calls, or on what he has instead."""
        if event.token in self.tokens:
            return
        calls = list(self.calls_of.get(event.to_address, {}).values())
        judged = [call for call in calls if call.legs[event.to_address].state == "connected"] or calls[-1:]
        known = self.open(event.from_address, event.to_address)
        known.candidates = tuple(call.name for call in judged)
        session = self.sessions[known.name] = self.kit.session(self, known)
        self.tokens[event.token] = known.name
        who = (event.from_address, event.to_address, event.user)
        for call in judged or (None,):
            failed = self.kit.refused(self.asked(*who, call, is_active=False))
            if failed:
                known.rules = tuple(sorted(failed))
                session.tell("forbid", "forbidden")
                return
        known.rules = ("own-team",)
        session.tell("permit")
        self.commands.append(("SetSilentMonitoring", known.name, *who))
        heapq.heappush(self.due, (self.now + CONFIRM_S, self.position, session))

    def monitor_started(self, event: MonitorStarted) -> None:
        """The oldest waiting session of that pair whose call it is; else one that nobody asked for."""
        supervisor = self.seats.get(event.from_address)
        pair = (event.from_address, event.to_address)
        for session in self.of_supervisor.get(supervisor.id, ()) if supervisor else ():
            known = session.known
            waits = session.state == "REQUESTED" and (known.from_address, known.to_address) == pair
            if waits and event.call in known.candidates:
                self.unfile(session)
                known.call, known.candidates, known.monitor_call = event.call, (), event.monitor_call
                self.file(session)
                session.tell("start")
                return
        self.observe(event)

    def observe(self, event: MonitorStarted) -> None:
        """Never refused, judged all the same."""
        known = self.open(event.from_address, event.to_address)
        known.origin, known.monitor_call = "observed", event.monitor_call
        call = self.calls.get(event.call)
        known.call = call.name if call else None
        who = (event.from_address, event.to_address, known.supervisor)
        known.rules = tuple(sorted(self.kit.refused(self.asked(*who, call, is_active=True)))) or ("own-team",)
        session = self.sessions[known.name] = self.kit.session(self, known)
        session.tell("start")

    def monitor_ended(self, event: MonitorEnded) -> None:
        """Its session ends with it."""
        session = self.of_monitor.get(event.monitor_call)
        if session is not None:
            session.tell("finish", "supervisor_dropped")

    def stop_requested(self, event: StopRequested) -> None:
        """The switch is asked to end it."""
        session = self.of_monitor.get(event.monitor_call)
        if session is not None and session.known.from_address == event.from_address:
            session.known.stop_wanted = True
            self.commands.append(("SetDROP", session.name, event.from_address, event.monitor_call))

    # Indexes

    def open(self, from_address: str, to_address: str) -> Known:
        """Bound to whoever is there now."""
        supervisor, agent = self.seats.get(from_address), self.seats.get(to_address)
        people = (supervisor.id if supervisor else "", agent.id if agent else "")
        return Known(f"default-{self.position}", from_address, to_address, *people)

    def file(self, session: Session) -> None:
        """Under all that events name."""
        known = session.known
        self.of_supervisor.setdefault(known.supervisor, []).append(session)
        self.of_agent.setdefault(known.agent, []).append(session)
        for call in known.calls:
            self.of_call.setdefault(call, []).append(session)
        if known.monitor_call:
            self.of_monitor[known.monitor_call] = session

    def unfile(self, session: Session) -> None:
        """From all of it."""
        known = session.known
        keys = [(self.of_supervisor, known.supervisor), (self.of_agent, known.agent)]
        keys += [(self.of_call, call) for call in known.calls]
        for index, key in keys:
            index[key].remove(session)
            if not index[key]:
                del index[key]
        if known.monitor_call:
            del self.of_monitor[known.monitor_call]

    def answer(self) -> dict[str, tuple[object, ...]]:
        """Every session: what it was and how it ended."""
        return {name: row(session.known, session.state) for name, session in self.sessions.items()}


def live(call: Call) -> list[Leg]:
    """The legs that are not cleared."""
    return [leg for leg in call.legs.values() if leg.state != "cleared"]


def row(known: Known, state: str) -> tuple[object, ...]:
    """What is compared."""
    call = known.call or (known.candidates[-1] if known.candidates else None)
    pair = (known.origin, known.from_address, known.to_address, call)
    times = (known.requested_at, known.active_at, known.ended_at)
    return (*pair, state, known.reason, known.rules, *times)
