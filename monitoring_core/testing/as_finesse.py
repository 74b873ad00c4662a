"""Shell: owns a story as Finesse's notifications: who is sent which dialog, by which method, and users and errors.

Refuses to say what Finesse does not: what supervisors ask for goes the other way, so it comes natively. Source: domain
section 2, the event tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from xml.sax.saxutils import escape

import attrs
import msgspec

from monitoring_core.domain.events import MonitorFailed, Participant
from monitoring_core.testing.as_native import natively
from monitoring_core.testing.finesse_words import call_type, shown, state_of, word
from monitoring_core.testing.happenings import SEATS, Dialog, Happening, Seat, Told

_API = "/finesse/api"
_PERSONS = {seat.extension: seat.person for seat in SEATS}


@attrs.define
class Finesse:
    """A server in the middle of a story: which dialogs a person was sent, and since when each participant is as he is.

    `dialogs` are ids by person; `changes` hold the state and its time (seconds) by dialog and address.
    """

    dialogs: dict[str, set[str]] = attrs.field(factory=dict)
    changes: dict[tuple[str, str], tuple[str, float]] = attrs.field(factory=dict)

    def follow(self, happening: Happening) -> Iterator[bytes]:
        """The records of one happening; none if this server knows nothing of it."""
        at = happening.at
        for event in happening.events:
            if isinstance(event, MonitorFailed) and event.from_address is not None:
                person = _PERSONS[event.from_address]
                yield _record(at, f"User/{person}/Dialogs", "PUT", _error(event.code))
        if happening.seat is not None:
            person = happening.seat.person
            yield _record(at, f"User/{person}", "put", _user(happening.seat, happening.state))
        for dialog in happening.dialogs:
            for update in shown(dialog):
                yield from self._told(at, update)

    def _told(self, at: float, dialog: Dialog) -> Iterator[bytes]:
        """A dialog is added to who is new on it, changed for who stays, and removed from who is gone."""
        live = {_PERSONS[one.address] for one in dialog.live if one.address in _PERSONS}
        known = {person for person, dialogs in self.dialogs.items() if dialog.call in dialogs}
        content = self._dialog(at, dialog)
        if known:
            yield _record(at, f"Dialog/{dialog.call}", "PUT", content)
        for person in sorted(live - known):
            self.dialogs.setdefault(person, set()).add(dialog.call)
            yield _record(at, f"User/{person}/Dialogs", "POST", _tag("dialogs", content))
        gone = content.replace(f"<state>{state_of(dialog)}</state><toAddress>", "<state>DROPPED</state><toAddress>")
        for person in sorted(known - live):
            self.dialogs[person].remove(dialog.call)
            yield _record(at, f"User/{person}/Dialogs", "DELETE", _tag("dialogs", gone))

    def _dialog(self, at: float, dialog: Dialog) -> str:
        return _tag(
            "Dialog",
            _tag("associatedDialogUri"),
            _tag("fromAddress", escape(dialog.from_address)),
            _tag("id", dialog.call),
            _tag("mediaProperties", _tag("callType", call_type(dialog))),
            _tag("mediaType", "Voice"),
            _tag("participants", *(self._participant(at, dialog, one) for one in dialog.participants)),
            _tag("secondaryId", dialog.formerly),
            _tag("state", state_of(dialog)),
            _tag("toAddress", escape(dialog.to_address)),
            _tag("uri", f"{_API}/Dialog/{dialog.call}"),
        )

    def _participant(self, at: float, dialog: Dialog, one: Participant) -> str:
        state = word(one.state)
        known = self.changes.get((dialog.call, one.address), ("", at))
        _, since = self.changes[dialog.call, one.address] = known if known[0] == state else (state, at)
        kind = "AGENT_DEVICE" if one.address in _PERSONS else ""
        return _tag(
            "Participant",
            _tag("mediaAddress", escape(one.address)),
            _tag("mediaAddressType", kind),
            _tag("state", state),
            _tag("stateChangeTime", datetime.fromtimestamp(since, UTC).isoformat(timespec="milliseconds")),
        )


def as_finesse(story: Iterable[Happening]) -> list[Told]:
    """All of it; what people ask for and what phones can do comes natively."""
    finesse, found = Finesse(), list[Told]()
    for number, happening in enumerate(story):
        records = list(finesse.follow(happening))
        found += [Told(number, "finesse", record) for record in records]
        found += [] if records else natively(number, happening)
    return found


def _record(at: float, path: str, method: str, content: str) -> bytes:
    path = f"{_API}/{path}"
    parts = _tag("data", content), _tag("event", method), _tag("requestId"), _tag("source", path)
    return msgspec.json.encode({"received_at": at, "node": path, "update": _tag("Update", *parts)})


def _user(seat: Seat, state: str) -> str:
    teams = (_tag("teams", *(_tag("Team", _tag("id", team)) for team in seat.supervises)),) if seat.supervises else ()
    return _tag(
        "user",
        _tag("extension", seat.extension),
        _tag("loginId", seat.person),
        _tag("roles", *(_tag("role", role) for role in seat.roles)),
        _tag("state", state),
        _tag("teamId", seat.teams[0]),
        *teams,
    )


def _error(code: str) -> str:
    texts = _tag("errorData", code), _tag("errorMessage", "refused"), _tag("errorType", code)
    return _tag("apiErrors", _tag("apiError", *texts))


def _tag(name: str, *inner: str) -> str:
    return f"<{name}>{''.join(inner)}</{name}>"
