"""Shell: owns what dialogs of monitor calls mean: who listens to whom, who else, how, and that it ended.

Refuses to say why one ended, and to say it before it is told how the monitored party left his own call.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import attrs
from msgspec import structs

from monitoring_core.domain.events import (
    CallSeen,
    CallView,
    Event,
    LegState,
    ListenerJoined,
    ListenerLeft,
    ListenerMoved,
    ModeChanged,
    MonitorEnded,
    MonitorOf,
    Participant,
)
from monitoring_core.errors import MessageError
from monitoring_core.finesse.updates import Dialog, dialog_in
from monitoring_core.sources.finesse.calls import Calls
from monitoring_core.sources.finesse.words import LEGS, TALKING, at_of, is_monitor, is_over, leg_states


@attrs.define(eq=False)
class Monitor:
    """A monitor call: who listens, to whom, and who else does. `is_barge`: the listener is on the call himself."""

    listener: str
    monitored: str
    others: list[str] = attrs.field(factory=list)
    is_barge: bool = False


class Monitors:
    """The monitor calls that are up. At most `calls_max` are known; the first is forgotten first."""

    def __init__(self, calls_max: int, calls: Calls) -> None:
        self._calls_max, self._calls = calls_max, calls
        self._monitors: dict[str, Monitor] = {}

    def has(self, call: str) -> bool:
        """Whether there is that monitor call."""
        return call in self._monitors

    def is_one(self, dialog: Dialog) -> bool:
        """Whether it is a monitor call, also where it does not say so again."""
        return is_monitor(dialog) or dialog.id in self._monitors

    def show(self, dialog: Dialog, *, is_delete: bool) -> list[Event]:
        """A notification shows a monitor call. Raises MessageError if it does not say who listens to whom."""
        at, states, known = at_of(dialog), leg_states(dialog), self._monitors.get(dialog.id)
        listener = known.listener if known is not None else dialog.from_address
        news = [] if known is None or is_delete else list(self._listeners(dialog.id, known, states))
        if is_delete or is_over(dialog) or (states.get(listener) is LegState.CLEARED and not news):
            # No CallSeen before: a repeated end, told as a monitor call that is seen, would look like a new start.
            self._monitors.pop(dialog.id, None)
            ended = MonitorEnded(monitor_call=dialog.id, at=at)
            monitored = known.monitored if known is not None else dialog.to_address
            return [] if self._calls.after_leaving(monitored, ended) else [ended]
        return [structs.replace(event, at=at) for event in (*news, CallSeen(view=self.view(dialog)))]

    def view(self, dialog: Dialog) -> CallView:
        """The monitor call as it is shown. Raises MessageError if it does not say who listens to whom.

        The monitored party is left out: he is on it without a say, and may not be shown it.
        """
        known = self._monitors.get(dialog.id) or Monitor(dialog.from_address, dialog.to_address)
        if not (known.listener and known.monitored):
            missing = "toAddress" if known.listener else "fromAddress"
            raise MessageError(
                f"{missing} is missing", "a monitor call's dialog", f"add {missing}: who listens to whom"
            )
        self._monitors[dialog.id] = known
        if len(self._monitors) > self._calls_max:
            del self._monitors[next(iter(self._monitors))]
        states = leg_states(dialog)
        states.setdefault(known.listener, LEGS.get(dialog.state.upper(), LegState.CONNECTED))
        on = dialog_in(dialog.associated)
        call = on if on is not None and self._calls.is_on(known.monitored, on) else None
        parts = tuple(Participant(one, state) for one, state in states.items() if one != known.monitored)
        return CallView(dialog.id, parts, dialog.call_type or None, MonitorOf(known.listener, known.monitored, call))

    def barges(self, dialog: Dialog) -> list[Event]:
        """Who listened to somebody is shown talking on his call: he has barged in."""
        talking = {one for one, state in leg_states(dialog).items() if state in TALKING}
        found = [
            (call, monitor)
            for call, monitor in self._monitors.items()
            if not monitor.is_barge and {monitor.listener, monitor.monitored} <= talking
        ]
        for _, monitor in found:
            monitor.is_barge = True
        return [ModeChanged(monitor_call=call, mode="barge", at=at_of(dialog)) for call, _ in found]

    def _listeners(self, call: str, known: Monitor, states: Mapping[str, LegState]) -> Iterator[Event]:
        """Who listens now instead of, or besides, those who did. A phone that rings does not listen."""
        for one, state in states.items():
            if one in (known.listener, known.monitored):
                continue
            if state in TALKING and states.get(known.listener) is LegState.CLEARED:
                known.listener = one
                known.others = [other for other in known.others if other != one]
                yield ListenerMoved(monitor_call=call, from_address=one)
            elif state in TALKING and one not in known.others:
                known.others.append(one)
                yield ListenerJoined(monitor_call=call, from_address=one)
            elif state is LegState.CLEARED and one in known.others:
                known.others.remove(one)
                yield ListenerLeft(monitor_call=call, from_address=one)
