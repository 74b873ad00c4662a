"""Pure: owns the calls of a floor as wholes: what a transfer, a conference, a dialog or a snapshot makes of them.

Refuses to know of people and sessions, and leaves to `legs` what single participants do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs
from msgspec.structs import replace

from monitoring_core.domain.events import (
    CallChanged,
    CallView,
    ClearCause,
    Conferenced,
    LegState,
    MonitorOf,
    PartyChanged,
    Transferred,
)
from monitoring_core.domain.outcomes import Reason
from monitoring_core.errors import EventError, quote
from monitoring_core.floor.entities import Call, Change, What
from monitoring_core.floor.legs import CLEARED, CONNECTED, DROPPED, WAITING, Gone, Legs


@attrs.define(eq=False)
class Calls(Legs):
    """The calls of a floor, by what becomes of them as wholes."""

    def transfer(self, event: Transferred, at: float | None, now: float | None) -> list[Change]:
        """`by` has left both calls; the others are on the survivor, waiting if nobody is there to talk to."""
        _distinct(event.call, event.into)
        self.check_room(event.call, event.into)
        changes: list[Change] = []
        if event.into is not None:
            changes += self.clear(event.into, {event.by: ClearCause.TRANSFERRED}, at, now)
        changes += self.clear(event.call, {event.by: ClearCause.TRANSFERRED}, at, now)
        if event.into is not None and not self._is_monitor(event.call, event.into):
            changes += self._merge(event.call, event.into, at, now)
        survivor = self.find(event.into or event.call)
        if survivor is None:
            return changes
        if event.to is not None and event.to not in survivor.legs:
            changes += self.leg(survivor.id, event.to, LegState.ALERTING, at, now)
        talking = survivor.talking()
        if len(talking) == 1 and talking[0].state is CONNECTED and changes:
            changes += self.become(survivor, talking[0], WAITING, at, always=True)
        return changes

    def conference(self, event: Conferenced, at: float | None, now: float | None) -> list[Change]:
        """Two calls are one; who was on both is on it once. Raises EventError where one of them is a monitor call."""
        _distinct(event.call, event.into)
        if self._is_monitor(event.call, event.into):
            raise EventError(
                what="a monitor call is not joined with another call",
                where=f"call {quote(event.call)} into {quote(event.into)}",
                fix="tell of what became of it by the end of the monitor call, or by a snapshot",
            )
        return self._merge(event.call, event.into, at, now)

    def describe(self, event: CallChanged, now: float | None) -> list[Change]:
        """The call's type and declared facts, as far as they are said."""
        call = self.mentioned(event.call, now)
        if call is None:
            return []
        before = (call.type, call.facts)
        if event.type is not None:
            call.type = event.type
        if event.facts:
            call.facts = {**(call.facts or {}), **event.facts}
        return [Change(What.TOLD, call.id)] if (call.type, call.facts) != before and self.matters(call.id) else []

    def describe_party(self, event: PartyChanged, at: float | None, now: float | None) -> Sequence[Change]:
        """Declared facts of one party; he is on the call, also where nobody has said so."""
        changes = self.leg(event.call, event.address, LegState.INITIATED, at, now)
        call = self.find(event.call)
        leg = call.legs.get(event.address) if call else None
        if call is None or leg is None:
            return changes
        before, leg.facts = leg.facts, {**(leg.facts or {}), **event.facts} or None
        return [*changes, Change(What.TOLD, call.id)] if leg.facts != before else changes

    def view(self, view: CallView, at: float | None, now: float | None, *, in_snapshot: bool = False) -> list[Change]:
        """A call as a dialog or snapshot shows it; participants who are not listed stay as they were.

        A call in a snapshot is up: whoever is alone on it is not on a call that is over.
        """
        self.check([view])
        if view.monitor is not None and not in_snapshot:
            self.check_room(view.call, view.monitor.call)
        call = self.mentioned(view.call, now)
        if call is None:
            return []
        call.type = call.type if view.type is None else view.type
        if view.monitor is not None:
            call.monitor = view.monitor
        changes: list[Change] = []
        # who is shown to wait was not answered by the others
        for participant in sorted(view.participants, key=lambda one: one.state is WAITING):
            if participant.state is not CLEARED:
                changes += self.leg(call.id, participant.address, participant.state, at, now)
        cleared = [p.address for p in view.participants if p.state is CLEARED]
        clear = self.leave if in_snapshot else self.clear
        return changes + clear(call.id, dict.fromkeys(cleared, DROPPED), at, now)

    def monitor(
        self, call_id: str, monitor: MonitorOf, at: float | None, now: float | None, *, in_snapshot: bool = False
    ) -> None:
        """A monitor call is up. Its parties are the listener and the monitored; only the listener's leg is filed.

        The monitored is on the call that it names, also where nobody has said so; in a snapshot that call speaks for
        itself. Raises EventError where the two are one, or the id is that of an ordinary call.
        """
        self.check_monitor(call_id, monitor)
        call = self.mentioned(call_id, now)
        if call is None:
            return
        call.monitor = monitor
        if monitor.from_address not in call.legs:
            self.leg(call.id, monitor.from_address, CONNECTED, at, now)
        target = self.mentioned(monitor.call, now) if monitor.call and not in_snapshot else None
        if target is not None and target is not call and monitor.to_address not in target.legs:
            self.leg(target.id, monitor.to_address, CONNECTED, at, now)

    def move_listener(self, call_id: str, address: str, at: float | None, now: float | None) -> None:
        """The listener's end of a monitor call is at `address` now."""
        call = self.by_id.get(call_id)
        if call is not None and call.monitor is not None:
            leg = call.legs.get(call.monitor.from_address)
            call.monitor = replace(call.monitor, from_address=address)
            self.leg(call_id, address, CONNECTED, at, now)
            if leg is not None and leg.state is not CLEARED:
                self.clear_leg(call, leg, at)

    def owe(self, call_id: str) -> None:
        """The session of this monitor call is over: it is nobody's call, but its end is still to come."""
        call = self.by_id.get(call_id)
        if call is not None:
            call.owed = True
            for address in call.legs:
                self.by_address.remove(address, call)

    def redeem(self, call: Call) -> None:
        """The monitor call is a session's again, and a call of those who are on it."""
        call.owed = False
        for leg in call.live():
            self.by_address.add(leg.address, call)

    def check(self, views: Iterable[CallView]) -> None:
        """Raises EventError where a snapshot contradicts itself, or what kind of call a call is."""
        shown: set[str] = set()
        for view in views:
            call_id = self.survivor(view.call)
            if call_id in shown:
                raise EventError(
                    what="a snapshot shows one call twice",
                    where=f"call {quote(view.call)}",
                    fix="list each call once, with all of its participants",
                )
            shown.add(call_id)
            if view.monitor is not None:
                self.check_monitor(view.call, view.monitor)

    def check_monitor(self, call_id: str, monitor: MonitorOf) -> None:
        """Raises EventError where that cannot be a monitor call, or not between these."""
        if monitor.from_address == monitor.to_address:
            raise EventError(
                what="a monitor call needs two parties",
                where=f"from_address and to_address are both {quote(monitor.to_address)}",
                fix="name the listener's and the monitored party's address",
            )
        call = self.by_id.get(call_id)
        ordinary = call is not None and call.monitor is None and call.legs.keys() - {monitor.from_address}
        if ordinary or self.survivor(call_id) != call_id:
            raise EventError(
                what="an ordinary call cannot become a monitor call",
                where=f"call {quote(call_id)}",
                fix="give the monitor call an id of its own",
            )

    def revive(self, call_id: str, as_of: float | None) -> None:
        """A snapshot shows a call that was thought gone: if it is the newer, it is the authority."""
        survivor = self.survivor(call_id)
        gone = self.gone.get(survivor)
        if gone is not None and (as_of is None or gone.at is None or gone.at < as_of):
            self.gone.discard(survivor)

    def _is_monitor(self, *calls: str) -> bool:
        found = (self.find(call) for call in calls)
        return any(call is not None and call.monitor is not None for call in found)

    def _merge(self, call_id: str, into_id: str, at: float | None, now: float | None) -> list[Change]:
        call_id, into_id = self.survivor(call_id), self.survivor(into_id)
        if call_id == into_id:
            return []
        call = self.by_id.get(call_id)
        if call is None:
            if call_id not in self.gone:
                self.gone.add(call_id, Gone(into_id, at))
            return []
        into = self.mentioned(into_id, now)
        if into is None:
            return self.end(call, Reason.CALL_ENDED, at)
        changes: list[Change] = []
        for leg in call.live():
            self.by_address.remove(leg.address, call)
            known = into.legs.get(leg.address)
            if known is None or known.state is CLEARED:  # who had left is back on it by the other call
                into.legs[leg.address] = leg
                self.by_address.add(leg.address, into)
            elif leg.state is CONNECTED:
                changes += self.become(into, known, CONNECTED, at, always=True)
        del self.by_id[call_id]
        self.gone.add(call_id, Gone(into.id, at))
        return [Change(What.FOLLOWED, call_id, other=into.id), *changes]


def _distinct(call: str, into: str | None) -> None:
    if call == into:
        raise EventError(
            what="a call cannot become itself",
            where=f"call and into are both {quote(call)}",
            fix="name the surviving call in `into`, and the other in `call`",
        )
