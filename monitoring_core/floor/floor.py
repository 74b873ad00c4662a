"""Pure: owns the floor of one site as a whole: which event tells it what, and what a snapshot makes of it.

Refuses to know of sessions and rules; every change that may matter to a session is returned, none is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from monitoring_core.domain import events as e
from monitoring_core.domain.events import LegState, Snapshot
from monitoring_core.domain.outcomes import Reason
from monitoring_core.domain.settings import Limits
from monitoring_core.floor.calls import Calls
from monitoring_core.floor.entities import Call, Change, older
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

Fold = Callable[[Any, float | None, float | None], list[Change]]


class Floor:
    """People, phones and calls of one site. `at`: when it happened; `now`: site time; both seconds, or unknown."""

    def __init__(self, limits: Limits) -> None:
        self.people = People()
        self.calls = Calls(gone=Window(limits.calls_gone_max))
        self._folds: dict[type[e.Event], Fold] = {
            e.SignedIn: self._signed_in,
            e.SignedOut: self._signed_out,
            e.PersonChanged: self._person_changed,
            e.PhoneChanged: self._phone_changed,
            **dict.fromkeys(LEG_STATES, self._leg),
            e.Transferred: self.calls.transfer,
            e.Conferenced: self.calls.conference,
            e.ConnectionCleared: self._connection_cleared,
            e.CallCleared: self._call_cleared,
            e.CallChanged: self._call_changed,
            e.CallSeen: self._call_seen,
        }

    def apply(self, event: e.Event, at: float | None, now: float | None) -> list[Change]:
        """Learn what `event` says and return what is new. Raises EventError, having learned nothing."""
        fold = self._folds.get(type(event))
        return fold(event, at, now) if fold is not None else []

    def candidates(self, address: str) -> list[Call]:
        """The connected, not held, calls of an address, the latest connected last.

        A monitor call counts for the listener, never for the monitored party.
        """
        return [call for call in self.calls_of(address) if call.legs[address].state is LegState.CONNECTED]

    def calls_of(self, address: str) -> list[Call]:
        """The calls that `address` takes part in by himself."""
        mine = self.calls.by_address.get(address, {}).values()
        return [call for call in mine if call.monitor is None or call.is_listened_on_by(address)]

    def snapshot_calls(self, event: Snapshot, as_of: float | None, now: float | None) -> list[Change]:
        """What a snapshot says of calls: who is covered and not shown has gone, unless that changed after `as_of`."""
        if "calls" not in event.covers:
            return []
        changes: list[Change] = []
        monitored = {view.monitor.call for view in event.calls if view.monitor is not None and view.monitor.call}
        shown = {self.calls.survivor(call) for call in monitored.union(view.call for view in event.calls)}
        for call in self._covered(event):
            if call.id not in shown and not older(as_of, call.changed_at):
                changes += self.calls.over(call.id, Reason.CALL_ENDED, as_of)
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

    def _covered(self, event: Snapshot) -> list[Call]:
        if event.scope == "site":
            return list(self.calls.by_id.values())
        extensions = self.people.extensions_covered(event)
        return [call for call in self.calls.by_id.values() if not extensions.isdisjoint(call.legs)]

    def _signed_in(self, event: e.SignedIn, at: float | None, _now: float | None) -> list[Change]:
        return self.people.sign_in(event, at)

    def _signed_out(self, event: e.SignedOut, at: float | None, _now: float | None) -> list[Change]:
        return self.people.sign_out(event, at)

    def _person_changed(self, event: e.PersonChanged, at: float | None, _now: float | None) -> list[Change]:
        self.people.change_person(event, at)
        return []

    def _phone_changed(self, event: e.PhoneChanged, at: float | None, _now: float | None) -> list[Change]:
        self.people.change_phone(event, at)
        return []

    def _call_changed(self, event: e.CallChanged, _at: float | None, now: float | None) -> list[Change]:
        self.calls.describe(event, now)
        return []

    def _leg(self, event: e.Established, at: float | None, now: float | None) -> list[Change]:
        if type(event) is e.Established and self.is_held(event.address, event.call):
            return []  # a doubled answer does not take a call off hold
        return self.calls.leg(event.call, event.address, LEG_STATES[type(event)], at, now)

    def _connection_cleared(self, event: e.ConnectionCleared, at: float | None, now: float | None) -> list[Change]:
        return self.calls.clear(event.call, {event.address: event.cause}, at, now)

    def _call_cleared(self, event: e.CallCleared, at: float | None, _now: float | None) -> list[Change]:
        return self.calls.over(event.call, Reason.CALL_ENDED, at)

    def _call_seen(self, event: e.CallSeen, at: float | None, now: float | None) -> list[Change]:
        return self.calls.view(event.view, at, now)


def _unlisted(call: Call, view: e.CallView) -> list[str]:
    listed = {participant.address for participant in view.participants}
    return [leg.address for leg in call.live() if leg.address not in listed]
