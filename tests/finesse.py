"""Finesse's notifications and answers, written as text: what the tests of its source feed."""

from __future__ import annotations

import json
from datetime import UTC, datetime

Parts = dict[str, str]
"""The state of each participant, by address; addresses that begin with 50 are agents' phones."""


def iso(at: float) -> str:
    """That moment (seconds since 1970) as Finesse writes it."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def tag(name: str, *inner: str) -> str:
    """An element."""
    return f"<{name}>{''.join(inner)}</{name}>"


def participant(address: str, state: str, at: float | None = None) -> str:
    """One participant; `at`: since when he is in that state."""
    return tag(
        "Participant",
        tag("actions", tag("action", "DROP")),
        tag("mediaAddress", address),
        tag("mediaAddressType", "AGENT_DEVICE" if address.startswith("50") else ""),
        tag("state", state),
        tag("stateCause"),
        tag("stateChangeTime", "" if at is None else iso(at)),
    )


def dialog(call: str, state: str, parts: Parts, at: float | None = None, **other: str) -> str:
    """A call; `other`: secondary, type, from_address, to_address, associated, media."""
    return tag(
        "Dialog",
        tag("associatedDialogUri", other.get("associated", "")),
        tag("fromAddress", other.get("from_address", "0170")),
        tag("id", call),
        tag("mediaProperties", tag("callType", other.get("type", "ACD_IN"))),
        tag("mediaType", other.get("media", "Voice")),
        tag("participants", *(participant(address, leg, at) for address, leg in parts.items())),
        tag("secondaryId", other.get("secondary", "")),
        tag("state", state),
        tag("toAddress", other.get("to_address", "5025")),
        tag("uri", f"/finesse/api/Dialog/{call}"),
    )


def monitor(call: str, state: str, parts: Parts, at: float | None = None, **other: str) -> str:
    """The call on which 5004 listens to 5025."""
    return dialog(
        call, state, parts, at, **{"type": "SUPERVISOR_MONITOR", "from_address": "5004", "to_address": "5025", **other}
    )


def update(event: str, source: str, *data: str) -> str:
    """A notification."""
    return tag("Update", tag("data", *data), tag("event", event), tag("requestId"), tag("source", source))


def of_user(event: str, person: str, *dialogs: str) -> str:
    """A collection change: dialogs are added to a user's (POST), or taken from them (DELETE)."""
    return update(event, f"/finesse/api/User/{person}/Dialogs", tag("dialogs", *dialogs))


def put(one: str) -> str:
    """A property change of a dialog."""
    call = one.partition("<id>")[2].partition("</id>")[0]
    return update("PUT", f"/finesse/api/Dialog/{call}", one.replace("Dialog>", "dialog>"))


def user(person: str, extension: str, state: str, at: float | None = None, *, name: str = "User", **other: str) -> str:
    """A person; `other`: role (else Agent), team, supervises (one team)."""
    supervises = (tag("teams", tag("Team", tag("id", other["supervises"]))),) if "supervises" in other else ()
    return tag(
        name,
        tag("extension", extension),
        tag("loginId", person),
        tag("roles", tag("role", other.get("role", "Agent"))),
        tag("state", state),
        tag("stateChangeTime", "" if at is None else iso(at)),
        tag("teamId", other.get("team", "7")),
        *supervises,
    )


def user_changed(person: str, extension: str, state: str, at: float | None = None, **other: str) -> str:
    """A notification about a person."""
    return update("put", f"/finesse/api/User/{person}", user(person, extension, state, at, name="user", **other))


def failed(code: str, source: str, text: str = "", kind: str = "Call Operation Failure") -> str:
    """An asynchronous error."""
    error = tag("apiError", tag("errorData", code), tag("errorMessage", text), tag("errorType", kind))
    return update("PUT", source, tag("apiErrors", error))


def line(content: str, received_at: float | None = None, node: str = "", **other: object) -> bytes:
    """A record as a recorder writes it."""
    known = {} if received_at is None else {"received_at": received_at}
    return json.dumps({**known, **({"node": node} if node else {}), **other, "update": content}).encode()
