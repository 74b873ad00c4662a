"""Shell: owns what the messages of the workspace bus mean as events, one record at a time; it opens nothing itself.

Refuses to judge, to remember (the floor does) and to tell the time: `received_at` is the caller's, unless recorded.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypedDict

from msgspec import structs

from monitoring_core.domain.events import (
    CallCleared,
    CallSeen,
    CallView,
    Event,
    LegState,
    ModeRequested,
    MonitorEnded,
    MonitorFailed,
    MonitorOf,
    MonitorRequested,
    Participant,
    PersonChanged,
    PersonView,
    SignedIn,
    SignedOut,
    Snapshot,
    StopRequested,
)
from monitoring_core.errors import MessageError, UsageError
from monitoring_core.message import (
    Fields,
    Message,
    SetApiError,
    SetBargeCall,
    SetDrop,
    SetSilentMonitoring,
    below,
    decode,
    fold,
    place,
)

_LEGS = {
    "initiating": LegState.INITIATED,
    "initiated": LegState.INITIATED,
    "alerting": LegState.ALERTING,
    "active": LegState.CONNECTED,
    "held": LegState.HELD,
    "wrapup": LegState.CLEARED,  # he left the call and still writes about it
    "dropped": LegState.CLEARED,
    "failed": LegState.CLEARED,
}
"""Finesse's states of a participant, folded: the bus writes ACTIVE, active, WRAP_UP and wrap-up."""


class WorkspaceSource:
    """Turns bus envelopes, one JSON object each, into events.

    `own_source`: the name under which this program sends. What carries it is our own voice on a shared stream: never
    a request (we would answer ourselves), nor a stop or a failure (we would obey ourselves, for ever).

    Answers and events are documented by sample only, and three switches share the bus. Therefore: keys in any
    spelling; objects that may be wrapped once more or given as a list of one are taken either way; a participant
    without an address or with a state that Finesse does not have is left out, as who is not listed is left as he
    was; a record about anything else is no event at all. An address or id that is no text is an error, as on requests.
    """

    def __init__(self, own_source: str) -> None:
        if not own_source:
            raise UsageError("the bus needs a name for this program", "own_source", "give the setting `source` a text")
        self._own_source = own_source

    def feed(self, record: bytes) -> list[Event]:
        """The events in one record, in order. Raises MessageError, and nothing else, if it cannot be read.

        `at`, `received_at` (seconds) and `id` beside the envelope's own keys, as a recorder adds them, go to the
        events; of several events the later ones get `id/2`, `id/3`, as one id twice would be a repeat.
        """
        message = decode(record)
        if message.source == self._own_source:
            return []
        recorded = Fields.of(message.extra)
        common = {
            "at": _seconds(recorded, "at"),
            "received_at": _seconds(recorded, "received_at"),
            "source": message.source,
        }
        name = recorded.text_or_none("id")
        return [
            structs.replace(event, id=name and (f"{name}/{number}" if number > 1 else name), **common)
            for number, event in enumerate(_events(message), 1)
        ]


