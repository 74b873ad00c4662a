"""Pure: owns the calls of a floor: their legs, what a transfer or conference makes of them, and what is gone.

Refuses to know of people and sessions. Cleared is final for a leg and gone is final for a call, so a late or
doubled event cannot bring either back; only a snapshot that is newer can.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import attrs
from msgspec import Struct
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
from monitoring_core.domain.settings import Limits
from monitoring_core.errors import EventError, quote
from monitoring_core.floor.entities import TALKING, Call, Change, Leg, What, check_room, latest, older
from monitoring_core.multimap import Multimap
from monitoring_core.window import Window

Causes = Mapping[str, ClearCause]
LEFT_BY = {
    ClearCause.DROPPED: Reason.AGENT_DROPPED,
    ClearCause.TRANSFERRED: Reason.AGENT_TRANSFERRED,
    ClearCause.MOVED: Reason.MOVED,
}

ENDS_WHEN_ALONE = TALKING | {LegState.ALERTING}
DIALLING = frozenset({LegState.INITIATED, LegState.ALERTING})
CONNECTED, HELD, WAITING, CLEARED = LegState.CONNECTED, LegState.HELD, LegState.WAITING, LegState.CLEARED
JOINED = What.JOINED


class Gone(Struct, frozen=True, array_like=True, gc=False):
    """What is remembered of a call that is gone: the call that it became, if any, and when (seconds)."""

    survivor: str = ""
    at: float | None = None


@attrs.define(eq=False)
class Calls:
    """Calls by id, the live calls of each address in the order of their last connection, and the ids gone by.

    `born`: calls whose lease is still to be set.
    """

    limits: Limits
    gone: Window[Gone]
    by_id: dict[str, Call] = attrs.field(factory=dict)
    by_address: Multimap[Call] = attrs.field(factory=Multimap)
    born: list[str] = attrs.field(factory=list)

    def find(self, call: str) -> Call | None:
        """The call of that id, or the one that it became."""
        return self.by_id.get(call) or self.by_id.get(self.survivor(call))

    def survivor(self, call: str) -> str:
        """The id under which that call goes on: its own, unless it became another."""
        while call not in self.by_id and (gone := self.gone.get(call)) and gone.survivor:
            call = gone.survivor
        return call

    def leg(self, call_id: str, address: str, state: LegState, at: float | None, now: float | None) -> Sequence[Change]:
        """A participant's leg is in `state`. What is already known, or older than what is known, changes nothing."""
        call = self._mentioned(call_id, now)
        if call is None:
            return ()
        leg = call.legs.get(address)
        if leg is None:
            leg = call.legs[address] = Leg(address, LegState.INITIATED)
            self._index(address, call)
        elif leg.state is CLEARED or older(at, leg.changed_at) or (state in DIALLING and leg.state not in DIALLING):
            return ()
        return self._become(call, leg, state, at)

    def clear(self, call_id: str, causes: Causes, at: float | None, now: float | None) -> list[Change]:
        """Participants left, all at once; who remains alone after a drop is on a call that is over."""
        call = self.find(call_id)
        changes = self.leave(call_id, causes, at, now)
        if call is not None and changes and all(cause is ClearCause.DROPPED for cause in causes.values()):
            changes += self._aftermath(call, at)
        return changes

    def leave(self, call_id: str, causes: Causes, at: float | None, now: float | None) -> list[Change]:
        """Participants left, all at once; `causes` says why by address. The call goes on without them.

        Who leaves while others are there dropped (or transferred, or moved); who leaves while he waits for somebody,
        or when the others have gone before, is left by a call that ended.
        """
        call = self._mentioned(call_id, now)
        if call is None:
            return []
        there_before = len(call.live())
        changes: list[Change] = []
        for address, cause in causes.items():
            leg = call.legs.get(address)
            if leg is None:
                call.legs[address] = Leg(address, CLEARED, at)
            elif leg.state is not CLEARED and not older(at, leg.changed_at):
                alone = leg.state is WAITING or there_before == 1
                dropped_last = cause is ClearCause.DROPPED and alone and len(call.legs) > 1
                self._clear_leg(call, leg, at)
                reason = Reason.CALL_ENDED if dropped_last else LEFT_BY[cause]
                changes.append(Change(What.LEFT, call.id, address, reason))
        return changes

    def over(self, call_id: str, reason: Reason, at: float | None) -> list[Change]:
        """The call is gone for everybody. An id that was never known is remembered as gone, too."""
        survivor = self.survivor(call_id)
        call = self.by_id.get(survivor)
        if call is None:
            if survivor not in self.gone:
                self.gone.add(survivor, Gone(at=at))
            return []
        return self._end(call, reason, at)

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
        if len(talking) == 1 and talking[0].state is LegState.CONNECTED and changes:
            changes += self._become(survivor, talking[0], LegState.WAITING, at)
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
        call = self._mentioned(event.call, now)
        if call is None:
            return []
        before = (call.type, call.facts)
        call.type = call.type if event.type is None else event.type
        call.facts = {**(call.facts or {}), **event.facts} or None
        return [Change(What.TOLD, call.id)] if (call.type, call.facts) != before else []

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
        call = self._mentioned(view.call, now)
        if call is None:
            return []
        call.type = call.type if view.type is None else view.type
        if view.monitor is not None:
            call.monitor = view.monitor
        changes: list[Change] = []
        # who is shown to wait was not answered by the others
        for participant in sorted(view.participants, key=lambda one: one.state is WAITING):
            if participant.state is not LegState.CLEARED:
                changes += self.leg(call.id, participant.address, participant.state, at, now)
        cleared = [p.address for p in view.participants if p.state is LegState.CLEARED]
        clear = self.leave if in_snapshot else self.clear
        return changes + clear(call.id, dict.fromkeys(cleared, ClearCause.DROPPED), at, now)

    def monitor(
        self, call_id: str, monitor: MonitorOf, at: float | None, now: float | None, *, in_snapshot: bool = False
    ) -> None:
        """A monitor call is up. Its parties are the listener and the monitored; only the listener's leg is filed.

        The monitored is on the call that it names, also where nobody has said so; in a snapshot that call speaks for
        itself. Raises EventError where the two are one, or the id is that of an ordinary call.
        """
        self.check_monitor(call_id, monitor)
        call = self._mentioned(call_id, now)
        if call is None:
            return
        call.monitor = monitor
        if monitor.from_address not in call.legs:
            self.leg(call.id, monitor.from_address, LegState.CONNECTED, at, now)
        target = self._mentioned(monitor.call, now) if monitor.call and not in_snapshot else None
        if target is not None and target is not call and monitor.to_address not in target.legs:
            self.leg(target.id, monitor.to_address, LegState.CONNECTED, at, now)

    def move_listener(self, call_id: str, address: str, at: float | None, now: float | None) -> None:
        """The listener's end of a monitor call is at `address` now."""
        call = self.by_id.get(call_id)
        if call is not None and call.monitor is not None:
            leg = call.legs.get(call.monitor.from_address)
            call.monitor = replace(call.monitor, from_address=address)
            self.leg(call_id, address, LegState.CONNECTED, at, now)
            if leg is not None and leg.state is not LegState.CLEARED:
                self._clear_leg(call, leg, at)

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
            self._index(leg.address, call)

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

    def check_room(self, *calls: str | None) -> None:
        """Raises EventError where there is no room for all of `calls`; to be asked before several come up at once."""
        check_room(self.limits, "calls_max", self.by_id, [call and self.survivor(call) for call in calls])

    def revive(self, call_id: str, as_of: float | None) -> None:
        """A snapshot shows a call that was thought gone: if it is the newer, it is the authority."""
        survivor = self.survivor(call_id)
        gone = self.gone.get(survivor)
        if gone is not None and (as_of is None or gone.at is None or gone.at < as_of):
            self.gone.discard(survivor)

    def _is_monitor(self, *calls: str) -> bool:
        found = (self.find(call) for call in calls)
        return any(call is not None and call.monitor is not None for call in found)

    def _mentioned(self, call_id: str, now: float | None) -> Call | None:
        call = self.by_id.get(call_id) or self._survivor_or_born(call_id)
        if call is not None and now is not None:
            call.seen_at = now
        return call

    def _survivor_or_born(self, call_id: str) -> Call | None:
        survivor = self.survivor(call_id)
        call = self.by_id.get(survivor)
        if call is None and survivor not in self.gone:
            if len(self.by_id) >= self.limits.calls_max:
                self.check_room(survivor)
            call = self.by_id[survivor] = Call(survivor)
            self.born.append(survivor)
        return call

    def _become(self, call: Call, leg: Leg, state: LegState, at: float | None) -> Sequence[Change]:
        before, leg.state = leg.state, state
        _changed(leg, call, at)
        if before is state or (state is not CONNECTED and before not in TALKING and state is not HELD):
            return ()
        changes: list[Change] = []
        if state in TALKING and before not in TALKING:
            changes.append(Change(JOINED, call.id, leg.address))
        if state is CONNECTED:
            if not call.owed:
                self.by_address.renew(leg.address, call)
            for other in call.legs.values():
                if other.state is WAITING:
                    changes += self._become(call, other, CONNECTED, at)
        if before is HELD or state is HELD:
            changes.append(Change(What.HOLD, call.id, leg.address))
        return changes

    def _clear_leg(self, call: Call, leg: Leg, at: float | None) -> None:
        leg.state = CLEARED
        _changed(leg, call, at)
        self.by_address.remove(leg.address, call)

    def _aftermath(self, call: Call, at: float | None) -> list[Change]:
        """Who is alone after a drop is on no call any more; who waits or dials may still be answered.

        A monitor call is up as long as its listener is on it.
        """
        live = call.live()
        if call.monitor is not None:
            over = call.monitor.from_address not in [leg.address for leg in live]
        else:
            over = not live or (len(live) == 1 and live[0].state in ENDS_WHEN_ALONE)
        return self._end(call, Reason.CALL_ENDED, at) if over else []

    def _merge(self, call_id: str, into_id: str, at: float | None, now: float | None) -> list[Change]:
        call_id, into_id = self.survivor(call_id), self.survivor(into_id)
        if call_id == into_id:
            return []
        call = self.by_id.get(call_id)
        if call is None:
            if call_id not in self.gone:
                self.gone.add(call_id, Gone(into_id, at))
            return []
        into = self._mentioned(into_id, now)
        if into is None:
            return self._end(call, Reason.CALL_ENDED, at)
        changes: list[Change] = []
        for leg in call.live():
            self.by_address.remove(leg.address, call)
            known = into.legs.get(leg.address)
            if known is None or known.state is LegState.CLEARED:  # who had left is back on it by the other call
                into.legs[leg.address] = leg
                self._index(leg.address, into)
            elif leg.state is LegState.CONNECTED:
                changes += self._become(into, known, LegState.CONNECTED, at)
        del self.by_id[call_id]
        self.gone.add(call_id, Gone(into.id, at))
        return [Change(What.FOLLOWED, call_id, other=into.id), *changes]

    def _end(self, call: Call, reason: Reason, at: float | None) -> list[Change]:
        for leg in call.live():
            self.by_address.remove(leg.address, call)
        del self.by_id[call.id]
        self.gone.add(call.id, Gone(at=latest(call.changed_at, at)))
        return [Change(What.OVER, call.id, reason=reason)]

    def _index(self, address: str, call: Call) -> None:
        """File a call as the latest of an address, unless it is nobody's call any more."""
        if not call.owed:
            self.by_address.add(address, call)


def _changed(leg: Leg, call: Call, at: float | None) -> None:
    """What changed last, changed last: news that is older than that does not bring it back."""
    if at is None:
        return
    if leg.changed_at is None or leg.changed_at < at:
        leg.changed_at = at
    if call.changed_at is None or call.changed_at < at:
        call.changed_at = at


def _distinct(call: str, into: str | None) -> None:
    if call == into:
        raise EventError(
            what="a call cannot become itself",
            where=f"call and into are both {quote(call)}",
            fix="name the surviving call in `into`, and the other in `call`",
        )
