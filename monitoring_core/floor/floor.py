"""Pure: owns the floor of one site as a whole: which event tells it what, and what a snapshot makes of it.

Refuses to know of sessions and rules; every change that may matter to a session is returned, none is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from monitoring_core.domain import events as e
from monitoring_core.domain.events import LegState, Snapshot
from monitoring_core.domain.outcomes import Reason
from monitoring_core.domain.settings import Limits
from monitoring_core.floor.calls import Calls
from monitoring_core.floor.entities import Call, Change, check_room, older
from monitoring_core.floor.people import People
from monitoring_core.window import Window

LEG_STATES: dict[type[e.Event], LegState] = {
    e.Initiated: LegState.INITIATED,
    e.Delivered: LegState.ALERTING,
    e.Established: LegState.CONNECTED,
    e.Held: LegState.HELD,
    e.Retrieved: LegState.CONNECTED,
    e.Parked: LegState.WAITING,
}


class Floor:
    """People, phones and calls of one site. `at`: when it happened; `now`: site time; both seconds, or unknown."""

    def __init__(self, limits: Limits) -> None:
        self.people = People(limits)
        self.calls = Calls(limits, Window(limits.calls_gone_max))

    def use(self, limits: Limits) -> None:
        """Keep within other limits from now on."""
        self.people.limits = self.calls.limits = limits
        self.calls.gone.size_max = limits.calls_gone_max

    def apply(self, event: e.Event, at: float | None, now: float | None) -> Sequence[Change]:
        """Learn what `event` says and return what is new. Raises EventError, having learned nothing."""
        fold = FOLDS.get(type(event))
        return (fold and fold(self, event, at, now)) or ()

    def candidates(self, address: str) -> list[Call]:
        """The connected, not held, calls of an address, the latest connected last.

        A monitor call counts for the listener, never for the monitored party.
        """
        return [call for call in self.calls_of(address) if call.legs[address].state is LegState.CONNECTED]

    def calls_of(self, address: str) -> list[Call]:
        """The calls that `address` takes part in by himself."""
        mine = self.calls.by_address[address]
        return [call for call in mine if call.monitor is None or call.is_listened_on_by(address)]

    def check(self, event: Snapshot, as_of: float | None) -> None:
        """Raises EventError where a snapshot contradicts itself, or brings more than there is room for."""
        self.people.check(event, as_of)
        self.calls.check(event.calls)
        gone = self._calls_gone(event, as_of) if event.scope == "site" else ()
        shown = [self.calls.survivor(view.call) for view in event.calls]
        check_room(self.calls.limits, "calls_max", self.calls.by_id.keys() - gone, shown)

    def snapshot_calls(self, event: Snapshot, as_of: float | None, now: float | None) -> list[Change]:
        """What a snapshot says of calls: who is covered and not shown has gone, unless that changed after `as_of`."""
        if "calls" not in event.covers:
            return []
        changes: list[Change] = []
        for call in self._calls_gone(event, as_of):
            changes += self.calls.over(call, Reason.CALL_ENDED, as_of)
        for view in event.calls:
            self.calls.revive(view.call, as_of)
            call_now = self.calls.find(view.call)
            stale = call_now is not None and older(as_of, call_now.changed_at)
            gone = [] if stale or call_now is None or view.monitor is not None else _unlisted(call_now, view)
            changes += self.calls.view(view, as_of, now, in_snapshot=True)
            changes += self.calls.leave(view.call, dict.fromkeys(gone, e.ClearCause.DROPPED), as_of, now)
        return changes

    def restart(self, at: float | None) -> list[Change]:
        """The switch came up anew: all of its calls are gone."""
        return [change for call in list(self.calls.by_id) for change in self.calls.over(call, Reason.SWITCH_LOST, at)]

    def is_listed(self, address: str, call: str) -> bool | None:
        """Whether `address` is on `call`, as far as the floor knows: None when it knows nothing of it."""
        found = self.calls.find(call)
        if found is None:
            return False if self.calls.survivor(call) in self.calls.gone else None
        leg = found.legs.get(address)
        return None if leg is None else leg.state is not LegState.CLEARED

    def is_held(self, address: str, call: str | None) -> bool:
        """Whether `address` has put `call` on hold."""
        found = self.calls.find(call) if call else None
        leg = found.legs.get(address) if found else None
        return leg is not None and leg.state is LegState.HELD

    def _calls_gone(self, event: Snapshot, as_of: float | None) -> list[str]:
        """The calls that a snapshot covers and does not show, unless they changed after it."""
        monitored = {view.monitor.call for view in event.calls if view.monitor is not None and view.monitor.call}
        shown = {self.calls.survivor(call) for call in monitored.union(view.call for view in event.calls)}
        unshown = [call for call in self._covered(event) if call.id not in shown]
        return [call.id for call in unshown if not older(as_of, call.changed_at)]

    def _covered(self, event: Snapshot) -> list[Call]:
        if event.scope == "site":
            return list(self.calls.by_id.values())
        extensions = self.people.extensions_covered(event)
        return [call for call in self.calls.by_id.values() if not extensions.isdisjoint(call.legs)]


def _unlisted(call: Call, view: e.CallView) -> list[str]:
    listed = {participant.address for participant in view.participants}
    return [leg.address for leg in call.live() if leg.address not in listed]


Fold = Callable[[Floor, Any, float | None, float | None], Sequence[Change] | None]


def _leg(state: LegState) -> Fold:
    def fold(floor: Floor, event: e.OfLeg, at: float | None, now: float | None) -> Sequence[Change]:
        return floor.calls.leg(event.call, event.address, state, at, now)

    return fold


FOLDS: dict[type[e.Event], Fold] = {
    e.SignedIn: lambda floor, event, at, _now: floor.people.sign_in(event, at),
    e.SignedOut: lambda floor, event, at, _now: floor.people.sign_out(event, at),
    e.PersonChanged: lambda floor, event, at, _now: floor.people.change_person(event, at),
    e.PhoneChanged: lambda floor, event, at, _now: floor.people.change_phone(event, at),
    **{kind: _leg(state) for kind, state in LEG_STATES.items()},
    e.Established: lambda floor, event, at, now: floor.calls.leg(
        event.call, event.address, LegState.CONNECTED, at, now, LegState.HELD
    ),
    e.Transferred: lambda floor, event, at, now: floor.calls.transfer(event, at, now),
    e.Conferenced: lambda floor, event, at, now: floor.calls.conference(event, at, now),
    e.ConnectionCleared: lambda floor, event, at, now: floor.calls.drop(
        event.call, event.address, event.cause, at, now
    ),
    e.CallCleared: lambda floor, event, at, _now: floor.calls.over(event.call, Reason.CALL_ENDED, at),
    e.CallChanged: lambda floor, event, _at, now: floor.calls.describe(event, now),
    e.PartyChanged: lambda floor, event, at, now: floor.calls.describe_party(event, at, now),
    e.CallSeen: lambda floor, event, at, now: floor.calls.view(event.view, at, now),
}
"""Which event tells a floor what."""
