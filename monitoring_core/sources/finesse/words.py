"""Shell: owns what Finesse's words for states, times and kinds of calls are in ours.

Refuses to know what follows from them, and to guess: a time without its zone is no time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from urllib.parse import unquote

from monitoring_core.domain.events import LegState
from monitoring_core.finesse.updates import Dialog

LEGS = {
    "INITIATING": LegState.INITIATED,
    "INITIATED": LegState.INITIATED,
    "ALERTING": LegState.ALERTING,
    "ACTIVE": LegState.CONNECTED,
    "HELD": LegState.HELD,
    "WRAP_UP": LegState.CLEARED,  # he left the call and still writes about it
    "DROPPED": LegState.CLEARED,
    "FAILED": LegState.CLEARED,
}
"""Finesse's states of a participant, and of a dialog, which has no HELD (domain.md section 2)."""

_LIVELIEST = (
    LegState.CONNECTED,
    LegState.HELD,
    LegState.WAITING,
    LegState.ALERTING,
    LegState.INITIATED,
    LegState.CLEARED,
)
_COMMAND = re.compile(r".+/[0-9]+/[0-9]+", re.ASCII | re.DOTALL)
TALKING = frozenset({LegState.CONNECTED, LegState.HELD})


def leg_states(dialog: Dialog) -> dict[str, LegState]:
    """Each participant's state; of a line that several phones share, the liveliest.

    Who has no address, or a state that Finesse does not have, is left out, as who is not listed is left as he was.
    """
    states: dict[str, LegState] = {}
    for one in dialog.participants:
        state = LEGS.get(one.state.upper())
        if one.address and state is not None:
            states[one.address] = min(states.get(one.address, LegState.CLEARED), state, key=_LIVELIEST.index)
    return states


def agents(dialog: Dialog) -> set[str]:
    """The participants who sit at an agent's phone."""
    return {one.address for one in dialog.participants if one.kind.upper() == "AGENT_DEVICE"}


def is_voice(dialog: Dialog) -> bool:
    """Whether it is a telephone call; chats and mails are dialogs, too."""
    return dialog.media_type.lower() in ("", "voice")


def is_monitor(dialog: Dialog) -> bool:
    """Whether it is the call on which a supervisor listens."""
    return dialog.call_type.upper() == "SUPERVISOR_MONITOR"


def is_over(dialog: Dialog) -> bool:
    """Whether the dialog itself is said to be."""
    return LEGS.get(dialog.state.upper()) is LegState.CLEARED


def at_of(dialog: Dialog) -> float | None:
    """When the latest of what a dialog shows happened, seconds since 1970."""
    return max(filter(None, (seconds(one.changed_at) for one in dialog.participants)), default=None)


def seconds(text: str) -> float | None:
    """A time of ISO 8601 as seconds since 1970; None where there is none, or none that means one moment."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if moment.tzinfo is None else moment.timestamp()


def agent_state(text: str) -> str | None:
    """As Finesse writes it, NOT_READY: rules compare it."""
    return "_".join(text.replace("-", " ").replace("_", " ").upper().split()) or None


def command_of(request_id: str) -> str | None:
    """The id of our command, `SESSION/POSITION/NUMBER`, with which a request went out; None if somebody else asked."""
    command = unquote(request_id, errors="surrogatepass")
    return command if _COMMAND.fullmatch(command) else None


def unique(names: Iterable[str]) -> list[str]:
    """Each once, in the order in which it came first."""
    return list(dict.fromkeys(names))
