"""The job with aggregates of `eventsourcing`: a call with its legs is one, a session is one.

`Kit` only collects their events when call or session is over; `Saved` saves each change in an application of the
library, whose store is memory, as whoever uses it would.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event

from tests.bench.contenders import job
from tests.bench.contenders.job import LEGS, SESSIONS, Asked, Job, Known

LEG_TARGETS: Mapping[str, Mapping[str, str]] = {
    trigger: dict.fromkeys(sources, target) for trigger, sources, target in LEGS
}
SESSION_TARGETS: Mapping[tuple[str, str], str] = {
    (trigger, source): target for trigger, sources, target in SESSIONS for source in sources
}


@attrs.define(eq=False)
class Leg:
    """An entity within a call."""

    state: str
    changed_at: float


class Call(Aggregate):
    """A call with its legs."""

    @event("Opened")
    def __init__(self, name: str) -> None:
        self.name, self.type = name, ""
        self.legs: dict[str, Leg] = {}
        self.job: Any

    @event("LegOpened")
    def open_leg(self, address: str, at: float) -> None:
        """Somebody new is on it."""
        self.legs[address] = Leg("initiated", at)

    @event("LegMoved")
    def move_leg(self, address: str, state: str, at: float) -> None:
        """His leg is in another state."""
        leg = self.legs[address]
        leg.state, leg.changed_at = state, max(at, leg.changed_at)

    def tell(self, address: str, word: str, at: float) -> None:
        """A command: what it decides becomes an event."""
        leg = self.legs.get(address)
        if leg is None:
            self.open_leg(address, at)
            self.job.appears(self, address)
            leg = self.legs[address]
        elif at < leg.changed_at:
            return
        after = LEG_TARGETS[word].get(leg.state) if word != "dial" else None
        if after is not None:
            self.move_leg(address, after, at)
        self.job.kit.changed(self)
        if after == "connected":
            self.job.appears(self, address)
        elif after == "cleared":
            self.job.leaves(self, address)


class Session(Aggregate):
    """One attempt to monitor."""

    @event("Opened")
    def __init__(self, name: str, from_address: str, to_address: str) -> None:
        self.name, self.from_address, self.to_address = name, from_address, to_address
        self.state = "NEW"
        self.job: Any
        self.known: Any

    @event("Moved")
    def move(self, state: str, reason: str) -> None:
        """It is in another state."""
        self.state, self.reason = state, reason

    def tell(self, word: str, reason: str = "") -> None:
        """A command: what it decides becomes an event."""
        before = self.state
        after = SESSION_TARGETS[word, before]
        self.move(after, reason)
        self.job.kit.changed(self)
        self.job.moved(self, before, after, reason or None)


class Kit:
    """Two kinds of aggregate."""

    def __init__(self) -> None:
        self.collected = 0

    def changed(self, aggregate: Any) -> None:
        """It has events that are not stored."""

    def call(self, to: Job, name: str) -> Any:
        """A call without legs."""
        call = Call(name)
        call.job = to
        return call

    def gone(self, call: Any) -> None:
        """Its events are ready for the store."""
        self.collected += len(call.collect_events())

    def session(self, to: Job, known: Known) -> Any:
        """In the state NEW."""
        session = Session(known.name, known.from_address, known.to_address)
        session.job, session.known = to, known
        return session

    def final(self, session: Any) -> None:
        """Its events are ready for the store."""
        self.collected += len(session.collect_events())

    def refused(self, asked: Asked) -> list[str]:
        """Plain Python."""
        return job.refused(asked)


class Saved(Kit):
    """Each change is in the store before the next."""

    def __init__(self) -> None:
        super().__init__()
        self.application: Application[Any] = Application()

    def changed(self, aggregate: Any) -> None:
        """The aggregate is at hand, and need not be read again."""
        self.application.save(aggregate)
