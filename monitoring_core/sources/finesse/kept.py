"""Shell: owns what is kept of calls between two dialogs, and how a call as it is kept is shown.

Refuses to know when something is told; `calls` does.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from monitoring_core.domain.events import CallView, Event, LegState, Participant
from monitoring_core.finesse.updates import Dialog
from monitoring_core.sources.finesse.words import TALKING, agents, at_of, leg_states

CLEARED = LegState.CLEARED

Moment = tuple[int, float | None]
"""The number of a record and its time of receipt, seconds."""


@attrs.define(eq=False)
class Call:
    """A call as far as dialogs showed it: everybody who ever was on it, who of them sits at an agent's phone or has
    ever talked, and its type.
    """

    id: str
    legs: dict[str, LegState] = attrs.field(factory=dict)
    agents: set[str] = attrs.field(factory=set)
    talked: set[str] = attrs.field(factory=set)
    type: str = ""

    def live(self) -> list[str]:
        """Who is on it."""
        return [address for address, state in self.legs.items() if state is not CLEARED]


@attrs.define(eq=False)
class Leaving:
    """What is kept back of one call: who left, in groups of those who left at once, each with its time.

    `after`: what must not be told before.
    """

    since: Moment
    groups: list[tuple[list[str], float | None]] = attrs.field(factory=list)
    after: list[Event] = attrs.field(factory=list)

    def everybody(self) -> list[str]:
        """All who left."""
        return [address for group, _ in self.groups for address in group]


@attrs.define(eq=False)
class Joining:
    """A call that has become part of another, while it is not clear whether somebody left with that.

    `listed`: whom the surviving one has shown since.
    """

    call: str
    since: Moment
    at: float | None
    listed: set[str] = attrs.field(factory=set)


class Shown:
    """One dialog beside what was known of its call before: the legs that it lists, and what is new in them."""

    def __init__(self, call: Call, dialog: Dialog) -> None:
        self.call = call
        self.at = at_of(dialog)
        self.states = leg_states(dialog)
        self._before = dict(call.legs)
        call.agents |= agents(dialog)
        call.type = dialog.call_type or call.type

    @property
    def left(self) -> list[str]:
        """Who is gone by it."""
        return [one for one in self.states if self.call.legs[one] is CLEARED and self._before.get(one) is not CLEARED]

    @property
    def is_refused(self) -> bool:
        """Whether all who left by it had only been rung."""
        return bool(self.left) and all(self._before.get(one) is LegState.ALERTING for one in self.left)

    @property
    def came(self) -> list[str]:
        """Who is new on a call that was known."""
        new = [one for one in self.states if one not in self._before and self.call.legs[one] is not CLEARED]
        return new if self._before else []

    def is_retrieved(self, address: str) -> bool:
        """Whether he had the call on hold until now."""
        return self._before.get(address) is LegState.HELD and self.call.legs[address] is LegState.CONNECTED


def view_of(call: Call, states: Mapping[str, LegState], *, is_refused: bool = False) -> CallView:
    """The legs in `states`, as we tell them. `is_refused`: who left just now did not take the call.

    Who is ACTIVE, with nobody to talk to but a phone that rings or has been refused, waits: somebody else's will.
    Finesse has no word for it.
    """
    live = {one: call.legs[one] for one in call.live()}
    talking = [one for one, state in live.items() if state in TALKING]
    is_ringing = LegState.ALERTING in live.values() or (is_refused and len(live) == 1)
    waiting = talking[0] if len(talking) == 1 and is_ringing and live[talking[0]] is LegState.CONNECTED else ""
    legs = ((one, LegState.WAITING if one == waiting else call.legs[one]) for one in states)
    return CallView(call.id, tuple(Participant(*leg) for leg in legs), call.type or None)
