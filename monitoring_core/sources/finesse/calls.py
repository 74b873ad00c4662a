"""Shell: owns what Finesse's dialogs mean as events, where one of them alone does not say it: who left, and how.

Refuses to call somebody's leaving a drop while it may be a transfer: that is told by what follows at once, in no
certain order, or by nothing at all (domain.md section 2: the row CALL_TRANSFERRED, and `secondaryId`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec import structs

from monitoring_core.domain.events import (
    CallCleared,
    CallSeen,
    CallView,
    Conferenced,
    Event,
    LegState,
    Participant,
    Transferred,
)
from monitoring_core.domain.settings import Limits
from monitoring_core.finesse.updates import Dialog
from monitoring_core.sources.finesse.kept import CLEARED, Call, Joining, Leaving, Moment, Shown, view_of
from monitoring_core.sources.finesse.words import TALKING, is_over
from monitoring_core.window import Window

HOLD_S = 1.0
HOLD_RECORDS = 20
"""How long a leaving is kept back for what explains it; records count where there are no times of receipt."""


class Calls:
    """What is known of ordinary calls. `told`: the events since somebody last took them.

    `is_seat`: whether an agent is known to sit at that address. At most `calls_max` calls are known; the first is
    forgotten first, and then what it shows is told without a look at what went before.
    """

    def __init__(self, limits: Limits, is_seat: Callable[[str], bool]) -> None:
        self.told: list[Event] = []
        self._calls_max, self._is_seat = limits.calls_max, is_seat
        self._now: Moment = (0, None)
        self._calls: dict[str, Call] = {}
        self._of: dict[str, dict[str, None]] = {}
        self._leaving: dict[str, Leaving] = {}
        self._joining: dict[str, Joining] = {}
        self._past: Window[None] = Window(limits.calls_gone_max)

    def pass_time(self, now: Moment) -> None:
        """What was not explained in time is told as it looks."""
        self._now = now
        for survivor, joining in list(self._joining.items()):
            if self._is_past(joining.since):
                self._give_up(survivor)
        for call, leaving in list(self._leaving.items()):
            if self._is_past(leaving.since):
                self._release(call)

    def finish(self) -> None:
        """Nothing will explain anything any more."""
        for survivor in list(self._joining):
            self._give_up(survivor)
        for call in list(self._leaving):
            self._release(call)

    def is_on(self, address: str, call: str) -> bool:
        """Whether he is known to be on that call."""
        known = self._calls.get(call)
        return known is not None and address in known.live()

    def is_up(self, call: str) -> bool:
        """Whether there is that call."""
        return call in self._calls

    def after_leaving(self, address: str, event: Event) -> bool:
        """Whether `event` has to wait, and does, for the telling of how he left a call."""
        for call in self._of.get(address, ()):
            leaving = self._leaving.get(call)
            if leaving is not None and address in leaving.everybody():
                leaving.after.append(event)
                return True
        return False

    # Notifications

    def show(self, dialog: Dialog, gone: str | None = None, secondary: str = "", *, is_delete: bool = False) -> None:
        """A notification shows a dialog; `gone` was taken off it. `secondary`: the call that is part of it now."""
        if dialog.id in self._past:
            return  # it is over, or goes on under its other name, as does whoever is said to have left this one
        shown = self._learn(dialog, gone, is_delete=is_delete)
        call, left = shown.call, shown.left
        part = secondary if secondary != call.id and secondary not in self._past else ""
        self._back_from_consulting(shown, part)
        if left:
            self._leaving.setdefault(call.id, Leaving(self._now)).groups.append((left, shown.at))
        joining = self._joining.get(call.id)
        if part or (part := joining.call if joining is not None else self._blind(shown)):
            self._consider(call.id, part, shown.at, shown.states)
        for survivor, joining in list(self._joining.items()):
            if joining.call == call.id and survivor in self._joining:
                self._consider(survivor, call.id, joining.at, ())
        if call.id in self._calls:
            self._tell(shown)

    def _learn(self, dialog: Dialog, gone: str | None, *, is_delete: bool) -> Shown:
        call = self._calls.get(dialog.id) or self._new(dialog.id)
        shown = Shown(call, dialog)
        if gone is not None and (gone in shown.states or gone in call.legs):
            shown.states[gone] = CLEARED
        is_whole = not is_delete or not shown.states
        if is_over(dialog) and is_whole and set(shown.states.values()) <= {CLEARED}:
            shown.states |= dict.fromkeys(call.legs, CLEARED)
        for address, state in shown.states.items():
            if call.legs.get(address) is not CLEARED:
                self._file(call, address, state)
        return shown

    def _tell(self, shown: Shown) -> None:
        """How the call stands, without those of whom it is not clear yet how they left."""
        call, leaving = shown.call, self._leaving.get(shown.call.id)
        held: list[str] = []
        if leaving is not None and self._may_be_transfer(call, leaving):
            held = leaving.everybody()
        elif leaving is not None:
            del self._leaving[call.id]
            for group, at in leaving.groups:
                if not set(group) <= set(shown.left):  # who left by this very dialog is in the view
                    self._say(CallSeen(view=_cleared(call.id, group)), at)
        states = {one: state for one, state in shown.states.items() if one not in held}
        self._say(CallSeen(view=view_of(call, states, is_refused=shown.is_refused)), shown.at)
        if not call.live() and not held:
            self._over(call, shown.at)
        if leaving is not None and not held:
            self.told += leaving.after

    def _may_be_transfer(self, call: Call, leaving: Leaving) -> bool:
        live, everybody = call.live(), leaving.everybody()
        if call.id in self._joining or any(joining.call == call.id for joining in self._joining.values()):
            return True
        if any(self._is_elsewhere(one, call) for one in (everybody if live else call.legs)):
            return True
        if len(live) != 1:
            return not live and "CONSULT" in call.type.upper()
        last = everybody[-1]
        return call.legs[live[0]] in TALKING and last in call.talked and self._is_agent(last, call)

    def _is_elsewhere(self, address: str, call: Call) -> bool:
        """Whether an agent has another call, or has just left it as well."""
        if not self._is_agent(address, call):
            return False
        for other in self._of.get(address, ()):
            leaving = self._leaving.get(other)
            is_there = self._calls[other].legs[address] is not CLEARED
            if other != call.id and (is_there or (leaving is not None and address in leaving.everybody())):
                return True
        return False

    def _is_agent(self, address: str, call: Call) -> bool:
        """Customers do not transfer. Where nothing says who is one, everybody may be an agent."""
        return not call.agents or address in call.agents or self._is_seat(address)

    def _back_from_consulting(self, shown: Shown, secondary: str) -> None:
        """Who takes up a call that he held has left the other one by hanging up."""
        back = [one for one, state in shown.states.items() if state in TALKING and shown.is_retrieved(one)]
        for one in back:
            for other in list(self._of[one]):
                leaving = self._leaving.get(other)
                if other not in (shown.call.id, secondary) and leaving is not None and one in leaving.everybody():
                    self._release(other)

    def _blind(self, shown: Shown) -> str:
        """Somebody left a party for somebody who is new there: he transferred, by a consult call if one is known."""
        call, leaving = shown.call, self._leaving.get(shown.call.id)
        gone = leaving.everybody() if leaving is not None else []
        if leaving is None or len(gone) != 1 or gone[0] not in call.talked:
            return ""
        (by,), live = gone, call.live()
        for other in self._of[by]:
            consulted = [one for one in self._calls[other].legs if one != by]
            if other != call.id and consulted and set(consulted) <= set(live):
                return other
        came = shown.came or [one for one in live if call.legs[one] is LegState.ALERTING]
        if came and any(one in call.talked for one in live if one != came[0]):
            self._say(Transferred(call=call.id, by=by, to=came[0]), leaving.groups[0][1])
            self.told += self._leaving.pop(call.id).after
        return ""

    # Two calls become one

    def _consider(self, survivor: str, part: str, at: float | None, listed: Iterable[str]) -> None:
        """Join two calls, unless somebody may still be about to leave with that."""
        into, legs = self._calls[survivor], self._calls[part].legs if part in self._calls else {}
        gone = [one for one, state in legs.items() if one not in into.live() and CLEARED in (state, into.legs.get(one))]
        if not legs and survivor in self._leaving:
            gone = self._leaving[survivor].everybody()
        if gone:
            self._join(survivor, part, next((one for one in gone if one in into.legs), gone[0]), at)
            return
        joining = self._joining.get(survivor)
        if joining is None or joining.call != part:
            self._give_up(survivor)
            joining = self._joining[survivor] = Joining(part, self._now, at)
        joining.listed.update(listed)
        if joining.listed.issuperset(one for one, state in legs.items() if state is not CLEARED or one in into.legs):
            self._join(survivor, part, None, at)

    def _join(self, survivor: str, part: str, by: str | None, at: float | None) -> None:
        """`part` is `survivor` now; without `by` nobody has left with that."""
        into, call = self._calls[survivor], self._calls.get(part)
        self._joining.pop(survivor, None)
        after: list[Event] = self._leaving.pop(part).after if part in self._leaving else []
        if by is None:
            self._say(Conferenced(call=part, into=survivor), at)
        else:
            self._say(Transferred(call=part, by=by, into=survivor), at)
            self._file(into, by, CLEARED)
            after += self._tell_apart(survivor, by)
        if call is not None:
            into.talked |= call.talked
            for address in call.live():
                if address not in into.legs:
                    self._file(into, address, call.legs[address])
        self._forget(part)
        self._past.add(part, None)
        self.told += after

    def _give_up(self, survivor: str) -> None:
        """They are one; that somebody had left with that was not said."""
        joining = self._joining.pop(survivor, None)
        if joining is not None:
            self._join(survivor, joining.call, None, joining.at)

    def _tell_apart(self, call: str, by: str) -> list[Event]:
        """How he left is told; whoever else left is not. What waited for that, if nothing else is waited for."""
        leaving = self._leaving.get(call)
        if leaving is None:
            return []
        groups = [([one for one in group if one != by], at) for group, at in leaving.groups]
        leaving.groups = [(group, at) for group, at in groups if group]
        return [] if leaving.groups else self._leaving.pop(call).after

    # Answers

    def picture(self, dialogs: Iterable[tuple[Dialog, str]], extension: str | None) -> list[CallView]:
        """All calls of whoever sits there, each with the call that is part of it now; nothing of them waits longer."""
        shown = list(dialogs)
        for dialog, part in shown:
            self._replace(dialog)
            if part and part != dialog.id and part not in self._past:
                self._consider(dialog.id, part, None, Shown(self._calls[dialog.id], dialog).states)
        listed = {dialog.id for dialog, _ in shown}
        mine = set(self._of.get(extension, ()) if extension is not None else ())
        for survivor in list(self._joining):
            if survivor in listed | mine:
                self._give_up(survivor)
        for call in [one for one in self._leaving if one in listed | mine]:
            self._release(call)
        for call in mine - listed:
            self._forget(call)
        views = []
        for dialog, _ in shown:
            states = Shown(self._calls.get(dialog.id) or self._replace(dialog), dialog).states
            views.append(view_of(self._calls[dialog.id], states))
        return views

    def _replace(self, dialog: Dialog) -> Call:
        """The call is as an answer shows it: who is not listed is not there."""
        self._past.discard(dialog.id)
        call = self._calls.get(dialog.id) or self._new(dialog.id)
        for address, state in (dict.fromkeys(call.legs, CLEARED) | Shown(call, dialog).states).items():
            self._file(call, address, state)
        return call

    # What is kept, and told

    def _new(self, call_id: str) -> Call:
        if len(self._calls) >= self._calls_max:
            first = next(iter(self._calls))
            self._release(first)
            self._forget(first)
        call = self._calls[call_id] = Call(call_id)
        return call

    def _file(self, call: Call, address: str, state: LegState) -> None:
        call.legs[address] = state
        if state in TALKING:
            call.talked.add(address)
        self._of.setdefault(address, {})[call.id] = None

    def _forget(self, call_id: str) -> None:
        call = self._calls.pop(call_id, None)
        self._joining.pop(call_id, None)
        for address in call.legs if call is not None else ():
            mine = self._of.get(address, {})
            mine.pop(call_id, None)
            if not mine:
                self._of.pop(address, None)

    def _release(self, call_id: str) -> None:
        """Nothing has explained it: they dropped, each group at its time."""
        leaving = self._leaving.pop(call_id, None)
        if leaving is None:
            return
        call = self._calls[call_id]
        for group, at in leaving.groups:
            self._say(CallSeen(view=_cleared(call_id, group)), at)
        if not call.live():
            self._over(call, leaving.groups[-1][1])
        self.told += leaving.after

    def _over(self, call: Call, at: float | None) -> None:
        self._say(CallCleared(call=call.id), at)
        self._forget(call.id)
        self._past.add(call.id, None)

    def _is_past(self, since: Moment) -> bool:
        (records, received_at), (then_records, then_received_at) = self._now, since
        if received_at is None or then_received_at is None:
            return records - then_records > HOLD_RECORDS
        return received_at - then_received_at > HOLD_S

    def _say(self, event: Event, at: float | None) -> None:
        self.told.append(structs.replace(event, at=at))


def _cleared(call: str, addresses: Iterable[str]) -> CallView:
    return CallView(call, tuple(Participant(address, CLEARED) for address in addresses))
