"""Shell: owns a story as envelopes of the workspace bus: requests, errors, and Finesse's states wrapped in messages.

Refuses to say what the bus does not: a transfer is one party dropped and another there, and nobody waits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from monitoring_core.domain.events import Event, MonitorFailed, MonitorRequested, StopRequested
from monitoring_core.message import Envelope, Message, SetApiError, SetDrop, SetSilentMonitoring, encode
from monitoring_core.testing.as_native import natively
from monitoring_core.testing.finesse_words import call_type, shown, state_of, word
from monitoring_core.testing.happenings import Dialog, Happening, Seat, Told

_DESKTOP = "desktop"


def as_workspace(story: Iterable[Happening]) -> list[Told]:
    """All of it; what phones can do comes natively."""
    found: list[Told] = []
    for number, happening in enumerate(story):
        messages = list(_messages(happening))
        found += [Told(number, "workspace", encode(message)) for message in messages]
        found += [] if messages else natively(number, happening)
    return found


def _messages(happening: Happening) -> Iterator[Message]:
    extra = {"at": happening.at, "received_at": happening.at}
    for event in happening.events:
        message = _asked(event, extra)
        if message is not None:
            yield message
    if happening.seat is not None:
        data = _user(happening.seat, happening.state)
        yield Envelope("SetAgentState", "Cisco", "Agent", _DESKTOP, "message", {"data": data}, extra)
    for dialog in happening.dialogs:
        for update in shown(dialog):
            payload = {"call": _call(update), "source": _DESKTOP}
            yield Envelope("InboundCallStateChange", "Finesse", "Inbound", _DESKTOP, "message", payload, extra)


def _asked(event: Event, extra: dict[str, Any]) -> Message | None:
    match event:
        case MonitorRequested(from_address=supervisor, to_address=agent, user=user):
            return SetSilentMonitoring(supervisor, agent, user, _DESKTOP, extra)
        case StopRequested(monitor_call=str(monitor_call), from_address=str(supervisor)):
            return SetDrop(supervisor, monitor_call, source=_DESKTOP, extra=extra)
        case MonitorFailed(code=code, text=text):
            return SetApiError(code, code, text, _DESKTOP, extra)
    return None


def _user(seat: Seat, state: str) -> dict[str, Any]:
    teams = {"teams": [{"id": team} for team in seat.supervises]} if seat.supervises else {}
    return {
        "loginId": seat.person,
        "extension": seat.extension,
        "state": state,
        "roles": list(seat.roles),
        "teamId": seat.teams[0],
        **teams,
    }


def _call(dialog: Dialog) -> dict[str, Any]:
    actual = {
        "id": dialog.call,
        "fromAddress": dialog.from_address,
        "toAddress": dialog.to_address,
        "state": state_of(dialog),
        "participants": [{"mediaAddress": one.address, "state": word(one.state)} for one in dialog.participants],
    }
    return {"id": dialog.call, "event": state_of(dialog), "CallType": call_type(dialog), "ResponseActual": actual}
