"""Shell: owns Finesse's words for how calls stand, and how it shows the last of them, for the systems that speak them.

Refuses to know XML and the bus. Source: domain section 2, the event tables.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import structs

from monitoring_core.domain.events import LegState, Participant
from monitoring_core.testing.happenings import CUSTOMERS, Dialog

_WORDS = {
    LegState.INITIATED: "INITIATED",
    LegState.ALERTING: "ALERTING",
    LegState.CONNECTED: "ACTIVE",
    LegState.HELD: "HELD",
    LegState.WAITING: "ACTIVE",  # he hears the target's ringing; Finesse has no word for it
    LegState.CLEARED: "DROPPED",
}


def word(state: LegState) -> str:
    """A participant's state."""
    return _WORDS[state]


def state_of(dialog: Dialog) -> str:
    """The dialog's: it stays ACTIVE while every participant is HELD."""
    states = {one.state for one in dialog.live}
    if not states:
        return "DROPPED"
    return "ALERTING" if states == {LegState.INITIATED, LegState.ALERTING} else "ACTIVE"


def call_type(dialog: Dialog) -> str:
    """What kind of call it is."""
    if dialog.monitor is not None:
        return "SUPERVISOR_MONITOR"
    if dialog.from_address in CUSTOMERS:
        return "ACD_IN"
    return "OUT" if dialog.to_address in CUSTOMERS else "AGENT_INSIDE"


def shown(dialog: Dialog) -> Iterator[Dialog]:
    """What is shown of a dialog, one after the other: of the last to stay, if he is on our phones, first who left."""
    if len(dialog.live) > 1 or not dialog.live:
        yield dialog
        return
    if dialog.live[0].address not in CUSTOMERS:
        yield dialog
    everybody = tuple(Participant(one.address, LegState.CLEARED) for one in dialog.participants)
    yield structs.replace(dialog, participants=everybody)