def _seconds(recorded: Fields, name: str) -> float | None:
    value = recorded.value(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise MessageError(f"{name} is not a number", place(recorded.key(name) or ""), "send seconds, as a JSON number")
    return float(value)


def _events(message: Message) -> Iterator[Event]:
    match message:
        case SetSilentMonitoring(from_address, to_address, user):
            yield MonitorRequested(from_address=from_address, to_address=to_address, user=user)
        case SetDrop(media_address, call_id):
            yield StopRequested(monitor_call=call_id, from_address=media_address)
        case SetBargeCall(from_address, _, user, call_id):
            yield ModeRequested(monitor_call=call_id, from_address=from_address, user=user, mode="barge")
        case SetApiError(error_type, _, text):
            yield MonitorFailed(code=error_type, text=text)
        case _:
            subtopic = fold(message.subtopic)
            # The same subtopics without an answer's `message` are somebody's wishes: no fact follows from them.
            if subtopic in {"inboundcallstatechange", "outboundcallstatechange"}:
                yield from _call_events(Fields.of(message.payload, message.payload_key))
            elif subtopic in {"setagentstate", "getagentstate"} and message.payload_key == "message":
                yield from _person_events(Fields.of(message.payload, "message"))
            elif subtopic == "getappstate" and message.payload_key == "message":
                yield _snapshot(Fields.of(message.payload, "message").inside("ctiState"))


# Calls


def _call_events(message: Fields) -> Iterator[Event]:
    call = message.inside("call")
    dialog = _unwrapped(call, "ResponseActual", "dialog")
    state = fold(dialog.text_or_none("state") or call.text_or_none("event") or "")
    if _is_monitor_call(_types(dialog, call)) and state in {"dropped", "failed"}:
        # No CallSeen before: a repeated end, told as a monitor call that is seen, would look like a new start.
        yield MonitorEnded(monitor_call=_call_id(dialog, call))
        return
    view = _view(dialog, call)
    yield CallSeen(view=view)
    # Who transfers is sent the call as DROPPED while its other participants go on: it is over only if nobody is left.
    if state == "dropped" and all(participant.state is LegState.CLEARED for participant in view.participants):
        yield CallCleared(call=view.call)


def _view(dialog: Fields, call: Fields) -> CallView:
    types = _types(dialog, call)
    monitor = MonitorOf(dialog.text("fromAddress"), dialog.text("toAddress")) if _is_monitor_call(types) else None
    return CallView(_call_id(dialog, call), tuple(_participants(dialog)), types[0] if types else None, monitor)


def _call_id(dialog: Fields, call: Fields) -> str:
    return dialog.text_or_none("id") or call.text("id")


def _types(dialog: Fields, call: Fields) -> list[str]:
    """The bus's own type of a call and Finesse's; either may be missing, either may say that it is a monitor call."""
    media = _unwrapped(dialog, "mediaProperties")
    return [text for text in (call.text_or_none("CallType"), media.text_or_none("callType")) if text]


def _is_monitor_call(types: list[str]) -> bool:
    return any(fold(text) == "supervisormonitor" for text in types)


def _participants(dialog: Fields) -> Iterator[Participant]:
    for item in _objects(dialog, "participants", "Participant"):
        address, state = item.text_or_none("mediaAddress"), _LEGS.get(fold(item.text_or_none("state") or ""))
        if address and state:
            yield Participant(address, state)


# People


def _person_events(message: Fields) -> Iterator[Event]:
    user = _unwrapped(message, "data", "user")
    person, state = user.text("loginId"), _agent_state(user.text_or_none("state"))
    extension = user.text_or_none("extension")
    if state == "LOGOUT":  # Finesse signs a person out, not an extension
        yield SignedOut(person=person)
    elif extension:
        yield SignedIn(person=person, extension=extension, state=state, **_properties(user))
    else:
        yield PersonChanged(person=person, state=state, **_properties(user))


class _Properties(TypedDict):
    name: str | None
    roles: tuple[str, ...] | None
    teams: tuple[str, ...] | None
    supervises: tuple[str, ...] | None


def _properties(user: Fields) -> _Properties:
    """What a Finesse user says of himself; `teams` lists those he supervises, if he is a supervisor."""
    roles = [item for item, _ in _items(user, "roles", "role") if isinstance(item, str)]
    is_supervisor = any(fold(role) == "supervisor" for role in roles)
    if not is_supervisor and user.value("issupervisor") in (True, "true"):
        roles, is_supervisor = [*roles, "Supervisor"], True
    team = user.text_or_none("teamId")
    supervised = tuple(filter(None, (item.text_or_none("id") for item in _objects(user, "teams", "Team"))))
    return {
        "name": user.text_or_none("loginName"),
        "roles": tuple(roles) or None,
        "teams": (team,) if team else None,
        "supervises": supervised if is_supervisor and user.key("teams") else None,
    }


def _agent_state(text: str | None) -> str | None:
    """As Finesse writes it, NOT_READY: rules compare it."""
    return "_".join(text.replace("-", " ").replace("_", " ").upper().split()) or None if text else None


def _snapshot(cti: Fields) -> Snapshot:
    """How one person stands. His password, which the bus sends with it, was dropped when the bytes were read."""
    actual = _unwrapped(cti, "rules", "ResponseActual")
    user, claimed = _unwrapped(actual, "user"), _unwrapped(cti, "userInfo")
    person = user.text_or_none("loginId") or claimed.text("username")
    extension = user.text_or_none("extension") or claimed.text_or_none("extension")
    state = _agent_state(user.text_or_none("state") or cti.text_or_none("State"))
    extensions = (extension,) if extension and state != "LOGOUT" else ()
    dialogs = [dialog for dialog in _objects(actual, "dialog", "Dialog") if dialog.values]
    views = (_view(dialog, dialog) for dialog in dialogs if fold(dialog.text_or_none("state") or "") != "dropped")
    # Without Finesse's part of the answer nothing is said of calls, and absent must not mean gone.
    complete = actual.key("user") is not None or actual.key("dialog") is not None
    return Snapshot(
        scope="person",
        about=person,
        covers=("people", "calls") if complete else ("people",),
        people=(PersonView(person, extensions, state=state, **_properties(user)),),
        calls=tuple(views),
    )


# Shapes


def _unwrapped(fields: Fields, *names: str) -> Fields:
    """The object under the first name, then under the second in that one, ...; what is not there is passed over."""
    for name in names:
        if isinstance(fields.value(name), dict):
            fields = fields.inside(name)
    return fields


def _objects(fields: Fields, name: str, wrapper: str) -> Iterator[Fields]:
    return (Fields.of(item, path) for item, path in _items(fields, name, wrapper) if isinstance(item, dict))


def _items(fields: Fields, name: str, wrapper: str) -> Iterator[tuple[object, str]]:
    """What stands under `name`, with its key path: one, a list, or either once more inside `wrapper` as XML has it."""
    key = fields.key(name)
    if key is not None:
        yield from _flat(fields.values[key], below(fields.path, key), wrapper)


def _flat(value: object, path: str, wrapper: str) -> Iterator[tuple[object, str]]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _flat(item, below(path, index), wrapper)
    elif isinstance(value, dict) and (wrapped := Fields.of(value, path)).key(wrapper) is not None:
        yield from _items(wrapped, wrapper, wrapper)
    else:
        yield value, path
