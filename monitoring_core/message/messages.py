"""Pure: owns the messages of the bus as values, and the way between them and one line of bytes.

Refuses to know what follows from a message, and what a switch does with one. Source: the bus's published pages; where
a page contradicts itself a reader takes both and a writer writes the table.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Literal

from msgspec import Struct, field

from monitoring_core.domain.outcomes import AnyCommand, BroadcastError, ChangeMode, DropMonitorCall, StartMonitoring
from monitoring_core.domain.settings import Limits, Settings
from monitoring_core.errors import MessageError, quote
from monitoring_core.message.fields import Fields
from monitoring_core.message.parsing import fold, parse, place

_LIMITS = Limits()

# Requests carry `data`, answers and events `message`; a page writes `data ` with a space.
_PAYLOAD = ("data", "message")
_ENVELOPE = ("channel", "topic", "subtopic", "source", *_PAYLOAD)
_MONITORING = ("fromAddress", "toAddress", "UserName")
# The call-control pages call the sender's own extension both.
_OWN_ADDRESS = ("MediaAddress", "extension")
_ERROR = ("errorType", "errorMessage", "msg")


class SetSilentMonitoring(Struct, frozen=True):
    """A supervisor on `from_address` asks to listen to the agent on `to_address`; `user` is the id he claims.

    The topic is not kept: its page says Team in the table and Agent in the sample, and means the same.
    `extra` and `data_extra`: the unknown fields of the envelope and of its data, as sent and in their order.
    """

    from_address: str
    to_address: str
    user: str
    source: str = ""
    extra: dict[str, Any] = field(default_factory=dict)
    data_extra: dict[str, Any] = field(default_factory=dict)


class SetDrop(Struct, frozen=True):
    """Whoever is on `media_address` leaves the call `call_id`: how a supervisor ends his monitor call."""

    media_address: str
    call_id: str
    topic: Literal["InboundCall", "OutboundCall"] = "InboundCall"
    source: str = ""
    extra: dict[str, Any] = field(default_factory=dict)
    data_extra: dict[str, Any] = field(default_factory=dict)


class SetBargeCall(Struct, frozen=True):
    """A supervisor who listens through the monitor call `call_id` joins the call itself (`SetBARGE CALL`)."""

    from_address: str
    to_address: str
    user: str
    call_id: str
    topic: Literal["InboundCall", "OutboundCall"] = "InboundCall"
    source: str = ""
    extra: dict[str, Any] = field(default_factory=dict)
    data_extra: dict[str, Any] = field(default_factory=dict)


class SetApiError(Struct, frozen=True):
    """A failure, told to everybody: `error_message` is for programs, `text` (`msg`) for people.

    `error_extra`: the unknown fields beside the three, in the inner of the two objects called data.
    """

    error_type: str
    error_message: str = ""
    text: str = ""
    source: str = ""
    extra: dict[str, Any] = field(default_factory=dict)
    data_extra: dict[str, Any] = field(default_factory=dict)
    error_extra: dict[str, Any] = field(default_factory=dict)


class Envelope(Struct, frozen=True):
    """Any other message: another subtopic, or another channel and so another switch's (Webex and Amazon share the bus).

    `payload_key` is `data`, `message`, or empty when there is no payload at all.
    """

    subtopic: str
    channel: str = ""
    topic: str = ""
    source: str = ""
    payload_key: Literal["", "data", "message"] = ""
    payload: Any = None
    extra: dict[str, Any] = field(default_factory=dict)


Message = SetSilentMonitoring | SetDrop | SetBargeCall | SetApiError | Envelope


def decode(raw: bytes | str, limits: Limits = _LIMITS) -> Message:
    """The message in `raw`, whatever it holds. Raises exactly one MessageError if it is none, never anything else.

    Tolerated, because the bus's own pages and answers do it: every spelling of a key (see `fold`), both topics of
    SetSilentMonitoring, any case of channel, topic and subtopic, `message` for `data`, a missing source, white space
    around the message, unknown fields. Not tolerated, because two readers could take it for two different things: a
    repeated key, also in two spellings, and a number where an address or id belongs.
    An address is text and stays as sent: "0042" is not "42", and nothing here knows which blanks matter.
    """
    envelope = Fields.of(parse(raw, limits))
    subtopic = fold(envelope.text("subtopic"))
    reader = _READERS.get(subtopic)
    if reader is None or fold(envelope.text("channel")) != "cisco":
        return _envelope(envelope)
    return reader(envelope)


def encode(message: Message, spelling: Literal["table", "sample"] = "table") -> bytes:
    """One line that decodes to `message` again. Raises MessageError if nothing does: then the value is at fault.

    `spelling` is that of SetSilentMonitoring: of its page's table, or of its sample. Everything beyond ASCII is
    escaped: no receiver then takes U+2028 for the end of the line, or our UTF-8 for something else.
    """
    try:
        line = json.dumps(_written(message, spelling), separators=(",", ":")).encode() + b"\n"
    except (TypeError, ValueError, RecursionError):
        line = b""
    if not line or decode(line) != message:
        fix = "use only text keys and JSON values, no second spelling of a known key, and no password"
        raise MessageError("the message would not arrive as it is", quote(type(message).__name__), fix)
    return line


def of_command(command: AnyCommand, settings: Settings) -> Message | None:
    """The message that carries out `command`; None if the bus has none for it, as for a snapshot, or for whispering."""
    if isinstance(command, StartMonitoring) and command.mode == "silent":
        return SetSilentMonitoring(command.from_address, command.to_address, command.user, settings.source)
    if isinstance(command, DropMonitorCall):
        return SetDrop(command.media_address, command.monitor_call, _call_topic(command), settings.source)
    if isinstance(command, ChangeMode) and command.mode == "barge":
        names = (command.from_address, command.to_address, command.user, command.monitor_call)
        return SetBargeCall(*names, _call_topic(command), settings.source)
    if isinstance(command, BroadcastError):
        return SetApiError(command.error, command.error, command.because, settings.source)
    return None


def not_said(command: AnyCommand) -> str:
    """Why the bus has no message that carries out `command`."""
    if isinstance(command, StartMonitoring):
        return f"nothing on this bus starts in mode {command.mode}"
    return f"nothing on this bus asks for {command.mode if isinstance(command, ChangeMode) else 'a snapshot'}"


def _call_topic(command: DropMonitorCall | ChangeMode) -> Literal["InboundCall", "OutboundCall"]:
    return "OutboundCall" if command.outbound else "InboundCall"


# Reading


def _envelope(envelope: Fields) -> Envelope:
    key = envelope.key(*_PAYLOAD)
    return Envelope(
        subtopic=envelope.text("subtopic"),
        channel=envelope.text_or_none("channel") or "",
        topic=envelope.text_or_none("topic") or "",
        source=envelope.text_or_none("source") or "",
        payload_key="" if key is None else "data" if fold(key) == "data" else "message",
        payload=envelope.value(*_PAYLOAD),
        extra=envelope.rest(*_ENVELOPE),
    )


def _monitoring(envelope: Fields) -> SetSilentMonitoring:
    _topic(envelope, "Team", "Agent")
    data = envelope.inside(*_PAYLOAD)
    return SetSilentMonitoring(
        from_address=data.text("fromAddress"),
        to_address=data.text("toAddress"),
        user=data.text("UserName"),
        source=envelope.text_or_none("source") or "",
        extra=envelope.rest(*_ENVELOPE),
        data_extra=data.rest(*_MONITORING),
    )


def _drop(envelope: Fields) -> SetDrop:
    outbound = _topic(envelope, "InboundCall", "OutboundCall") == "OutboundCall"
    data = envelope.inside(*_PAYLOAD)
    return SetDrop(
        media_address=data.text(*_OWN_ADDRESS),
        call_id=data.text("CallID"),
        topic="OutboundCall" if outbound else "InboundCall",
        source=envelope.text_or_none("source") or "",
        extra=envelope.rest(*_ENVELOPE),
        data_extra=data.rest(*_OWN_ADDRESS, "CallID"),
    )


def _barge(envelope: Fields) -> SetBargeCall:
    outbound = _topic(envelope, "InboundCall", "OutboundCall") == "OutboundCall"
    data = envelope.inside(*_PAYLOAD)
    return SetBargeCall(
        from_address=data.text("fromAddress"),
        to_address=data.text("toAddress"),
        user=data.text("UserName"),
        call_id=data.text("CallID"),
        topic="OutboundCall" if outbound else "InboundCall",
        source=envelope.text_or_none("source") or "",
        extra=envelope.rest(*_ENVELOPE),
        data_extra=data.rest(*_MONITORING, "CallID"),
    )


def _api_error(envelope: Fields) -> SetApiError:
    _topic(envelope, "Error")
    data = envelope.inside(*_PAYLOAD)
    error = data.inside("data")
    return SetApiError(
        error_type=error.text("errorType"),
        error_message=error.text_or_none("errorMessage") or "",
        text=error.text_or_none("msg") or "",
        source=envelope.text_or_none("source") or "",
        extra=envelope.rest(*_ENVELOPE),
        data_extra=data.rest("packet", "data"),
        error_extra=error.rest(*_ERROR),
    )


def _topic(envelope: Fields, *allowed: str) -> str:
    """The topic as its page writes it. Raises MessageError if it is none of `allowed`."""
    sent = fold(envelope.text("topic"))
    for topic in allowed:
        if sent == fold(topic):
            return topic
    fix = f"send it on {' or '.join(allowed)}"
    raise MessageError("this subtopic is not on this topic", place(envelope.key("topic") or ""), fix)


_READERS: dict[str, Callable[[Fields], Message]] = {
    "setsilentmonitoring": _monitoring,
    "setdrop": _drop,
    "setbargecall": _barge,
    "setapierror": _api_error,
}


# Writing


def _written(message: Message, spelling: Literal["table", "sample"]) -> dict[str, Any]:
    if isinstance(message, Envelope):
        known = {name: getattr(message, name) for name in ("channel", "topic", "subtopic", "source")}
        payload: dict[str, Any] = {message.payload_key: message.payload} if message.payload_key else {}
        return {**known, **payload, **message.extra}
    if isinstance(message, SetDrop):
        data: dict[str, Any] = {"MediaAddress": message.media_address, "CallID": message.call_id}
        return _around(message, message.topic, "SetDROP", data)
    if isinstance(message, SetBargeCall):
        names = {"fromAddress": message.from_address, "toAddress": message.to_address, "Username": message.user}
        return _around(message, message.topic, "SetBARGE CALL", {**names, "CallId": message.call_id})
    if isinstance(message, SetApiError):
        error = {"errorType": message.error_type, "errorMessage": message.error_message, "msg": message.text}
        return _around(
            message, "Error", "SetAPIError", {"packet": "apierror", "data": {**error, **message.error_extra}}
        )
    if spelling == "sample":
        data = {"Username": message.user, "FromAddress": message.from_address, "ToAddress": message.to_address}
        return _around(message, "Agent", "SetSilentMonitoring", data)
    data = {"fromAddress": message.from_address, "toAddress": message.to_address, "UserName": message.user}
    return _around(message, "Team", "SetSilentMonitoring", data)


def _around(
    message: SetSilentMonitoring | SetDrop | SetBargeCall | SetApiError, topic: str, subtopic: str, data: dict[str, Any]
) -> dict[str, Any]:
    known = {"channel": "Cisco", "topic": topic, "subtopic": subtopic}
    source = {"source": message.source} if message.source else {}
    return {**known, **source, "data": {**data, **message.data_extra}, **message.extra}
