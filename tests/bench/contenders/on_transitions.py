"""The job with models of `transitions`: one machine for all legs, one for all sessions, a model for each of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from transitions import Machine

from tests.bench.contenders import job
from tests.bench.contenders.job import LEG_STATES, LEGS, SESSION_STATES, SESSIONS, Asked, Job, Known, Rows


def _machine(states: tuple[str, ...], rows: Rows, **more: Any) -> Machine:
    """The model comes later, with what it wants to be called back for."""
    moves = [[trigger, list(sources), target] for trigger, sources, target in rows]
    return Machine(model=None, states=list(states), transitions=moves, auto_transitions=False, **more)


@attrs.define(eq=False, slots=False)
class Leg:
    """A model; `transitions` adds `state` and the triggers."""

    call: Call
    address: str
    changed_at: float

    def on_enter_connected(self, _at: float) -> None:
        """Called by the machine."""
        self.call.job.appears(self.call, self.address)

    def on_enter_cleared(self, _at: float) -> None:
        """Called by the machine."""
        self.call.job.leaves(self.call, self.address)

    def note(self, at: float) -> None:
        """Called by the machine after each change."""
        self.changed_at = max(self.changed_at, at)


@attrs.define(eq=False)
class Call:
    """Its legs are models."""

    job: Job
    machine: Machine
    name: str
    type: str = ""
    legs: dict[str, Any] = attrs.field(factory=dict)

    def tell(self, address: str, word: str, at: float) -> None:
        """The trigger of that name."""
        leg = self.legs.get(address)
        if leg is None:
            leg = Leg(self, address, at)
            self.legs[address] = leg
            self.machine.add_model(leg)
            self.job.appears(self, address)
        elif at < leg.changed_at:
            return
        if word != "dial":
            self.legs[address].trigger(word, at)


@attrs.define(eq=False, slots=False)
class Session:
    """A model."""

    job: Job
    known: Known
    name: str

    def note(self, event: Any) -> None:
        """Called by the machine after each change."""
        move, this = event.transition, event.model
        self.job.moved(this, move.source, move.dest, event.kwargs.get("reason"))

    def tell(self, word: str, reason: str = "") -> None:
        """The trigger of that name."""
        self.trigger(word, reason=reason)  # type: ignore[attr-defined] # the machine adds it


class Kit:
    """Two machines."""

    def __init__(self) -> None:
        self.legs = _machine(
            LEG_STATES, LEGS, initial="initiated", ignore_invalid_triggers=True, after_state_change="note"
        )
        self.sessions = _machine(SESSION_STATES, SESSIONS, initial="NEW", send_event=True, after_state_change="note")

    def call(self, to: Job, name: str) -> Call:
        """A call without legs."""
        return Call(to, self.legs, name)

    def gone(self, call: Any) -> None:
        """The machine knows all of its models."""
        self.legs.remove_model(list(call.legs.values()))

    def session(self, to: Job, known: Known) -> Any:
        """A model in the state NEW."""
        session = Session(to, known, known.name)
        self.sessions.add_model(session)
        return session

    def final(self, session: Any) -> None:
        """The machine knows all of its models."""
        self.sessions.remove_model(session)

    def refused(self, asked: Asked) -> list[str]:
        """Plain Python."""
        return job.refused(asked)


LEG_TARGETS: Mapping[str, Mapping[str, str]] = {
    trigger: dict.fromkeys(sources, target) for trigger, sources, target in LEGS
}


@attrs.define(eq=False)
class PlainLeg:
    """A leg without a machine."""

    state: str
    changed_at: float


@attrs.define(eq=False)
class PlainCall:
    """Its legs are looked up in a table of dictionaries."""

    job: Job
    name: str
    type: str = ""
    legs: dict[str, PlainLeg] = attrs.field(factory=dict)

    def tell(self, address: str, word: str, at: float) -> None:
        """The row of that name, if there is one."""
        leg = self.legs.get(address)
        if leg is None:
            leg = self.legs[address] = PlainLeg("initiated", at)
            self.job.appears(self, address)
        elif at < leg.changed_at:
            return
        after = LEG_TARGETS[word].get(leg.state) if word != "dial" else None
        if after is None:
            return
        leg.state, leg.changed_at = after, max(at, leg.changed_at)
        if after == "connected":
            self.job.appears(self, address)
        elif after == "cleared":
            self.job.leaves(self, address)


class SessionsOnly(Kit):
    """Only sessions are models."""

    def call(self, to: Job, name: str) -> Any:
        """A call without legs."""
        return PlainCall(to, name)

    def gone(self, call: Any) -> None:
        """Nobody else knows of it."""
