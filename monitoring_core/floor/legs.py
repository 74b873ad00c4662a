"""Pure: owns the calls of a floor leg by leg: who is on which since when, who left, and which calls are gone.

Refuses to know what becomes of whole calls (`calls`), of people and of sessions. Cleared is final for a leg and gone is
final for a call, so a late or doubled event cannot bring either back; only a snapshot that is newer can.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping, Sequence

import attrs
from msgspec import Struct

from monitoring_core.domain.events import ClearCause, LegState
from monitoring_core.domain.outcomes import Reason
from monitoring_core.domain.settings import Limits
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
INITIATED, ALERTING, CONNECTED = LegState.INITIATED, LegState.ALERTING, LegState.CONNECTED
HELD, WAITING, CLEARED = LegState.HELD, LegState.WAITING, LegState.CLEARED
DROPPED = ClearCause.DROPPED
STAYS_UP = frozenset({ClearCause.TRANSFERRED, ClearCause.MOVED})
"""Why somebody left of whose call the others are not left alone."""
JOINED, HOLD, LEFT, OVER = What.JOINED, What.HOLD, What.LEFT, What.OVER


class Gone(Struct, frozen=True, array_like=True, gc=False):
    """What is remembered of a call that is gone: the call that it became, if any, and when (seconds)."""

    survivor: str = ""
    at: float | None = None


@attrs.frozen(eq=False)
class Heed:
    """To whom the changes of calls matter: as long as there is anything in `all_calls` to everybody, else only those of
    `calls` and of `monitor_calls`. What does not matter is not told, which is what most calls of a large site cost.
    """

    all_calls: Collection[str] = ("as long as nobody says otherwise",)
    calls: Container[str] = ()
    monitor_calls: Container[str] = ()


@attrs.define(eq=False)
class Legs:
    """Calls by id, the live calls of each address in the order of their last connection, and the ids gone by.

    `born`: calls whose lease is still to be set. `heed`: to whom it matters what changes.
    """

    limits: Limits
    gone: Window[Gone]
    by_id: dict[str, Call] = attrs.field(factory=dict)
    by_address: Multimap[Call] = attrs.field(factory=Multimap)
    born: list[str] = attrs.field(factory=list)
    heed: Heed = attrs.field(factory=Heed)

    def find(self, call: str) -> Call | None:
        """The call of that id, or the one that it became."""
        return self.by_id.get(call) or self.by_id.get(self.survivor(call))

    def survivor(self, call: str) -> str:
        """The id under which that call goes on: its own, unless it became another."""
        while call not in self.by_id and (gone := self.gone.get(call)) and gone.survivor:
            call = gone.survivor
        return call

    def leg(
        self,
        call_id: str,
        address: str,
        state: LegState,
        at: float | None,
        now: float | None,
        but_not: LegState | None = None,
    ) -> Sequence[Change]:
        """A participant's leg is in `state`. What is already known, or older than what is known, changes nothing.

        `but_not`: a leg in that state does not even hear of it (a doubled answer does not take a call off hold).
        """
        call = self.by_id.get(call_id) or self.survivor_or_born(call_id)
        if call is None:
            return ()
        leg = call.legs.get(address)
        if leg is not None and leg.state is but_not:
            return ()
        if now is not None:
            call.seen_at = now
        if leg is None:
            leg = call.legs[address] = Leg(address, INITIATED, at)
            if not call.owed:
                self.by_address.add(address, call)
        else:
            before, changed_at = leg.state, leg.changed_at
            if before is CLEARED or (at is not None and changed_at is not None and at < changed_at):
                return ()
            if (state is INITIATED or state is ALERTING) and not (before is INITIATED or before is ALERTING):
                return ()
        return self.become(call, leg, state, at)

    def drop(
        self, call_id: str, address: str, cause: ClearCause, at: float | None, now: float | None
    ) -> Sequence[Change]:
        """A participant left; who remains alone after a drop is on a call that is over."""
        call = self.mentioned(call_id, now)
        left = None if call is None else self._leave(call, address, cause, at, is_alone=_is_alone(call))
        if call is None or left is None:
            return ()
        over = self.end(call, Reason.CALL_ENDED, at) if cause is DROPPED and _is_over(call) else ()
        return (left, *over) if self.matters(call.id) else ()

    def clear(self, call_id: str, causes: Causes, at: float | None, now: float | None) -> list[Change]:
        """Participants left, all at once; who remains alone after a drop is on a call that is over."""
        changes = self.leave(call_id, causes, at, now)
        call = self.find(call_id) if changes else None
        if call is not None and STAYS_UP.isdisjoint(causes.values()) and _is_over(call):
            changes += self.end(call, Reason.CALL_ENDED, at)
        return changes

    def leave(self, call_id: str, causes: Causes, at: float | None, now: float | None) -> list[Change]:
        """Participants left, all at once; `causes` says why by address. The call goes on without them.

        Who leaves while others are there dropped (or transferred, or moved); who leaves while he waits for somebody,
        or when the others have gone before, is left by a call that ended.
        """
        call = self.mentioned(call_id, now)
        if call is None:
            return []
        is_alone = _is_alone(call)
        left = [self._leave(call, address, cause, at, is_alone=is_alone) for address, cause in causes.items()]
        return [change for change in left if change is not None]

    def over(self, call_id: str, reason: Reason, at: float | None) -> Sequence[Change]:
        """The call is gone for everybody. An id that was never known is remembered as gone, too."""
        call = self.by_id.get(call_id)
        if call is None:
            gone = self.gone.get(call_id)
            if gone is not None and not gone.survivor:
                return ()
            call_id = self.survivor(call_id)
            call = self.by_id.get(call_id)
        if call is not None:
            return self.end(call, reason, at)
        if call_id not in self.gone:
            self.gone.add(call_id, Gone(at=at))
        return ()

    def matters(self, call: str) -> object:
        """Whether changes of this call are to be told: what it gives is true or false."""
        heed = self.heed
        return call in heed.calls or call in heed.monitor_calls or heed.all_calls

    def mentioned(self, call_id: str, now: float | None) -> Call | None:
        """The call of that id, seen now; None if it is gone."""
        call = self.by_id.get(call_id) or self.survivor_or_born(call_id)
        if call is not None and now is not None:
            call.seen_at = now
        return call

    def survivor_or_born(self, call_id: str) -> Call | None:
        """The call that this one became, or a new one if the id was never heard of."""
        if call_id in self.gone:
            survivor = self.survivor(call_id)
            call = self.by_id.get(survivor)
            if call is not None or survivor in self.gone:
                return call
            call_id = survivor  # what that became is forgotten
        if len(self.by_id) >= self.limits.calls_max:
            self.check_room(call_id)
        call = self.by_id[call_id] = Call(call_id)
        self.born.append(call_id)
        return call

    def check_room(self, *calls: str | None) -> None:
        """Raises EventError where there is no room for all of `calls`; to be asked before several come up at once."""
        check_room(self.limits, "calls_max", self.by_id, [call and self.survivor(call) for call in calls])

    def become(
        self, call: Call, leg: Leg, state: LegState, at: float | None, *, always: bool = False
    ) -> Sequence[Change]:
        """A leg is in another state; what follows from that is told if it matters, or `always`."""
        before, leg.state = leg.state, state
        if at is not None:
            if leg.changed_at is None or leg.changed_at < at:  # what changed last, changed last
                leg.changed_at = at
            if call.changed_at is None or call.changed_at < at:
                call.changed_at = at
        was_up, is_up = before is CONNECTED or before is HELD, state is CONNECTED or state is HELD
        if before is state or not (was_up or is_up):
            return ()
        answered: list[Change] = []
        if state is CONNECTED:
            if not call.owed and self.by_address.held.get(leg.address) is not call:
                self.by_address.renew(leg.address, call)
            for other in call.legs.values():
                if other.state is WAITING:
                    answered += self.become(call, other, CONNECTED, at, always=always)
        if not (always or self.matters(call.id)):
            return ()
        joined = () if was_up or not is_up else (Change(JOINED, call.id, leg.address),)
        held = (Change(HOLD, call.id, leg.address),) if before is HELD or state is HELD else ()
        return (*joined, *answered, *held)

    def clear_leg(self, call: Call, leg: Leg, at: float | None) -> None:
        """A leg is cleared, whatever that means for the others."""
        leg.state = CLEARED
        if at is not None:
            _changed(leg, call, at)
        self.by_address.remove(leg.address, call)

    def end(self, call: Call, reason: Reason, at: float | None) -> list[Change]:
        """The call is gone."""
        for leg in call.legs.values():
            if leg.state is not CLEARED:
                self.by_address.remove(leg.address, call)
        del self.by_id[call.id]
        self.gone.add(call.id, Gone(at=latest(call.changed_at, at)))
        return [Change(OVER, call.id, reason=reason)]

    def _leave(self, call: Call, address: str, cause: ClearCause, at: float | None, *, is_alone: bool) -> Change | None:
        leg = call.legs.get(address)
        if leg is None:
            call.legs[address] = Leg(address, CLEARED, at)
            return None
        if leg.state is CLEARED or older(at, leg.changed_at):
            return None
        dropped_last = cause is DROPPED and (is_alone or leg.state is WAITING) and len(call.legs) > 1
        self.clear_leg(call, leg, at)
        return Change(LEFT, call.id, address, Reason.CALL_ENDED if dropped_last else LEFT_BY[cause])


def _is_alone(call: Call) -> bool:
    """Whether one leg is left."""
    there = 0
    for leg in call.legs.values():
        if leg.state is not CLEARED:
            there += 1
    return there == 1


def _is_over(call: Call) -> bool:
    """Who is alone after a drop is on no call any more; who waits or dials may still be answered.

    A monitor call is up as long as its listener is on it.
    """
    if call.monitor is not None:
        listener = call.legs.get(call.monitor.from_address)
        return listener is None or listener.state is CLEARED
    last = None
    for leg in call.legs.values():
        if leg.state is not CLEARED:
            if last is not None:
                return False
            last = leg.state
    return last is None or last in ENDS_WHEN_ALONE


def _changed(leg: Leg, call: Call, at: float) -> None:
    """What changed last, changed last: news that is older than that does not bring it back."""
    if leg.changed_at is None or leg.changed_at < at:
        leg.changed_at = at
    if call.changed_at is None or call.changed_at < at:
        call.changed_at = at
