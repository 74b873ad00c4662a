"""A request from the event to the command, and its session to its end, as somebody would write just that by hand.

It keeps what the engine keeps of it: sessions by id, person, call and monitor call, those that wait, those that are
over, the monitor call among the calls of the floor, tokens, repeats, ids, the time to confirm and the leases; and it
gives the same steps. It knows signed-in people, phones, connected calls and these three events; no more.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable
from typing import Any

import attrs

from monitoring_core.domain.events import (
    Established,
    Event,
    MonitorEnded,
    MonitorRequested,
    MonitorStarted,
    PhoneChanged,
    SignedIn,
)
from monitoring_core.domain.outcomes import (
    Certainty,
    Judged,
    Move,
    Reason,
    StartMonitoring,
    State,
    Step,
    Trigger,
    Verdict,
)
from monitoring_core.domain.settings import Settings
from monitoring_core.rules.book import RuleBook
from tests.bench.contenders.byhand import ByHand

CONFIRMED = Certainty.CONFIRMED


@attrs.define(eq=False)
class Person:
    """Who is signed in."""

    id: str
    roles: frozenset[str]
    teams: frozenset[str]
    supervises: frozenset[str]
    state: str | None


@attrs.define(eq=False)
class Call:
    """Its connected parties; of a monitor call the listener."""

    id: str
    parties: list[str]
    seen_at: float
    is_monitor: bool = False


@attrs.define(eq=False)
class Session:
    """What is kept of one."""

    id: str
    order: int
    from_address: str
    to_address: str
    supervisor: str
    agent: str
    user: str
    rules: tuple[str, ...]
    requested_at: float
    candidates: tuple[str, ...] = ()
    state: State = State.REQUESTED
    call: str | None = None
    monitor_call: str | None = None
    reason: Reason | None = None
    active_at: float | None = None
    ended_at: float | None = None
    lease_from: float = 0.0


class Remembered:
    """The last so many keys, in two generations."""

    def __init__(self, most: int) -> None:
        self.most, self.new, self.old = most, dict[str, str](), dict[str, str]()

    def get(self, key: str) -> str | None:
        """Its value."""
        return self.new.get(key) or self.old.get(key)

    def add(self, key: str, value: str) -> None:
        """Keep it."""
        if len(self.new) >= self.most:
            self.old, self.new = self.new, {}
        self.new[key] = value


class ByHandRequest:
    """One site."""

    def __init__(self, book: RuleBook, settings: Settings) -> None:
        self.rules, self.settings, limits = ByHand(book), settings, settings.limits
        self.position, self.now = 0, 0.0
        self.seats: dict[str, Person] = {}
        self.phones: dict[str, PhoneChanged] = {}
        self.calls: dict[str, Call] = {}
        self.calls_of: dict[str, list[Call]] = {}
        self.gone, self.tokens = Remembered(limits.calls_gone_max), Remembered(limits.tokens_max)
        self.seen: dict[str, Remembered] = {}
        self.sessions: dict[str, Session] = {}
        self.waiting: dict[str, Session] = {}
        self.of_person: dict[str, list[Session]] = {}
        self.of_call: dict[str, list[Session]] = {}
        self.of_monitor: dict[str, Session] = {}
        self.finals: deque[Session] = deque()
        self.finals_of_pair: dict[tuple[str, str], deque[Session]] = {}
        self.due: list[tuple[float, int, str, str]] = []

    def step(self, event: Event) -> Step:
        """Time, repeats, what it says."""
        self.position += 1
        if event.received_at is not None and event.received_at > self.now:
            self.now = event.received_at
            self._forget()
            while self.due and self.due[0][0] <= self.now:
                self._fire(*heapq.heappop(self.due))
        if event.id is not None:
            seen = self.seen.get(event.source)
            if seen is None:
                seen = self.seen[event.source] = Remembered(self.settings.limits.repeats_max)
            if seen.get(event.id):
                return Step()
            seen.add(event.id, event.id)
        if isinstance(event, MonitorRequested):
            return self._requested(event)
        if isinstance(event, MonitorStarted):
            return self._started(event)
        if isinstance(event, MonitorEnded):
            return self._ended(event)
        self._told(event)
        return Step()

    def _told(self, event: Event) -> None:
        if isinstance(event, SignedIn):
            roles, teams, mine = (frozenset(names or ()) for names in (event.roles, event.teams, event.supervises))
            self.seats[event.extension] = Person(event.person, roles, teams, mine, event.state)
        elif isinstance(event, PhoneChanged):
            self.phones[event.extension] = event
        elif isinstance(event, Established):
            call = self.calls.setdefault(event.call, Call(event.call, [], self.now))
            call.parties.append(event.address)
            self.calls_of.setdefault(event.address, []).append(call)
            heapq.heappush(self.due, (self.now + self.settings.call_lease_s, 1 << 62, "call", call.id))

    def _forget(self) -> None:
        limits, finals = self.settings.limits, self.finals
        past = self.now - limits.late_window_s
        while finals and (len(finals) > limits.finals_max or (finals[0].ended_at or 0) <= past):
            session = finals.popleft()
            del self.sessions[session.id]
            of_pair = self.finals_of_pair[session.from_address, session.to_address]
            of_pair.popleft()
            if not of_pair:
                del self.finals_of_pair[session.from_address, session.to_address]

    def _fire(self, due: float, order: int, kind: str, subject: str) -> None:
        """A lease that something renewed is armed anew; what else may be due does not happen here, and must not."""
        session = self.sessions.get(subject)
        if kind == "confirm":
            overdue = session is not None and session.state is State.REQUESTED
        elif kind == "session":
            overdue = session is not None and session.state is State.ACTIVE
        else:
            call = self.calls.get(subject)
            overdue = call is not None and call.seen_at + self.settings.call_lease_s <= due
            if call is not None and not overdue:
                heapq.heappush(self.due, (call.seen_at + self.settings.call_lease_s, order, kind, subject))
        if overdue:
            raise NotImplementedError(f"{kind} of {subject} is overdue")

    # The three

    def _requested(self, event: MonitorRequested) -> Step:
        answered = self.tokens.get(event.token) if event.token is not None else None
        if answered is not None:
            return Step(answer=answered)
        supervisor, agent = self.seats.get(event.from_address), self.seats.get(event.to_address)
        calls = self.calls_of.get(event.to_address, ())
        candidates = tuple([call.id for call in calls if not call.is_monitor])
        verdict = self._judged(event, supervisor, agent, calls[-1] if calls else None, candidates)
        name, now = f"default-{self.position}", self.now
        rules = (*[hit.rule for hit in verdict.hits], *[miss.rule for miss in verdict.misses])
        session = Session(
            name,
            self.position << 24,
            event.from_address,
            event.to_address,
            supervisor.id if supervisor else "",
            agent.id if agent else "",
            event.user,
            rules,
            now,
            candidates,
        )
        self.sessions[name] = session
        if event.token is not None:
            self.tokens.add(event.token, name)
        judged = (Judged(name, verdict),)
        if not verdict.permit:
            session.state, session.reason, session.ended_at = State.REJECTED, Reason.FORBIDDEN, now
            self._file_final(session)
            move = Move(name, Trigger.FORBID, None, State.REJECTED, Reason.FORBIDDEN, None, now)
            return Step((move,), judged, (), (), name)
        self.waiting[name] = session
        self._file(session)
        heapq.heappush(self.due, (now + self.settings.confirm_s, session.order, "confirm", name))
        until = now + self.settings.start_valid_s
        start = StartMonitoring(name, event.from_address, event.to_address, event.user, until, event.mode)
        return Step((Move(name, Trigger.PERMIT, None, State.REQUESTED, None, None, now),), judged, (start,), (), name)

    def _judged(
        self,
        event: MonitorRequested,
        supervisor: Person | None,
        agent: Person | None,
        call: Call | None,
        candidates: tuple[str, ...],
    ) -> Verdict:
        settings = self.settings
        phone = self.phones.get(event.to_address)
        listening: Iterable[Session] = self.of_person.get(supervisor.id, ()) if supervisor else ()
        listening = [one for one in listening if supervisor is not None and one.supervisor == supervisor.id]
        facts: dict[str, Any] = {
            "request.user": event.user or None,
            "request.from_address": event.from_address,
            "request.to_address": event.to_address,
            "session.is_active": False,
            "supervisor.signed_in": supervisor is not None,
            "supervisor.sessions": len(listening),
            "agent.signed_in": agent is not None,
            "agent.line": "connected" if call else "idle",
            "agent.sessions": sum(one.agent == agent.id for one in self.of_person.get(agent.id, ())) if agent else 0,
            "pair.sessions": sum(one.to_address == event.to_address for one in listening),
            "limits.per_pair": settings.per_pair,
            "limits.per_agent": settings.per_agent,
            "limits.per_supervisor": settings.per_supervisor,
        }
        if supervisor is not None:
            facts["supervisor.person"], facts["supervisor.roles"] = supervisor.id, supervisor.roles
            facts["supervisor.teams"], facts["supervisor.state"] = supervisor.supervises, supervisor.state
        if agent is not None:
            facts["agent.person"], facts["agent.teams"] = agent.id, agent.teams
        if phone is not None:
            facts["agent.phone.supports_monitoring"] = phone.supports_monitoring
            facts["agent.phone.configured"] = phone.configured
        if call is not None:
            facts["call.is_monitor_call"] = call.is_monitor
        return self.rules.judge(facts, candidates, call.id if call else None)

    def _started(self, event: MonitorStarted) -> Step:
        """The monitor call is a call, too, of which the listener is a party."""
        now, supervisor = self.now, self.seats[event.from_address]
        call = self.calls[event.monitor_call] = Call(event.monitor_call, [event.from_address], now, is_monitor=True)
        self.calls_of.setdefault(event.from_address, []).append(call)
        heapq.heappush(self.due, (now + self.settings.call_lease_s, 1 << 62, "call", call.id))
        if event.call is not None:
            self.calls[event.call].seen_at = now
        for session in self.of_person.get(supervisor.id, ()):
            is_pair = session.from_address == event.from_address and session.to_address == event.to_address
            if is_pair and session.state is State.REQUESTED and event.call in session.candidates:
                break
        else:
            raise NotImplementedError("a monitor call that nobody asked for")
        self._unfile(session)
        session.call, session.candidates, session.monitor_call = event.call, (), event.monitor_call
        session.state, session.active_at, session.lease_from = State.ACTIVE, now, now
        self._file(session)
        del self.waiting[session.id]
        heapq.heappush(self.due, (now + self.settings.session_lease_s, session.order, "session", session.id))
        return Step((Move(session.id, Trigger.STARTED, State.REQUESTED, State.ACTIVE, None, CONFIRMED, now),))

    def _ended(self, event: MonitorEnded) -> Step:
        session = self.of_monitor.get(event.monitor_call or "")
        if session is None:
            raise NotImplementedError("the end of what nobody started")
        call = self.calls.pop(event.monitor_call or "")
        for address in call.parties:
            self.calls_of[address].remove(call)
        self.gone.add(call.id, call.id)
        self._unfile(session)
        now, dropped = self.now, Reason.SUPERVISOR_DROPPED
        session.state, session.reason, session.ended_at = State.ENDED, dropped, now
        self._file_final(session)
        return Step((Move(session.id, Trigger.FINISHED, State.ACTIVE, State.ENDED, dropped, CONFIRMED, now),))

    # Indexes

    def _file(self, session: Session) -> None:
        self.of_person.setdefault(session.supervisor, []).append(session)
        self.of_person.setdefault(session.agent, []).append(session)
        for call in (session.call,) if session.call else session.candidates:
            self.of_call.setdefault(call, []).append(session)
        if session.monitor_call:
            self.of_monitor[session.monitor_call] = session

    def _unfile(self, session: Session) -> None:
        keys = [(self.of_person, session.supervisor), (self.of_person, session.agent)]
        keys += [(self.of_call, call) for call in ((session.call,) if session.call else session.candidates)]
        for index, key in keys:
            found = index[key]
            found.remove(session)
            if not found:
                del index[key]
        if session.monitor_call:
            del self.of_monitor[session.monitor_call]

    def _file_final(self, session: Session) -> None:
        self.finals.append(session)
        self.finals_of_pair.setdefault((session.from_address, session.to_address), deque()).append(session)
