"""Shell: owns which orders telephony forbids: what cannot follow what the log has told before.

Refuses to find fault with what the log has not told of: it may have begun in the middle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import attrs

from monitoring_core.domain import events as e
from monitoring_core.domain.events import Event, LegState
from monitoring_core.engine import Engine
from monitoring_core.errors import quote
from monitoring_core.floor.entities import Leg, older
from monitoring_core.window import Window

DIALS, RINGS, TALKS = LegState.INITIATED, LegState.ALERTING, LegState.CONNECTED
HOLDS, WAITS, CLEARED = LegState.HELD, LegState.WAITING, LegState.CLEARED

MAY_FOLLOW: dict[type[Event], tuple[LegState, ...]] = {
    e.Initiated: (DIALS,),
    e.Delivered: (DIALS, RINGS, WAITS),
    e.Established: (DIALS, RINGS, TALKS, HOLDS, WAITS),
    e.Held: (TALKS, HOLDS),
    e.Retrieved: (TALKS, HOLDS),
    e.Parked: (TALKS, HOLDS, WAITS),
}
"""What may be told of a participant in which state. The same twice is a repeat, which is no fault."""

Fault = tuple[str, str]
"""Which call, or monitor call, it is about, and what it is."""


@attrs.define
class Orders:
    """What `engine` is about to step, against what it was told before.

    An engine concludes that a call is over when one is alone on it; here only what was told counts, and it is `over`: a
    call, or one participant of it. A newer snapshot may bring either back.
    """

    engine: Engine
    over: Window[bool] = attrs.field(init=False)
    _laws: dict[type[Event], Callable[[Any], Iterator[Fault]]] = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self.over = Window(self.engine.inner.settings.limits.calls_gone_max)
        self._laws = {
            **dict.fromkeys(MAY_FOLLOW, self._leg),
            e.Transferred: self._transferred,
            e.Conferenced: self._transferred,
            e.CallSeen: self._seen,
            e.MonitorStarted: self._started,
            e.ModeChanged: self._changed,
        }

    def broken(self, event: Event) -> list[Fault]:
        """What is wrong with `event`; to be asked before the engine steps it. The end of something is never a fault,
        however often it is told.
        """
        window = self.engine.repeats.get(event.source)
        if event.id is not None and window is not None and event.id in window:
            return []
        law = self._laws.get(type(event))
        faults = list(law(event)) if law is not None else []
        self._remember(event)
        return faults

    def _remember(self, event: Event) -> None:
        match event:
            case e.ConnectionCleared():
                self.over.add(f"{event.call}\n{event.address}", value=True)
            case e.CallCleared():
                self.over.add(event.call, value=True)
            case e.MonitorEnded(monitor_call=str(monitor)):
                self.over.add(monitor, value=True)
            case e.CallSeen():
                for one in event.view.participants:
                    if one.state is CLEARED:
                        self.over.add(f"{event.view.call}\n{one.address}", value=True)

    def _is_over(self, call: str) -> bool:
        calls = self.engine.floor.calls
        survivor = calls.survivor(call)
        return survivor not in calls.by_id and (call in self.over or survivor in self.over)

    def _known(self, call: str, address: str) -> Leg | None:
        found = self.engine.floor.calls.find(call)
        return found.legs.get(address) if found is not None else None

    def _has_left(self, call: str, address: str) -> bool:
        leg, survivor = self._known(call, address), self.engine.floor.calls.survivor(call)
        there = leg is not None and leg.state is not CLEARED
        return not there and any(f"{name}\n{address}" in self.over for name in (call, survivor))

    def _leg(self, event: e.OfLeg) -> Iterator[Fault]:
        told, who = type(event).__name__.lower(), f"{quote(event.address)} on call {quote(event.call)}"
        leg = self._known(event.call, event.address)
        if self._is_over(event.call):
            yield event.call, f"{who} is {told}, though the call was cleared"
        elif self._has_left(event.call, event.address):
            yield event.call, f"{who} is {told}, though he had left it"
        elif leg is None or leg.state is CLEARED:
            return
        elif older(event.at, leg.changed_at):
            yield event.call, f"{who} is {told} at {event.at} s, but what was told of him before happened after that"
        elif leg.state not in MAY_FOLLOW[type(event)]:
            yield event.call, f"{who} is {told}, though he was {leg.state}"

    def _transferred(self, event: e.Transferred | e.Conferenced) -> Iterator[Fault]:
        for call in filter(None, (event.call, event.into)):
            if self._is_over(call):
                yield call, f"call {quote(call)} is {type(event).__name__.lower()}, though it was cleared"

    def _seen(self, event: e.CallSeen) -> Iterator[Fault]:
        call = event.view.call
        there = [quote(one.address) for one in event.view.participants if one.state is not CLEARED]
        if there and self._is_over(call):
            yield call, f"call {quote(call)} is seen with {', '.join(there)}, though it was cleared"

    def _started(self, event: e.MonitorStarted) -> Iterator[Fault]:
        what, on = f"monitor call {quote(event.monitor_call)}", event.call
        if event.monitor_call in self.engine.inner.early_ends:
            yield event.monitor_call, f"{what} starts, though its end was told before"
        elif self._is_over(event.monitor_call):
            yield event.monitor_call, f"{what} starts again, though it had ended"
        if on is not None and self._is_over(on):
            yield event.monitor_call, f"{what} starts on call {quote(on)}, though that was cleared"
        elif on is not None and self._has_left(on, event.to_address):
            yield event.monitor_call, f"{what} starts on {quote(event.to_address)}, though he had left call {quote(on)}"

    def _changed(self, event: e.ModeChanged) -> Iterator[Fault]:
        if self._is_over(event.monitor_call):
            yield event.monitor_call, f"monitor call {quote(event.monitor_call)} changes its mode, though it had ended"
